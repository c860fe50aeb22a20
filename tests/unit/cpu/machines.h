// SPDX-License-Identifier: Apache-2.0
// Machines to plan for in tests, those of the placement specification among them, and short ways to ask.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "cpu/domain.h"
#include "cpu/places.h"
#include "cpu/plan.h"
#include "cpu/topology.h"

namespace pinion::cpu {

// How a failed comparison shows a plan.
inline void PrintTo(const Plan& plan, std::ostream* out) {
    *out << "\n";
    for (const PoolSeats& pool : plan.pools) {
        *out << "  " << pool.pool << ":";
        for (const Seat& seat : pool.seats)
            *out << (seat.exclusive ? " {" : " (") << seat.cpus.to_list() << (seat.exclusive ? "}" : ")");
        *out << "\n";
    }
    *out << "  shared: " << plan.shared.to_list() << "\n";
    for (const auto* notes : {&plan.warnings, &plan.errors})
        for (const PlanNote& note : *notes)
            *out << "  " << note.code << " " << note.pool << ": " << note.message << "\n";
}

}  // namespace pinion::cpu

namespace pinion::cpu::testing {

inline CpuSet cpus(const std::string& list) {
    auto set = CpuSet::parse(list);
    EXPECT_TRUE(set) << list;
    return set.value_or(CpuSet{});
}

inline Topology synthetic(const std::string& description) {
    auto topology = from_synthetic(description);
    EXPECT_TRUE(topology) << description;
    return topology.value_or(Topology{});
}

inline Topology t1() { return synthetic("package:1 l3:1 core:4 pu:2(indexes=2*4:4*1)"); }
inline Topology t2() {
    return synthetic("package:2 [numa] l3:1 core:4 pu:2(indexes=0,8,2,10,4,12,6,14,1,9,3,11,5,13,7,15)");
}
inline Topology t3() { return synthetic("package:1 group:4 [numa] l3:2 core:4 pu:2(indexes=2*32:32*1)"); }
// Hybrid: four P cores of two threads, eight E cores of one.
inline Topology t5() {
    Topology topology =
        restricted(synthetic("package:1 l3:1 l2:6 core:4 pu:2"), cpus("0-1,8-9,16-17,24-25,32,34,36,38,40,42,44,46"));
    topology.kinds = {{cpus("32,34,36,38,40,42,44,46")}, {cpus("0-1,8-9,16-17,24-25")}};
    return topology;
}

inline Universe all_of(const Topology& topology) { return {.allowed = topology.root.cpus, .machine = {}, .quota = {}}; }

inline CpuExclusive cores(std::uint32_t count, CpuExclusive::Place place = CpuExclusive::Place::spread) {
    return {CpuExclusive::Unit::cores, count, place};
}
inline CpuExclusive threads(std::uint32_t count, CpuExclusive::Place place = CpuExclusive::Place::spread) {
    return {CpuExclusive::Unit::threads, count, place};
}
inline constexpr auto pack = CpuExclusive::Place::pack;
inline const WorkerCount automatic{.automatic = true, .number = 0};

inline PoolRequest pool(const std::string& name, std::uint32_t workers, CpuRequest request) {
    return {name, {.automatic = false, .number = workers}, std::move(request)};
}
inline PoolRequest pool(const std::string& name, WorkerCount workers, CpuRequest request) {
    return {name, workers, std::move(request)};
}

// The machine with some CPUs offline: the rest of it, under the same names.
inline Topology without(const Topology& whole, const CpuSet& offline) {
    Topology rest = restricted(whole, whole.root.cpus - offline);
    EXPECT_TRUE(take_places(rest, places_of(whole)));
    return rest;
}

// "{0,4} {1,5}": the seats of a pool by slot; "-" for a floating worker, "absent" without an entry.
inline std::string seats(const Plan& plan, const std::string& name) {
    const PoolSeats* entry = plan.find(name);
    if (entry == nullptr) return "absent";
    std::string text;
    for (const Seat& seat : entry->seats) {
        if (!text.empty()) text += ' ';
        text += seat.cpus.empty() ? "-" : "{" + seat.cpus.to_list() + "}";
    }
    return text;
}

// "E_CONFLICT(b) W_QUOTA(a)": codes and pools of the notes, in the plan's order.
inline std::string codes(const std::vector<PlanNote>& notes) {
    std::string text;
    for (const PlanNote& note : notes) {
        if (!text.empty()) text += ' ';
        text += note.code + (note.pool.empty() ? "" : "(" + note.pool + ")");
    }
    return text;
}

inline Plan plan_on(const Topology& topology, const std::vector<PoolRequest>& requests, const Ledger& ledger = {}) {
    return plan(topology, all_of(topology), requests, ledger);
}

}  // namespace pinion::cpu::testing
