// SPDX-License-Identifier: Apache-2.0
// One exclusive pool, seat after seat: what was free when each was chosen.
#pragma once

#include <functional>

#include "random_case.h"

namespace pinion::cpu::testing {

// All domains below `domain`, itself included, with at least two children first.
inline void each_domain(const Domain& domain, const std::function<void(const Domain&)>& visit) {
    visit(domain);
    for (const Domain& child : domain.children) each_domain(child, visit);
}

// One exclusive pool and the state before each of its seats, replayed: what is free in a domain.
struct Replay {
    Case made;
    CpuExclusive seat;
    Domain root;  // in reach
    std::vector<CpuSet> units;
    std::vector<CpuSet> seats;

    [[nodiscard]] std::uint32_t free_in(const CpuSet& domain, std::size_t placed) const {
        CpuSet taken;
        for (std::size_t i = 0; i < placed; ++i) taken |= seats[i];
        return static_cast<std::uint32_t>(std::ranges::count_if(
            units, [&](const CpuSet& unit) { return unit.is_subset_of(domain) && !unit.intersects(taken); }));
    }
};

inline Replay replay(std::uint64_t seed, std::optional<Place> place = {}) {
    Replay run{.made = random_case(seed), .seat = {}, .root = {}, .units = {}, .seats = {}};
    Random random(seed);
    run.seat = random_seat(random);
    if (place) run.seat.place = *place;
    const CpuSet usable = resolve(run.made.topology, run.made.universe).cpus;
    const CpuSet reach = usable & fastest_kind(run.made.topology, usable);
    run.root = restricted(run.made.topology.root, reach);
    if (run.seat.unit == Unit::cores) {
        for (const CpuSet& core : run.made.topology.cores)
            if (core.intersects(reach)) run.units.push_back(core & reach);
    } else {
        for (const std::uint32_t cpu : reach.members()) run.units.push_back({cpu});
    }
    const auto most = static_cast<std::uint32_t>(run.units.size()) / run.seat.count;
    const std::uint32_t workers = most == 0 ? 0 : random.between(1, most);
    run.made.requests = {pool("a", workers, run.seat)};
    const Plan p = run.made.cold();
    EXPECT_NE(p.find("a"), nullptr);
    if (p.find("a") != nullptr)
        for (const Seat& seat : p.find("a")->seats) run.seats.push_back(seat.cpus);
    return run;
}

}  // namespace pinion::cpu::testing
