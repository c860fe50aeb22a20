// SPDX-License-Identifier: Apache-2.0
#include "cpu/notes.h"

#include <algorithm>
#include <cstdio>
#include <functional>

#include "base/text.h"

namespace pinion::cpu {
namespace {

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value);
    return text;
}

std::string noun_of(CpuExclusive::Unit unit) { return unit == CpuExclusive::Unit::cores ? "core" : "thread"; }

// "N cores" of `noun`, each seat being `size` of them: "6 seats x 2 cores = 12 cores".
std::string wish_text(std::uint32_t workers, std::uint32_t size, const std::string& noun) {
    return counted(workers, "seat") + " x " + counted(size, noun) + " = " +
           counted(std::uint64_t{workers} * size, noun);
}

// Gives each unit of `units` to the pool whose seat touches it, else to nobody (it stays free). A unit is held by one
// pool only, explicit seats excepted; there the first by name counts.
std::vector<Holder> holders_of(const std::vector<CpuSet>& units, const Claims& claims, const std::string& except,
                               const std::function<CpuSet(const CpuSet&)>& widened) {
    std::vector<bool> given(units.size(), false);
    std::vector<Holder> holders;
    for (const auto& [pool, slots] : claims.by_pool()) {
        if (pool == except) continue;
        Holder holder{.pool = pool, .slots = {}, .units = 0};
        for (const auto& [slot, cpus] : slots) {
            const CpuSet wide = widened(cpus);
            bool touched = false;
            for (std::size_t unit = 0; unit < units.size(); ++unit) {
                if (!units[unit].intersects(wide)) continue;
                touched = true;
                if (!given[unit]) ++holder.units;
                given[unit] = true;
            }
            if (touched) holder.slots.push_back(slot);
        }
        if (holder.units > 0) holders.push_back(std::move(holder));
    }
    return holders;
}

std::uint64_t sum(const std::vector<Holder>& holders) {
    std::uint64_t units = 0;
    for (const Holder& holder : holders) units += holder.units;
    return units;
}

std::string try_text(const std::vector<std::string>& ways) {
    return ways.empty() ? std::string() : ". Try: " + join(ways, " | ");
}

std::uint64_t free_cores(const Context& context, const Claims& claims, const CpuSet& among) {
    return static_cast<std::uint64_t>(std::ranges::count_if(context.topology.cores, [&](const CpuSet& core) {
        return core.intersects(among & context.usable.cpus) && !core.intersects(claims.all());
    }));
}

// "kind: efficiency has 8, any has 12": where a hybrid machine has the cores that its fastest kind lacks.
std::string other_kinds(const Context& context, const Claims& claims) {
    const auto& kinds = context.topology.kinds;
    if (kinds.size() < 2 || context.scope == context.usable.cpus) return {};
    return "kind: efficiency has " + std::to_string(free_cores(context, claims, kinds.front().cpus)) + ", any has " +
           std::to_string(free_cores(context, claims, context.usable.cpus)) + " free cores";
}

}  // namespace

std::string counted(std::uint64_t number, const std::string& noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

std::string slot_ranges(const std::string& pool, const std::vector<std::uint32_t>& slots) {
    std::string text = pool + "/";
    for (std::size_t first = 0; first < slots.size();) {
        std::size_t last = first;
        while (last + 1 < slots.size() && slots[last + 1] == slots[last] + 1) ++last;
        if (first > 0) text += ",";
        text += std::to_string(slots[first]);
        if (last > first) text += ".." + std::to_string(slots[last]);
        first = last + 1;
    }
    return text;
}

std::string to_string(const Account& account) {
    std::string text = account.scope + " has " + counted(account.total, account.noun) + ": ";
    if (account.reserved > 0) text += std::to_string(account.reserved) + " reserved, ";
    for (const Holder& holder : account.holders)
        text += std::to_string(holder.units) + " held by pool '" + holder.pool + "' (" +
                slot_ranges(holder.pool, holder.slots) + "), ";
    return text + std::to_string(account.free) + " free";
}

Account account_for(const Context& context, const Claims& claims, const std::string& pool, CpuExclusive::Unit unit) {
    const SeatTree& tree = context.tree(unit);
    const CpuSet reserved = context.scope_base - context.usable.cpus;
    Account account{.noun = noun_of(unit), .scope = "the machine"};
    if (context.scope != context.usable.cpus) account.scope = "kind performance";
    if (unit == CpuExclusive::Unit::threads) {
        account.reserved = reserved.count();
    } else {
        for (const CpuSet& core : context.topology.cores)
            if (core.intersects(reserved) && !core.intersects(context.scope)) ++account.reserved;
    }
    // A core that another pool has a thread of is closed, and so all its threads are.
    account.holders =
        holders_of(tree.units(), claims, pool, [&](const CpuSet& cpus) { return whole_cores(context.topology, cpus); });
    account.total = account.reserved + tree.units().size();
    account.free = tree.units().size() - sum(account.holders);
    return account;
}

Account account_of_cpus(const Context& context, const Claims& claims) {
    Account account{.noun = "CPU", .scope = "the machine"};
    std::vector<CpuSet> units;
    for (const std::uint32_t cpu : context.usable.cpus.members()) units.push_back({cpu});
    account.reserved = context.usable.reserved.count();
    account.holders = holders_of(units, claims, "", [](const CpuSet& cpus) { return cpus; });
    account.total = account.reserved + units.size();
    account.free = units.size() - sum(account.holders);
    return account;
}

PlanNote oversubscribed(const Context& context, const Claims& claims, const std::string& pool, const CpuExclusive& seat,
                        std::uint32_t workers) {
    const Account account = account_for(context, claims, pool, seat.unit);
    const std::uint64_t wanted = std::uint64_t{workers} * seat.count;
    std::vector<std::string> ways;
    if (account.free >= seat.count) ways.push_back("workers: " + std::to_string(account.free / seat.count));
    if (const std::uint64_t smaller = account.free / workers; smaller >= 1)
        ways.push_back("cpu: " + counted(smaller, account.noun));
    if (seat.unit == CpuExclusive::Unit::cores) {
        const Account threads = account_for(context, claims, pool, CpuExclusive::Unit::threads);
        if (account.free < workers && threads.free >= workers)
            ways.push_back("cpu: " + counted(threads.free / workers, "thread"));
    }
    if (const std::string kinds = other_kinds(context, claims); !kinds.empty()) ways.push_back(kinds);
    if (account.free > 0) ways.emplace_back("cpu: auto (a shared core for each)");
    return {"E_OVERSUBSCRIBED", pool,
            wish_text(workers, seat.count, account.noun) + "; " + to_string(account) + ". Short by " +
                std::to_string(wanted - std::min(wanted, account.free)) + try_text(ways)};
}

PlanNote auto_ambiguous(const Context& context, const std::string& pool, const std::vector<std::string>& pools) {
    std::vector<std::string> others;
    for (const std::string& other : pools)
        if (other != pool) others.push_back("'" + other + "'");
    const std::uint64_t cores = context.core_tree.units().size();
    return {"E_AUTO_AMBIGUOUS", pool,
            "it and pool " + join(others, ", ") + " each want all of the same " + counted(cores, "core") +
                " ('workers: auto' with exclusive seats): only one pool can. Try: workers: " +
                std::to_string(std::max<std::uint64_t>(1, cores / pools.size())) + " in all but one"};
}

PlanNote seats_short(const std::string& pool, std::uint32_t workers, std::size_t seats) {
    return {"E_SEATS_SHORT", pool,
            counted(workers, "worker") + " want " + counted(workers, "seat") + ", " + std::to_string(seats) +
                " listed. Short by " + std::to_string(workers - seats) + ". Try: workers: " + std::to_string(seats) +
                " | list " + counted(workers - seats, "more seat")};
}

PlanNote no_shared(const Context& context, const Claims& claims, const PoolRequest& request) {
    const std::string wish = request.workers.automatic ? "its workers" : counted(request.workers.number, "worker");
    std::vector<std::string> ways;
    for (const auto& [pool, slots] : claims.by_pool())
        if (slots.size() > 1)
            ways.push_back("workers: " + std::to_string(slots.size() - 1) + " in pool '" + pool + "'");
    if (ways.empty() && !claims.by_pool().empty())
        ways.push_back("cpu: auto in pool '" + claims.by_pool().begin()->first + "'");
    if (ways.empty()) ways.emplace_back("reserve fewer CPUs, or allow more, under 'machine'");
    return {"E_NO_SHARED", request.pool,
            wish + " of this pool share the CPUs that exclusive seats leave, at least 1 CPU; " +
                to_string(account_of_cpus(context, claims)) + ". Short by 1" + try_text(ways)};
}

PlanNote quota_below_one(const std::string& pool, double quota, double busy) {
    return {"W_QUOTA", pool,
            "the cgroup's quota of " + number(quota) + " CPUs does not feed one worker that keeps " + number(busy) +
                (busy == 1 ? " CPU" : " CPUs") + " busy: 'workers: auto' gives 1, which will be throttled"};
}

std::string to_string(const PlanNote& note) {
    return note.code + (note.pool.empty() ? " " : " pool '" + note.pool + "': ") + note.message;
}

}  // namespace pinion::cpu
