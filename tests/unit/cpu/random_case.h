// SPDX-License-Identifier: Apache-2.0
// Random machines, universes and requests, and what properties ask about them.
#pragma once

#include <algorithm>
#include <map>
#include <optional>

#include "cpu/keep.h"
#include "cpu/universe.h"
#include "machines.h"
#include "random.h"

namespace pinion::cpu::testing {

using Place = CpuExclusive::Place;
using Unit = CpuExclusive::Unit;

struct Case {
    Topology topology;
    Universe universe;
    std::vector<PoolRequest> requests;
    [[nodiscard]] Plan plan_with(const Ledger& ledger) const { return plan(topology, universe, requests, ledger); }
    [[nodiscard]] Plan cold() const { return plan_with({}); }
    [[nodiscard]] Kept keep(const KeptSeats& earlier, bool go_home, bool unasked = false) const {
        return keep_seats({.topology = topology,
                           .universe = universe,
                           .requests = requests,
                           .earlier = earlier,
                           .go_home = go_home,
                           .unasked = unasked});
    }
};

[[nodiscard]] const std::vector<Topology>& machines();
[[nodiscard]] CpuExclusive random_seat(Random& random);  // nothing but the plain forms
[[nodiscard]] Case random_case(std::uint64_t seed);

inline const PoolRequest& request_of(const Case& made, const std::string& name) {
    return *std::ranges::find(made.requests, name, &PoolRequest::pool);
}

inline const CpuExclusive* exclusive_of(const Case& made, const std::string& name) {
    return std::get_if<CpuExclusive>(&request_of(made, name).cpu);
}

inline std::uint32_t cores_in(const Topology& topology, const CpuSet& set) {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(topology.cores, [&](const CpuSet& core) { return core.intersects(set); }));
}

// The seats of exclusive pools, by pool and slot.
inline std::map<std::pair<std::string, std::uint32_t>, CpuSet> exclusive_seats(const Plan& plan) {
    std::map<std::pair<std::string, std::uint32_t>, CpuSet> seats;
    for (const PoolSeats& pool : plan.pools)
        for (const Seat& seat : pool.seats)
            if (seat.exclusive) seats[{pool.pool, seat.slot}] = seat.cpus;
    return seats;
}

inline bool has_error(const Plan& plan, const std::string& pool) {
    return std::ranges::find(plan.errors, pool, &PlanNote::pool) != plan.errors.end();
}

// Where the seats of a pool may lie, without regard to others.
inline CpuSet reach_of(const Case& made, const CpuExclusive& wish) {
    CpuSet reach;
    for (const CpuSet& kind : kinds_of(made.topology, resolve(made.topology, made.universe).cpus, wish.kind))
        reach |= kind;
    return wish.within ? reach & cpus_of(made.topology, *wish.within) : reach;
}

}  // namespace pinion::cpu::testing
