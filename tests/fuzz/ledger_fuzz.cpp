// SPDX-License-Identifier: Apache-2.0
// Any bytes as a ledger: the reader refuses them, or what it read prints as a text that reads the same; and no plan
// made with it puts two owners on one CPU.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cpu/keep.h"
#include "cpu/ledger_file.h"
#include "cpu/places.h"

namespace {

using namespace pinion;

const cpu::Topology& machine() {
    static const cpu::Topology topology = cpu::from_synthetic("package:2 [numa] l3:1 core:4 pu:2").value();
    return topology;
}

void check_plan(const cpu::LedgerFile& ledger) {
    cpu::Topology topology = machine();
    if (!cpu::take_places(topology, ledger.places)) return;
    const cpu::Universe universe{.allowed = topology.root.cpus, .machine = {}, .quota = {}};
    const std::vector<cpu::PoolRequest> requests{{"api", {.number = 3}, CpuExclusive{}},
                                                 {"quick", {.number = 2}, CpuAuto{}}};
    for (const bool unasked : {false, true}) {
        const cpu::Kept kept = cpu::keep_seats({.topology = topology,
                                                .universe = universe,
                                                .requests = requests,
                                                .earlier = ledger.seats,
                                                .unasked = unasked});
        CpuSet owned;
        for (const auto& pool : kept.plan.pools)
            for (const auto& seat : pool.seats) {
                if (!seat.exclusive) continue;
                if (seat.cpus.intersects(owned) || !seat.cpus.is_subset_of(topology.root.cpus)) std::abort();
                owned |= seat.cpus;
            }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto ledger = cpu::parse_ledger({reinterpret_cast<const char*>(data), size});
    if (!ledger) return ledger.error().message.empty() ? std::abort(), 0 : 0;
    const auto again = cpu::parse_ledger(cpu::to_text(*ledger));
    if (!again || *again != *ledger) std::abort();
    check_plan(*ledger);
    return 0;
}
