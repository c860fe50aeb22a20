// SPDX-License-Identifier: Apache-2.0
// What a plan says of memory and of threads: policies that mean something on the machine, and how many threads a
// library may start.
#include "cpu/memory_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "machines.h"

namespace pinion::cpu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two packages, the second one's node without memory.
Topology half_empty() { return synthetic("package:2 [numa(memory=1GB)] l3:1 core:2 pu:2"); }

Topology without_memory_on(Topology topology, std::uint32_t node) {
    std::erase(topology.memory_nodes, node);
    return topology;
}

CpuExclusive with_memory(CpuExclusive seat, MemoryPolicy memory) {
    seat.memory = memory;
    return seat;
}

CpuExclusive on_node(std::uint32_t node, MemoryPolicy memory) {
    CpuExclusive seat = with_memory(cores(1), memory);
    seat.within = CpuScope({}, {{CpuLevel::numa, node}});
    return seat;
}

TEST(MemoryNodes, AreReadFromADescription) {
    EXPECT_THAT(t1().memory_nodes, ElementsAre(0));
    EXPECT_THAT(t2().memory_nodes, ElementsAre(0, 1));
    EXPECT_THAT(synthetic("package:2 [numa(memory=0)] core:2 pu:1").memory_nodes, ElementsAre(0, 1))
        << "where none tells of memory";
}

TEST(MemoryNodes, AreThoseOfThisMachine) {
    const auto machine = read_machine();
    ASSERT_TRUE(machine);
    EXPECT_FALSE(machine->memory_nodes.empty());
    EXPECT_TRUE(std::ranges::is_sorted(machine->memory_nodes));
}

TEST(MemoryNodes, ArePartOfARestrictedMachine) {
    EXPECT_THAT(restricted(t2(), cpus("0")).memory_nodes, ElementsAre(0, 1));
}

TEST(MemoryPolicy, IsOverTheNodesOfTheSeat) {
    const Plan p = plan_on(t2(), {pool("a", 1, on_node(1, MemoryPolicy::strict)), pool("b", 1, CpuAuto{})});
    EXPECT_EQ(p.find("a")->seats[0].memory, MemoryPolicy::strict);
    EXPECT_THAT(p.find("a")->seats[0].memory_nodes, ElementsAre(1));
    EXPECT_EQ(p.find("b")->seats[0].memory, MemoryPolicy::near);
}

TEST(MemoryPolicy, OfAWideSeatIsOverAllItsNodes) {
    const CpuExclusive all{.unit = CpuExclusive::Unit::cores, .count = 8, .memory = MemoryPolicy::interleave};
    EXPECT_THAT(plan_on(t2(), {pool("a", 1, all)}).find("a")->seats[0].memory_nodes, ElementsAre(0, 1));
}

TEST(MemoryPolicy, OfNamedSeatsIsAsTheirPoolSays) {
    const CpuSeats seats{.seats = {cpus("0,8"), cpus("1,9")}, .memory = MemoryPolicy::strict};
    const Plan p = plan_on(t2(), {pool("a", 2, seats)});
    EXPECT_EQ(p.find("a")->seats[1].memory, MemoryPolicy::strict);
    EXPECT_THAT(p.find("a")->seats[1].memory_nodes, ElementsAre(1));
}

TEST(MemoryPolicy, IsOffWhereThereIsNothingToChoose) {
    for (const auto policy : {MemoryPolicy::near, MemoryPolicy::strict, MemoryPolicy::interleave, MemoryPolicy::off}) {
        const Plan p = plan_on(t1(), {pool("a", 1, with_memory(cores(1), policy)), pool("b", 1, CpuAuto{})});
        for (const char* name : {"a", "b"}) {
            EXPECT_EQ(p.find(name)->seats[0].memory, MemoryPolicy::off);
            EXPECT_THAT(p.find(name)->seats[0].memory_nodes, IsEmpty());
        }
    }
}

TEST(MemoryPolicy, IsOffOnANodeWithoutMemory) {
    const Topology topology = without_memory_on(synthetic("package:3 [numa] core:2 pu:1"), 1);
    const Plan p = plan_on(topology, {pool("a", 1, on_node(1, MemoryPolicy::near))});
    EXPECT_EQ(p.find("a")->seats[0].memory, MemoryPolicy::off);
    EXPECT_EQ(p.find("a")->seats[0].nodes, std::vector<std::uint32_t>{1})
        << "the worker is told where it sits all the same";
}

TEST(MemoryPolicy, StrictIsRefusedOnANodeWithoutMemory) {
    const Topology topology = without_memory_on(half_empty(), 1);
    const Plan p = plan_on(topology, {pool("a", 1, on_node(1, MemoryPolicy::strict)), pool("b", 2, cores(2))});
    EXPECT_EQ(p.find("a"), nullptr);
    ASSERT_EQ(p.errors.size(), 1U);
    EXPECT_EQ(p.errors[0].code, "E_NO_MEMORY");
    EXPECT_EQ(p.errors[0].pool, "a");
    EXPECT_THAT(p.errors[0].slots, ElementsAre(0));
    EXPECT_THAT(p.errors[0].message, HasSubstr("a/0 would have no memory"));
    EXPECT_THAT(p.errors[0].message, HasSubstr("nodes with memory: 0"));
    // Its seat would have been in the way.
    ASSERT_NE(p.find("b"), nullptr);
    EXPECT_EQ(p.find("b")->seats.size(), 2U);
}

TEST(MemoryPolicy, StrictNamesOnlyTheSlotsConcerned) {
    const Topology topology = without_memory_on(half_empty(), 1);
    const Plan p = plan_on(topology, {pool("a", 4, with_memory(cores(1), MemoryPolicy::strict))});
    ASSERT_EQ(p.errors.size(), 1U);
    EXPECT_THAT(p.errors[0].slots, ElementsAre(1, 3)) << p.errors[0].message;
}

TEST(MemoryPolicy, ARefusedPoolChangesNothingOfTheOthersPlan) {
    const Topology topology = without_memory_on(half_empty(), 1);
    const std::vector<PoolRequest> good{pool("b", 2, cores(1)), pool("c", 1, CpuAuto{}), pool("d", 1, CpuNone{})};
    std::vector<PoolRequest> all = good;
    all.push_back(pool("a", 1, on_node(1, MemoryPolicy::strict)));
    Plan p = plan_on(topology, all);
    p.errors.clear();
    EXPECT_EQ(p, plan_on(topology, good));
}

TEST(LibraryThreads, AreTheCoresOfASeat) {
    const auto count = [](const CpuRequest& request, const Topology& topology = t2()) {
        return plan_on(topology, {pool("a", 1, request)}).find("a")->seats.at(0).library_threads;
    };
    CpuExclusive idle_siblings = cores(3);
    idle_siblings.smt = CpuExclusive::Smt::one;
    EXPECT_EQ(count(cores(1)), 1U);
    EXPECT_EQ(count(cores(3)), 3U);
    EXPECT_EQ(count(idle_siblings), 3U);
    EXPECT_EQ(count(CpuExclusive{.unit = CpuExclusive::Unit::l3}), 4U);
    EXPECT_EQ(count(CpuExclusive{.unit = CpuExclusive::Unit::package}), 4U);
    EXPECT_EQ(count(CpuSeats{.seats = {cpus("0,8,2")}}), 2U) << "a core and a half";
    EXPECT_EQ(count(CpuAuto{}), 1U);
}

TEST(LibraryThreads, AreTheThreadsOfASeatOfThreads) {
    EXPECT_EQ(plan_on(t2(), {pool("a", 1, threads(3))}).find("a")->seats[0].library_threads, 3U);
}

TEST(LibraryThreads, AreNoneWithoutASeat) {
    EXPECT_EQ(plan_on(t2(), {pool("a", 1, CpuNone{})}).find("a")->seats[0].library_threads, 0U);
}

}  // namespace
}  // namespace pinion::cpu::testing
