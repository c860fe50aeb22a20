// SPDX-License-Identifier: Apache-2.0
// What pools are told and how they get along, in cases a person would think of.
#include "cpu/plan.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "cpu/ledger.h"
#include "machines.h"
#include "model/limits.h"

namespace pinion::cpu::testing {
namespace {

using ::testing::HasSubstr;

CpuSeats given(const std::vector<std::string>& lists) {
    CpuSeats request;
    for (const std::string& list : lists) request.seats.push_back(cpus(list));
    return request;
}

TEST(SoftPools, WorkOnASingleCpu) {
    const Topology machine = synthetic("pu:1");
    const Plan p =
        plan_on(machine, {pool("a", 3, CpuAuto{}), pool("b", automatic, CpuAuto{}), pool("c", 2, CpuNone{})});
    EXPECT_EQ(seats(p, "a"), "{0} {0} {0}");
    EXPECT_EQ(seats(p, "b"), "{0}");
    EXPECT_EQ(seats(p, "c"), "- -");
    EXPECT_EQ(p.find("c")->seats[1].mask, cpus("0"));
    EXPECT_EQ(codes(p.warnings) + codes(p.errors), "");
}

TEST(SoftPools, ShareCoresEvenlyAcrossPools) {
    const Plan p = plan_on(t1(), {pool("a", 3, CpuAuto{}), pool("b", 3, CpuAuto{})});
    EXPECT_EQ(seats(p, "a"), "{0,4} {1,5} {2,6}");
    EXPECT_EQ(seats(p, "b"), "{3,7} {0,4} {1,5}");
    EXPECT_FALSE(p.find("a")->seats[0].exclusive);
    EXPECT_EQ(p.find("a")->seats[0].mask, cpus("0,4"));
}

TEST(SoftPools, SpreadOverThePackages) {
    EXPECT_EQ(seats(plan_on(t2(), {pool("a", 4, CpuAuto{})}), "a"), "{0,8} {1,9} {2,10} {3,11}");
}

TEST(SoftPools, TakeTheSlowCoresLast) {
    const Plan p = plan_on(t5(), {pool("a", 6, CpuAuto{})});
    EXPECT_EQ(seats(p, "a"), "{0-1} {8-9} {16-17} {24-25} {32} {40}");
}

TEST(SoftPools, LeaveTheSiblingsOfThreadSeatsForLast) {
    const Plan p = plan_on(t1(), {pool("t", 2, threads(1)), pool("a", 3, CpuAuto{})});
    EXPECT_EQ(seats(p, "t"), "{0} {1}");
    EXPECT_EQ(seats(p, "a"), "{2,6} {3,7} {4}");
}

TEST(SoftPools, MoveOnWhenTheirCoreIsTakenAndOnlyThen) {
    const Topology machine = t1();
    const Ledger ledger = plan_on(machine, {pool("a", 6, CpuAuto{})}).ledger();
    const Plan p = plan_on(machine, {pool("a", 6, CpuAuto{}), pool("x", 1, cores(1))}, ledger);
    EXPECT_EQ(seats(p, "x"), "{0,4}");
    EXPECT_EQ(seats(p, "a"), "{2,6} {1,5} {2,6} {3,7} {3,7} {1,5}");
}

TEST(SoftPools, MoveOnWhenHalfOfTheirCoreIsTaken) {
    const Topology machine = t1();
    const Ledger ledger{{"a", 0, cpus("0,4"), false}};
    EXPECT_EQ(seats(plan_on(machine, {pool("a", 1, CpuAuto{})}, ledger), "a"), "{0,4}");
    const Plan p = plan_on(machine, {pool("a", 1, CpuAuto{}), pool("x", 1, threads(1))}, ledger);
    EXPECT_EQ(seats(p, "x"), "{0}");
    EXPECT_EQ(seats(p, "a"), "{1,5}");
}

TEST(SoftPools, AutomaticCountIsTheSharedCores) {
    const Topology machine = t1();
    EXPECT_EQ(plan_on(machine, {pool("a", automatic, CpuAuto{})}).find("a")->seats.size(), 4U);
    EXPECT_EQ(plan_on(machine, {pool("a", automatic, CpuNone{})}).find("a")->seats.size(), 8U);
    const Plan p =
        plan_on(machine, {pool("a", automatic, CpuAuto{}), pool("b", automatic, CpuAuto{}), pool("x", 1, cores(1))});
    EXPECT_EQ(p.find("a")->seats.size(), 3U);
    EXPECT_EQ(p.find("b")->seats.size(), 3U);
    Universe universe = all_of(machine);
    universe.quota = 0.5;
    const Plan q = plan(machine, universe, {pool("a", automatic, CpuAuto{})}, {});
    EXPECT_EQ(q.find("a")->seats.size(), 1U);
    EXPECT_EQ(codes(q.warnings), "W_QUOTA(a)");
}

TEST(SoftPools, FailOnlyWhereNothingIsShared) {
    const Plan p = plan_on(
        t1(), {pool("a", 2, CpuAuto{}), pool("f", 1, CpuNone{}), pool("none", 0, CpuAuto{}), pool("x", 4, cores(1))});
    EXPECT_EQ(codes(p.errors), "E_NO_SHARED(a) E_NO_SHARED(f)");
    EXPECT_EQ(
        p.errors[0].message,
        "2 workers of this pool share the CPUs that exclusive seats leave, at least 1 CPU; the machine has 8 CPUs: "
        "8 held by pool 'x' (x/0..3), 0 free. Short by 1. Try: workers: 3 in pool 'x'");
    EXPECT_EQ(seats(p, "none"), "");
    EXPECT_EQ(p.find("x")->seats.size(), 4U);
}

TEST(AutomaticPools, LeaveACoreToThoseWithoutSeats) {
    const Plan p = plan_on(t1(), {pool("a", automatic, cores(1)), pool("s", 2, CpuAuto{})});
    EXPECT_EQ(seats(p, "a"), "{0,4} {1,5} {2,6}");
    EXPECT_EQ(seats(p, "s"), "{3,7} {3,7}");
    const Plan q = plan_on(t1(), {pool("a", automatic, threads(1)), pool("s", 2, CpuNone{})});
    EXPECT_EQ(q.find("a")->seats.size(), 6U);
    EXPECT_EQ(q.shared, cpus("3,7"));
    // The slow cores are out of its reach, so they need no fast one.
    EXPECT_EQ(plan_on(t5(), {pool("a", automatic, cores(1)), pool("s", 2, CpuNone{})}).find("a")->seats.size(), 4U);
}

TEST(AutomaticPools, TakeWhatFixedOnesLeave) {
    const Topology machine = t1();
    const Ledger ledger = plan_on(machine, {pool("a", automatic, cores(1))}).ledger();
    const Plan p = plan_on(machine, {pool("a", automatic, cores(1)), pool("x", 1, cores(2))}, ledger);
    EXPECT_EQ(seats(p, "a"), "{0,4} {1,5}");
    EXPECT_EQ(seats(p, "x"), "{2-3,6-7}");
    // But the only seat of a pool is not taken from it.
    const Plan q = plan_on(machine, {pool("a", automatic, cores(1)), pool("x", 1, cores(4))}, ledger);
    EXPECT_EQ(seats(q, "a"), "{0,4} {1,5} {2,6} {3,7}");
    ASSERT_EQ(codes(q.errors), "E_OVERSUBSCRIBED(x)");
    EXPECT_THAT(q.errors[0].message, HasSubstr("1 held by pool 'a' (a/0), 3 free. Short by 1. Try: cpu: 3 cores"));
}

TEST(AutomaticPools, TwoOfThemAreAmbiguousAndHurtNobodyElse) {
    const Plan p =
        plan_on(t1(), {pool("a", automatic, cores(1)), pool("b", automatic, threads(1)), pool("x", 1, cores(1))});
    EXPECT_EQ(codes(p.errors), "E_AUTO_AMBIGUOUS(a) E_AUTO_AMBIGUOUS(b)");
    EXPECT_EQ(seats(p, "x"), "{0,4}");
}

TEST(AutomaticPools, KeepToTheBoundOfAPool) {
    const Topology machine = synthetic("package:4 core:512 pu:1");
    EXPECT_EQ(plan_on(machine, {pool("a", automatic, cores(1))}).find("a")->seats.size(), limits::max_workers_per_pool);
}

TEST(ExplicitSeats, AreGivenSlotBySlot) {
    const Plan p = plan_on(t1(), {pool("a", 2, given({"2,6", "0", "1"})), pool("x", 2, cores(1))});
    EXPECT_EQ(seats(p, "a"), "{2,6} {0}");
    EXPECT_EQ(seats(p, "x"), "{1,5} {3,7}");  // not the core whose half is held
    EXPECT_EQ(p.shared, cpus("4"));
    EXPECT_EQ(seats(plan_on(t1(), {pool("a", automatic, given({"2,6", "0", "1"}))}), "a"), "{2,6} {0} {1}");
}

TEST(ExplicitSeats, FewerThanWorkersAreAnError) {
    EXPECT_EQ(seats(plan_on(t1(), {pool("a", 2, given({"0", "1"}))}), "a"), "{0} {1}");
    const Plan p = plan_on(t1(), {pool("a", 3, given({"0", "1"}))});
    ASSERT_EQ(codes(p.errors), "E_SEATS_SHORT(a)");
    EXPECT_EQ(p.errors[0].message, "3 workers want 3 seats, 2 listed. Short by 1. Try: workers: 2 | list 1 more seat");
}

TEST(ExplicitSeats, OutsideOfOurCpusAreAnError) {
    const Topology machine = t1();
    Universe universe = all_of(machine);
    universe.allowed = cpus("0-3,5-7");
    universe.machine.cpus = cpus("0-6");
    universe.machine.reserve_cpus = cpus("0");
    const Plan p = plan(machine, universe, {pool("a", 1, given({"1", "0-1,4,7,99"}))}, {});
    ASSERT_EQ(codes(p.errors), "E_CPU_NOT_ALLOWED(a)");
    EXPECT_EQ(
        p.errors[0].message,
        "seat 1 (0-1,4,7,99) wants 5 CPUs: 1 usable, 1 reserved (0), 1 outside machine.cpus (7), 1 not allowed to "
        "this process (4), 1 offline or not there (99). Short by 4. Pools may use the CPUs '1-3,5-6'");
}

TEST(ExplicitSeats, ThatOverlapAreAConflict) {
    const Plan within = plan_on(t1(), {pool("a", 1, given({"0-1", "1"}))});
    EXPECT_EQ(codes(within.errors), "E_CONFLICT(a)");
    const Plan p = plan_on(t1(), {pool("b", 1, given({"1-2"})), pool("a", 2, given({"0", "1"}))});
    EXPECT_EQ(seats(p, "a"), "{0} {1}");
    ASSERT_EQ(codes(p.errors), "E_CONFLICT(b)");
    EXPECT_EQ(
        p.errors[0].message,
        "seat 0 (1-2) wants 2 CPUs: 1 free, 1 held by pool 'a', a/1 (1). Short by 1. Try: name other CPUs in one of "
        "the pools");
}

TEST(ExplicitSeats, OnSeveralKindsOfCoreAreNamed) {
    const Plan p = plan_on(t5(), {pool("a", 2, given({"0-1", "32"}))});
    ASSERT_EQ(codes(p.warnings), "W_MIXED_KINDS(a)");
    EXPECT_THAT(p.warnings[0].message, HasSubstr("a/0 on '0-1,8-9,16-17,24-25', a/1 on '32,34"));
}

TEST(Errors, NameWhoHoldsWhat) {
    const Topology machine = t2();
    Universe universe = all_of(machine);
    universe.machine.reserve_cores = 1;
    const Plan p = plan(machine, universe, {pool("api", 6, cores(1)), pool("db", 1, cores(3))}, {});
    ASSERT_EQ(codes(p.errors), "E_OVERSUBSCRIBED(api)");
    EXPECT_EQ(
        p.errors[0].message,
        "6 seats x 1 core = 6 cores; the machine has 8 cores: 1 reserved, 3 held by pool 'db' (db/0), 4 free. Short by "
        "2. Try: workers: 4 | cpu: 1 thread | cpu: auto (a shared core for each)");
}

TEST(Errors, AGrownPoolThatFitsNoMoreFreesItsSeatsForOthers) {
    const Topology machine = t1();
    const Ledger ledger = plan_on(machine, {pool("a", 4, cores(1))}).ledger();
    const Plan p = plan_on(machine, {pool("a", 6, cores(1)), pool("big", 1, cores(4))}, ledger);
    EXPECT_EQ(codes(p.errors), "E_OVERSUBSCRIBED(a)");
    EXPECT_EQ(seats(p, "big"), "{0-7}");
}

TEST(Errors, WithoutAnyCpuEveryPoolIsTold) {
    const Topology machine = t1();
    Universe universe = all_of(machine);
    universe.machine.reserve_cores = 4;
    const Plan p = plan(machine, universe,
                        {pool("a", 1, CpuAuto{}), pool("b", automatic, cores(1)), pool("c", 1, threads(2))}, {});
    EXPECT_EQ(codes(p.errors), "E_NO_SHARED(a) E_OVERSUBSCRIBED(b) E_OVERSUBSCRIBED(c)");
    EXPECT_TRUE(p.pools.empty());
}

TEST(Seats, TakeTheRestOfAStraddlingSeatWhereItFitsBest) {
    const Topology machine = restricted(synthetic("l3:3 core:4 pu:1"), cpus("0-3,4-6,8-9"));
    EXPECT_EQ(seats(plan_on(machine, {pool("a", 1, cores(6))}), "a"), "{0-3,8-9}");
    EXPECT_EQ(seats(plan_on(machine, {pool("a", 1, cores(7))}), "a"), "{0-6}");
    EXPECT_EQ(seats(plan_on(machine, {pool("a", 1, cores(8))}), "a"), "{0-6,8}");
}

TEST(Seats, PackIntoTheSmallestPlaceThatHoldsThemAll) {
    const Topology machine = restricted(synthetic("package:2 l3:1 core:8 pu:1"), cpus("0-7,8-11"));
    EXPECT_EQ(seats(plan_on(machine, {pool("a", 3, cores(1, pack))}), "a"), "{8} {9} {10}");
    EXPECT_EQ(seats(plan_on(machine, {pool("a", 5, cores(1, pack))}), "a"), "{0} {1} {2} {3} {4}");
}

TEST(Reserve, TakesTheBootCoreFirstThenLogicalOrder) {
    const Topology machine = t2();
    Universe universe = all_of(machine);
    universe.machine.reserve_cores = 2;
    EXPECT_EQ(plan(machine, universe, {}, {}).shared, machine.root.cpus - cpus("0,8,2,10"));
    universe.allowed = cpus("1,9,3,11");  // without the boot core
    universe.machine.reserve_cores = 1;
    EXPECT_EQ(plan(machine, universe, {}, {}).shared, cpus("3,11"));
    universe.machine = {.cpus = {}, .reserve_cores = 0, .reserve_cpus = cpus("3")};
    EXPECT_EQ(plan(machine, universe, {}, {}).shared, cpus("1,9,11"));
}

TEST(Reserve, FindsTheBootCoreWhereverItStands) {
    Topology machine = t1();
    std::ranges::reverse(machine.cores);
    Universe universe = all_of(machine);
    universe.machine.reserve_cores = 1;
    EXPECT_EQ(plan(machine, universe, {}, {}).shared, machine.root.cpus - cpus("0,4"));
}

TEST(Reserve, OfAllFastCoresLeavesTheSlowOnesToSeats) {
    const Topology machine = t5();
    Universe universe = all_of(machine);
    universe.machine.reserve_cpus = cpus("0-31");
    EXPECT_EQ(seats(plan(machine, universe, {pool("a", 2, cores(1))}, {}), "a"), "{32} {40}");
}

TEST(Warnings, AFlatMachineIsNamedWhereSeatsAreAskedFor) {
    const Topology machine = synthetic("core:4 pu:1");
    EXPECT_EQ(codes(plan_on(machine, {pool("a", 1, cores(1))}).warnings), "W_FLAT_TOPOLOGY");
    EXPECT_EQ(codes(plan_on(machine, {pool("a", 1, CpuAuto{})}).warnings), "");
    EXPECT_EQ(codes(plan_on(t1(), {pool("a", 1, cores(1))}).warnings), "");
}

TEST(Warnings, SplitCoresAreNamedWhereOneCoreWouldDo) {
    const Topology machine = t1();
    Universe universe = all_of(machine);
    universe.allowed = cpus("0-3");
    const Plan p = plan(machine, universe, {pool("a", 1, threads(2))}, {});
    EXPECT_EQ(seats(p, "a"), "{0-1}");
    EXPECT_EQ(codes(p.warnings), "W_HALF_CORE W_HALF_CORE W_STRADDLE(a)");
    EXPECT_EQ(codes(plan_on(machine, {pool("a", 1, threads(3))}).warnings), "");
}

TEST(Ledgers, KeepSeatsThatAColdPlanWouldNotGive) {
    const Plan p = plan_on(t2(), {pool("a", 2, cores(1))}, {{"a", 1, cpus("6,14"), true}});
    EXPECT_EQ(seats(p, "a"), "{1,9} {6,14}");
}

TEST(Ledgers, ASeatRegainsTheSiblingItsCoreHadLost) {
    EXPECT_EQ(seats(plan_on(t2(), {pool("a", 1, cores(1))}, {{"a", 0, cpus("2"), true}}), "a"), "{2,10}");
}

TEST(Ledgers, NeverPutTwoPoolsOnOneCore) {
    const Ledger ledger{{"a", 0, cpus("0"), true}, {"b", 0, cpus("4"), true}};
    const Plan p = plan_on(t1(), {pool("a", 1, threads(1)), pool("b", 1, threads(1))}, ledger);
    EXPECT_EQ(seats(p, "a"), "{0}");
    EXPECT_EQ(seats(p, "b"), "{1}");
}

TEST(Ledgers, SeatsThatYieldWithoutNeedAreKept) {
    // Slot i sits on thread i. No core is free for the fixed pool before slots 7 to 3 have yielded; of those, only 3
    // and 7 lose their place to it.
    const Topology machine = t1();
    const Ledger ledger = plan_on(machine, {pool("a", automatic, threads(1))}).ledger();
    const Plan p = plan_on(machine, {pool("a", automatic, threads(1)), pool("x", 1, cores(1))}, ledger);
    EXPECT_EQ(seats(p, "x"), "{3,7}");
    EXPECT_EQ(seats(p, "a"), "{0} {1} {2} {6} {4} {5}");
}

TEST(Ledgers, EntriesThatNoLongerFitAreSkipped) {
    const Ledger junk{{"a", 0, cpus("0,8,2"), true}, {"a", 1, cpus("99"), true},  {"a", 2, cpus("0,8"), true},
                      {"a", 0, cpus("0,8"), false},  {"b", 0, cpus("0,8"), true}, {"a", 4, cpus("4,12"), true},
                      {"a", 0, CpuSet{}, true},      {"a", 3, cpus("5,13"), true}};
    const Plan p = plan_on(t2(), {pool("a", 4, cores(1))}, junk);
    EXPECT_EQ(seats(p, "a"), "{2,10} {1,9} {0,8} {5,13}");
}

TEST(Ledgers, ListWhatIsPinnedOnly) {
    const Plan p = plan_on(t1(), {pool("a", 1, cores(1)), pool("f", 2, CpuNone{}), pool("s", 1, CpuAuto{})});
    EXPECT_EQ(p.ledger(), (Ledger{{"a", 0, cpus("0,4"), true}, {"s", 0, cpus("1,5"), false}}));
    EXPECT_EQ(next_ledger({}, p, t1().root.cpus), p.ledger());
}

}  // namespace
}  // namespace pinion::cpu::testing
