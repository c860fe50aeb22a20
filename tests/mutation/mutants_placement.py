# SPDX-License-Identifier: Apache-2.0
"""Hand-made faults in the planner of seats, in the form of mutants.py. Each breaks one definition of pinion.yaml(5)."""

SEARCH = "lib/cpu/seat_search.cpp"
EXCLUSIVE = "lib/cpu/exclusive.cpp"
WISH = "lib/cpu/wish.cpp"
PLAN = "lib/cpu/plan.cpp"

MUTANTS = [
    ("spread without balance", SEARCH,
     "return {child.seats, -free, 0};", "return {0, -free, 0};"),
    ("spread fills the fullest first", SEARCH,
     "return {child.seats, -free, 0};", "return {child.seats, free, 0};"),
    ("no tightness rule", SEARCH,
     "if (state_[child].level != state_[node].level) continue;", "if (state_[child].level < 0) continue;"),
    ("inverted child choice", SEARCH,
     "key(state_[child]) < key(state_[best])", "key(state_[best]) < key(state_[child])"),
    ("pack without best fit", SEARCH,
     "if (child.capacity >= remaining) return {fresh, 0, free};", ""),
    ("straddling naively", SEARCH,
     "for (; wanted > 0 && next != children.end() && state_[*next].free <= wanted; ++next) {\n"
     "        if (state_[*next].free == 0) break;\n"
     "        collect(*next, state_[*next].free, units);\n"
     "        wanted -= state_[*next].free;\n",
     "for (next = children.end(); wanted > 0 && next-- != children.begin();) {\n"
     "        const std::uint32_t some = std::min(wanted, state_[*next].free);\n"
     "        if (some > 0) collect(*next, some, units);\n"
     "        wanted -= some;\n"),
    ("a seat is as loose as it likes under require", SEARCH,
     "least_level_(static_cast<std::int32_t>(least_level))", "least_level_(static_cast<std::int32_t>(least_level * 0))"),
    ("ledger ignored", EXCLUSIVE,
     "if (wish.earlier.empty()) return;", "return;"),
    ("an automatic pool never yields", EXCLUSIVE,
     "            claims_.release(wish.pool, seats.rbegin()->first);\n            return true;",
     "            return false;"),
    ("idle siblings are given to the worker", EXCLUSIVE,
     "for (CpuSet& seat : seats) seat &= first;", ""),
    ("stacked workers all crowd on the first seat", EXCLUSIVE,
     "chosen[slot % round]", "chosen[0]"),
    ("no pool ordering", WISH,
     "    std::ranges::sort(turns, {}, [](const auto& entry) -> const Turn& { return entry.first; });\n", ""),
    ("scopes do not order pools", WISH,
     "Turn turn(rank, scope,", "Turn turn(rank, 0 * scope,"),
    ("within is not kept", WISH,
     "reach.kinds.push_back(part & within);", "reach.kinds.push_back(part);"),
    ("a later pool ignores keep_out", "lib/cpu/keep_out.cpp",
     "return closed |= kept(wish.pool, claims);", "return closed;"),
    ("a pool with keep_out joins others", "lib/cpu/keep_out.cpp",
     "if (wish.seat.keep_out) closed |= context_->widened(others, *wish.seat.keep_out);", ""),
    ("bind widens beyond the pool", PLAN,
     "return pool & context.widened(seat, CpuLevel::numa);", "return context.widened(seat, CpuLevel::numa);"),
    ("quota is rounded up", "lib/cpu/context.cpp",
     "std::floor(*quota / busy + 1e-9)", "std::ceil(*quota / busy)"),
    ("a core is shared by threads of two pools", "lib/cpu/keep_out.cpp",
     "    CpuSet closed = whole_cores(context_->topology, others);", "    CpuSet closed = others;"),
    ("the home seat is forgotten", "lib/cpu/ledger.cpp",
     "            next.push_back(*home->second);\n", "            {}\n"),
    ("the slow cores are filled first", "lib/cpu/universe.cpp",
     "if (known->cpus.intersects(cpus)) parts.push_back(known->cpus & cpus);",
     "if (known->cpus.intersects(cpus)) parts.insert(parts.begin(), known->cpus & cpus);"),
    ("kind any mixes the kinds", "lib/cpu/universe.cpp",
     "if (topology.kinds.size() < 2) return {cpus};\n    const CpuSet fastest",
     "if (topology.kinds.size() < 2 || kind == CpuExclusive::Kind::any) return {cpus};\n    const CpuSet fastest"),
    ("strict memory is granted where there is none", "lib/cpu/memory_nodes.cpp",
     "return seat.memory == MemoryPolicy::strict && !has_memory(topology, seat);", "return false;"),
    ("strict memory names slots that have some", "lib/cpu/memory_nodes.cpp",
     "if (!has_memory(topology, seat)) slots.push_back(seat.slot);", "slots.push_back(seat.slot);"),
    ("a policy is over nodes without memory", "lib/cpu/memory_nodes.cpp",
     "[&](std::uint32_t node) { return has_memory(topology, node); });\n    if",
     "[&](std::uint32_t) { return true; });\n    if"),
    ("a policy is set where there is nothing to choose", "lib/cpu/memory_nodes.cpp",
     "topology.memory_nodes.size() > 1", "topology.memory_nodes.size() > 0"),
    ("a refused pool keeps its seats from others", PLAN,
     "    found = plan(topology, universe, rest, ledger);\n", ""),
    ("libraries are told of hardware threads", PLAN,
     "return unit == CpuExclusive::Unit::threads ? cpus.count() : cores_touched(context, cpus);",
     "return cpus.count();"),
    ("named seats have no memory policy", PLAN,
     "return {.memory = memory_of(found->cpu)};", "return {};"),
]
