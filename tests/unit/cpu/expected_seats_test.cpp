// SPDX-License-Identifier: Apache-2.0
// The "Expected seats" table of the placement specification, row by row.
#include <gmock/gmock.h>

#include "cpu/ledger.h"
#include "machines.h"

namespace pinion::cpu::testing {
namespace {

using ::testing::HasSubstr;

TEST(ExpectedSeats, ThreeCoresOnFour) {
    const Plan p = plan_on(t1(), {pool("a", 3, cores(1))});
    EXPECT_EQ(seats(p, "a"), "{0,4} {1,5} {2,6}");
    EXPECT_EQ(codes(p.warnings) + codes(p.errors), "");
    EXPECT_EQ(p.shared.to_list(), "3,7");
}

TEST(ExpectedSeats, AutomaticCountTakesAllCores) {
    const Plan p = plan_on(t1(), {pool("a", automatic, cores(1))});
    EXPECT_EQ(seats(p, "a"), "{0,4} {1,5} {2,6} {3,7}");
    EXPECT_EQ(codes(p.warnings), "W_NO_HOUSEKEEPING");
}

TEST(ExpectedSeats, OneThreadACore) {
    CpuExclusive seat = cores(1);
    seat.smt = CpuExclusive::Smt::one;
    EXPECT_EQ(seats(plan_on(t1(), {pool("a", automatic, seat)}), "a"), "{0} {1} {2} {3}");
}

TEST(ExpectedSeats, AutomaticCountLeavesTheReserve) {
    const Topology machine = t1();
    Universe universe = all_of(machine);
    universe.machine.reserve_cores = 1;
    const Plan p = plan(machine, universe, {pool("a", automatic, cores(1))}, {});
    EXPECT_EQ(seats(p, "a"), "{1,5} {2,6} {3,7}");
    EXPECT_EQ(codes(p.warnings), "");
}

TEST(ExpectedSeats, FiveCoresOnFourAreTooMany) {
    const Plan p = plan_on(t1(), {pool("a", 5, cores(1))});
    EXPECT_EQ(seats(p, "a"), "absent");
    ASSERT_EQ(codes(p.errors), "E_OVERSUBSCRIBED(a)");
    EXPECT_EQ(
        p.errors[0].message,
        "5 seats x 1 core = 5 cores; the machine has 4 cores: 4 free. Short by 1. Try: workers: 4 | cpu: 1 thread "
        "| cpu: auto (a shared core for each)");
}

TEST(ExpectedSeats, SixThreads) {
    EXPECT_EQ(seats(plan_on(t1(), {pool("a", 6, threads(1))}), "a"), "{0} {1} {2} {3} {4} {5}");
    EXPECT_EQ(seats(plan_on(t1(), {pool("a", 6, threads(1, pack))}), "a"), "{0} {4} {1} {5} {2} {6}");
}

TEST(ExpectedSeats, AutomaticCountFollowsTheQuota) {
    const Topology machine = t1();
    Universe universe = all_of(machine);
    universe.quota = 2.5;
    const Plan two = plan(machine, universe, {pool("a", automatic, cores(1))}, {});
    EXPECT_EQ(seats(two, "a"), "{0,4} {1,5}");
    EXPECT_EQ(codes(two.warnings), "");
    universe.quota = 0.5;
    const Plan one = plan(machine, universe, {pool("a", automatic, cores(1))}, {});
    EXPECT_EQ(seats(one, "a"), "{0,4}");
    EXPECT_EQ(codes(one.warnings), "W_QUOTA(a)");
}

TEST(ExpectedSeats, FourCoresOnTwoPackages) {
    EXPECT_EQ(seats(plan_on(t2(), {pool("a", 4, cores(1))}), "a"), "{0,8} {1,9} {2,10} {3,11}");
    EXPECT_EQ(seats(plan_on(t2(), {pool("a", 4, cores(1, pack))}), "a"), "{0,8} {2,10} {4,12} {6,14}");
}

TEST(ExpectedSeats, WideSeatsStayWithinAPackage) {
    const Plan p = plan_on(t2(), {pool("a", 2, cores(3))});
    EXPECT_EQ(seats(p, "a"), "{0,2,4,8,10,12} {1,3,5,9,11,13}");
    EXPECT_EQ(codes(p.warnings), "");
    EXPECT_EQ(p.find("a")->seats[0].nodes, std::vector<std::uint32_t>{0});
    EXPECT_EQ(p.find("a")->seats[1].nodes, std::vector<std::uint32_t>{1});
}

TEST(ExpectedSeats, WhatIsLeftStraddlesAndSaysSo) {
    const Plan p = plan_on(t2(), {pool("b", 1, cores(2)), pool("a", 2, cores(3))});
    EXPECT_EQ(seats(p, "b"), "{6-7,14-15}");
    EXPECT_EQ(p.find("b")->seats[0].nodes, (std::vector<std::uint32_t>{0, 1}));
    ASSERT_EQ(codes(p.warnings), "W_NO_HOUSEKEEPING W_STRADDLE(b)");
    EXPECT_THAT(p.warnings[1].message, HasSubstr("(numa, package)"));
}

TEST(ExpectedSeats, WhatIsLeftIsTooWideWhereANodeIsRequired) {
    CpuExclusive seat = cores(2);
    seat.require = CpuLevel::numa;
    const Plan p = plan_on(t2(), {pool("b", 1, seat), pool("a", 2, cores(3))});
    EXPECT_EQ(seats(p, "a"), "{0,2,4,8,10,12} {1,3,5,9,11,13}");
    ASSERT_EQ(codes(p.errors), "E_SEAT_TOO_WIDE(b)");
    EXPECT_EQ(p.errors[0].message,
              "1 seat x 2 cores = 2 cores, each inside one NUMA node; the machine has 8 cores: 6 held by pool 'a' "
              "(a/0..1), 2 free, which hold 0 such seats. Short by 1 seat. Try: a smaller seat than 2 cores | require: "
              "none");
}

TEST(ExpectedSeats, TheSmallerScopeChoosesFirst) {
    CpuExclusive seat = cores(1, pack);
    seat.within = CpuScope({}, {{CpuLevel::numa, 1}});
    const Plan p = plan_on(t2(), {pool("api", 4, cores(1)), pool("db", 3, seat)});
    EXPECT_EQ(seats(p, "db"), "{1,9} {3,11} {5,13}");
    EXPECT_EQ(seats(p, "api"), "{0,8} {7,15} {2,10} {4,12}");
}

TEST(ExpectedSeats, HalfCoresAreUsedAndNamed) {
    const Topology machine = t2();
    Universe universe = all_of(machine);
    universe.allowed = cpus("0-3");
    const Plan p = plan(machine, universe, {pool("a", automatic, cores(1))}, {});
    EXPECT_EQ(seats(p, "a"), "{0} {1} {2} {3}");
    EXPECT_EQ(codes(p.warnings), "W_HALF_CORE W_HALF_CORE W_HALF_CORE W_HALF_CORE W_NO_HOUSEKEEPING");
}

TEST(ExpectedSeats, AnOfflineSiblingOnlyShrinksItsSeat) {
    const Topology whole = t2();
    const Plan before = plan_on(whole, {pool("a", 4, cores(1))});
    const Topology cut = restricted(whole, whole.root.cpus - cpus("8"));
    for (const Ledger& ledger : {Ledger{}, before.ledger()}) {
        const Plan p = plan_on(cut, {pool("a", 4, cores(1))}, ledger);
        EXPECT_EQ(seats(p, "a"), "{0} {1,9} {2,10} {3,11}");
        EXPECT_EQ(codes(p.warnings), "");  // an offline sibling makes no half core
    }
}

TEST(ExpectedSeats, ASeatGoesAwayWithItsCoreAndComesHome) {
    const Topology whole = t2();
    const std::vector<PoolRequest> requests{pool("a", 4, cores(1))};
    Ledger ledger = plan_on(whole, requests).ledger();

    const Topology cut = restricted(whole, whole.root.cpus - cpus("0,8"));
    const Plan away = plan_on(cut, requests, ledger);
    EXPECT_EQ(seats(away, "a"), "{4,12} {1,9} {2,10} {3,11}");
    EXPECT_EQ(seats(plan_on(whole, requests, ledger), "a"), "{0,8} {1,9} {2,10} {3,11}");

    ledger = next_ledger(ledger, away, cut.root.cpus);
    EXPECT_EQ(plan_on(cut, requests, ledger), away);
    EXPECT_EQ(seats(plan_on(whole, requests, ledger), "a"), "{0,8} {1,9} {2,10} {3,11}");
}

TEST(ExpectedSeats, GrowingAndANewPoolMoveNobody) {
    const Topology machine = t2();
    const Ledger ledger = plan_on(machine, {pool("a", 4, cores(1))}).ledger();
    const Plan p = plan_on(machine, {pool("a", 6, cores(1)), pool("b", 2, cores(1, pack))}, ledger);
    EXPECT_EQ(seats(p, "a"), "{0,8} {1,9} {2,10} {3,11} {4,12} {5,13}");
    EXPECT_EQ(seats(p, "b"), "{6,14} {7,15}");
}

TEST(ExpectedSeats, EightCoresOnFourNodes) {
    EXPECT_EQ(seats(plan_on(t3(), {pool("a", 8, cores(1))}), "a"),
              "{0,32} {8,40} {16,48} {24,56} {4,36} {12,44} {20,52} {28,60}");
}

TEST(ExpectedSeats, PairsPackedByCache) {
    EXPECT_EQ(seats(plan_on(t3(), {pool("a", 6, cores(2, pack))}), "a"),
              "{0-1,32-33} {2-3,34-35} {4-5,36-37} {6-7,38-39} {8-9,40-41} {10-11,42-43}");
}

TEST(ExpectedSeats, SixCoresNeedTwoCaches) {
    const Plan p = plan_on(t3(), {pool("a", 3, cores(6))});
    EXPECT_EQ(seats(p, "a"), "{0-5,32-37} {8-13,40-45} {16-21,48-53}");
    ASSERT_EQ(codes(p.warnings), "W_STRADDLE(a)");
    EXPECT_THAT(p.warnings[0].message, HasSubstr("(l3)"));
}

TEST(ExpectedSeats, AHybridMachineGivesItsFastCores) {
    const Plan p = plan_on(t5(), {pool("a", automatic, cores(1))});
    EXPECT_EQ(seats(p, "a"), "{0-1} {8-9} {16-17} {24-25}");
    EXPECT_EQ(codes(p.warnings), "");
}

TEST(ExpectedSeats, AHybridMachineDoesNotSpillToSlowCores) {
    const Plan p = plan_on(t5(), {pool("a", 6, cores(1))});
    ASSERT_EQ(codes(p.errors), "E_OVERSUBSCRIBED(a)");
    EXPECT_THAT(p.errors[0].message, HasSubstr("kind performance has 4 cores: 4 free. Short by 2"));
    EXPECT_THAT(p.errors[0].message, HasSubstr("efficiency has 8, any has 12"));
}

TEST(ExpectedSeats, AnyKindFillsTheFastOnesFirst) {
    CpuExclusive seat = cores(1);
    seat.kind = CpuExclusive::Kind::any;
    const Plan p = plan_on(t5(), {pool("a", 6, seat)});
    EXPECT_EQ(seats(p, "a"), "{0-1} {8-9} {16-17} {24-25} {32} {40}");
    EXPECT_EQ(codes(p.warnings), "W_MIXED_KINDS(a)");
}

}  // namespace
}  // namespace pinion::cpu::testing
