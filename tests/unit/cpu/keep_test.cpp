// SPDX-License-Identifier: Apache-2.0
// Seats while CPUs come and go: who stays, who goes where, who comes home and when.
#include "cpu/keep.h"

#include <gtest/gtest.h>

#include "machines.h"

namespace pinion::cpu::testing {
namespace {

// A machine whose CPUs come and go under a few pools.
struct Life {
    Topology whole = t2();
    std::vector<PoolRequest> requests;
    CpuSet offline = {};
    CpuSet forbidden = {};  // by a cgroup
    Kept now = {};

    const Plan& load(std::set<std::string> reshaped = {}) { return take(false, false, std::move(reshaped)); }
    const Plan& lose(const std::string& list) {
        offline |= cpus(list);
        return take(false, true);
    }
    const Plan& regain(const std::string& list) {
        offline -= cpus(list);
        return take(false, true);
    }
    const Plan& go_home() { return take(true, true); }
    const Plan& take(bool home, bool unasked, std::set<std::string> reshaped = {}) {
        const Topology there = without(whole, offline);
        Universe universe = all_of(there);
        universe.allowed -= forbidden;
        now = keep_seats({.topology = there,
                          .universe = universe,
                          .requests = requests,
                          .earlier = now.seats,
                          .go_home = home,
                          .unasked = unasked,
                          .reshaped = std::move(reshaped)});
        return now.plan;
    }
};

CpuExclusive on_loss(CpuLoss loss) {
    CpuExclusive seat = cores(1);
    seat.on_cpu_loss = loss;
    return seat;
}

// Of two workers that own the same CPU the ledger of a sound daemon knows nothing (found by fuzzing).
TEST(Keeping, ALedgerThatContradictsItselfIsBelievedOnce) {
    for (const bool unasked : {false, true}) {
        Life life{.whole = from_synthetic("package:2 [numa] l3:1 core:4 pu:2").value(),
                  .requests = {pool("api", 3, cores(1)), pool("quick", 2, CpuAuto{})}};
        life.now.seats = {{"api", 0, cpus("0,1-15"), cpus("0,3"), true}, {"api", 1, cpus("4,5"), cpus("3,40"), true}};
        CpuSet owned;
        for (const auto& pool : life.take(false, unasked).pools)
            for (const Seat& seat : pool.seats) {
                EXPECT_FALSE(seat.exclusive && seat.cpus.intersects(owned)) << pool.pool << "/" << seat.slot;
                if (seat.exclusive) owned |= seat.cpus;
            }
    }
}

TEST(Keeping, AnUnrelatedCpuMovesNobody) {
    Life life{.requests = {pool("a", 4, cores(1)), pool("s", 3, CpuAuto{})}};
    const Plan before = life.load();
    EXPECT_EQ(seats(life.lose("7,15"), "a"), seats(before, "a"));
    EXPECT_TRUE(life.now.returning.empty());
    EXPECT_EQ(seats(life.regain("7,15"), "a"), seats(before, "a"));
    EXPECT_TRUE(life.now.returning.empty());
    EXPECT_EQ(life.now.plan, before);
}

TEST(Keeping, ASeatThatLostAThreadKeepsTheOther) {
    Life life{.requests = {pool("a", 4, cores(1))}};
    life.load();
    EXPECT_EQ(seats(life.lose("8"), "a"), "{0} {1,9} {2,10} {3,11}");
    EXPECT_EQ(find_kept(life.now.seats, "a", 0)->home, cpus("0,8"));
    EXPECT_TRUE(life.now.returning.empty());
    EXPECT_EQ(seats(life.regain("8"), "a"), "{0} {1,9} {2,10} {3,11}");
    EXPECT_FALSE(life.now.returning.empty());
    EXPECT_EQ(seats(life.go_home(), "a"), "{0,8} {1,9} {2,10} {3,11}");
    EXPECT_TRUE(life.now.returning.empty());
}

TEST(Keeping, ASeatOfTwoCoresThatLostOneKeepsTheOtherThoughOthersAreFree) {
    Life life{.requests = {pool("a", 2, cores(2))}};
    EXPECT_EQ(seats(life.load(), "a"), "{0,2,8,10} {1,3,9,11}");
    EXPECT_EQ(seats(life.lose("0,8"), "a"), "{2,10} {1,3,9,11}");
    EXPECT_EQ(seats(life.load(), "a"), "{2,10} {1,3,9,11}") << "a reload moves nobody either";
    life.regain("0,8");
    EXPECT_EQ(seats(life.go_home(), "a"), "{0,2,8,10} {1,3,9,11}");
}

TEST(Keeping, ASeatThatLostAllMovesToAFreeOneAndWaitsAtHomeIsNobodyElse) {
    Life life{.requests = {pool("a", 4, cores(1))}};
    life.load();
    EXPECT_EQ(seats(life.lose("0,8"), "a"), "{4,12} {1,9} {2,10} {3,11}");
    EXPECT_TRUE(life.now.returning.empty());
    EXPECT_EQ(seats(life.regain("0,8"), "a"), "{4,12} {1,9} {2,10} {3,11}");
    EXPECT_FALSE(life.now.returning.empty());
    EXPECT_FALSE(life.now.plan.shared.intersects(cpus("0,8")));
    // A pool that comes meanwhile takes other CPUs.
    life.requests.push_back(pool("b", 2, cores(1)));
    EXPECT_EQ(seats(life.load(), "b"), "{5,13} {6,14}");
    EXPECT_EQ(seats(life.go_home(), "a"), "{0,8} {1,9} {2,10} {3,11}");
    EXPECT_EQ(seats(life.now.plan, "b"), "{5,13} {6,14}");
}

TEST(Keeping, SoftWorkersWhoseCoreIsSomebodysFallbackCallNobodyHome) {
    Life life{.whole = synthetic("core:5 pu:1"), .requests = {pool("a", 4, cores(1)), pool("s", 2, CpuAuto{})}};
    life.load();
    const CpuSet home = life.now.plan.find("a")->seats[0].cpus;
    life.lose(home.to_list());
    EXPECT_TRUE(life.now.plan.find("s")->seats[0].parked);
    const Kept before = life.now;
    life.take(false, true);
    EXPECT_TRUE(life.now.returning.empty());
    EXPECT_EQ(life.now.seats, before.seats);
    life.regain(home.to_list());
    EXPECT_EQ(life.now.returning, home);
    life.go_home();
    EXPECT_FALSE(life.now.plan.find("s")->seats[0].parked);
}

TEST(Keeping, WhoSharesASeatOfItsPoolStaysAndWhoLostHisJoinsOthers) {
    CpuExclusive seat = cores(1);
    seat.oversubscribe = CpuExclusive::Oversubscribe::stack;
    Life life{.whole = t1(), .requests = {pool("a", 6, seat)}};
    EXPECT_EQ(seats(life.load(), "a"), "{0,4} {1,5} {2,6} {3,7} {0,4} {1,5}");
    EXPECT_EQ(seats(life.lose("1,5"), "a"), "{0,4} {2,6} {2,6} {3,7} {0,4} {3,7}");
    EXPECT_EQ(seats(life.regain("1,5"), "a"), "{0,4} {2,6} {2,6} {3,7} {0,4} {3,7}");
    EXPECT_EQ(seats(life.go_home(), "a"), "{0,4} {1,5} {2,6} {3,7} {0,4} {1,5}");
}

TEST(Keeping, APoolThatMayShrinkStopsNobodyWhoLostNothing) {
    CpuExclusive seat = cores(1);
    seat.oversubscribe = CpuExclusive::Oversubscribe::shrink;
    Life life{.whole = t1(), .requests = {pool("a", 6, seat)}};
    EXPECT_EQ(seats(life.load(), "a"), "{0,4} {1,5} {2,6} {3,7}");
    life.requests = {pool("a", 4, seat)};  // as the daemon asks: the counts that it has
    EXPECT_EQ(seats(life.lose("1,5"), "a"), "{0,4} - {2,6} {3,7}");
    EXPECT_TRUE(life.now.plan.find("a")->seats[1].parked);
    life.regain("1,5");
    EXPECT_EQ(seats(life.go_home(), "a"), "{0,4} {1,5} {2,6} {3,7}");
}

TEST(Keeping, HalfAHomeCallsNobodyBackWhoSitsWell) {
    Life life{.requests = {pool("a", 4, cores(1))}};
    life.load();
    life.lose("0,8");
    EXPECT_EQ(seats(life.regain("0"), "a"), "{4,12} {1,9} {2,10} {3,11}");
    EXPECT_TRUE(life.now.returning.empty());
    EXPECT_EQ(seats(life.go_home(), "a"), "{4,12} {1,9} {2,10} {3,11}");
    life.regain("8");
    EXPECT_FALSE(life.now.returning.empty());
    EXPECT_EQ(seats(life.go_home(), "a"), "{0,8} {1,9} {2,10} {3,11}");
}

TEST(Keeping, WithoutAFreeSeatItSharesAndIsOnNobodysSeat) {
    Life life{.requests = {pool("a", 7, cores(1)), pool("f", 1, CpuNone{})}};
    life.load();
    const CpuSet home = life.now.plan.find("a")->seats[0].cpus;
    const CpuSet rest = life.now.plan.shared;
    life.lose(home.to_list());
    // The one free core is a seat to be had; with two lost one of them shares.
    EXPECT_EQ(life.now.plan.find("a")->seats[0].cpus, rest);
    EXPECT_TRUE(life.now.plan.shared.empty());
    EXPECT_TRUE(life.now.plan.find("f")->seats[0].parked) << "nothing is left for who floats";
}

TEST(Keeping, WhoSharesByItsOwnWordDoesNotMove) {
    Life life{.requests = {pool("a", 4, on_loss(CpuLoss::share))}};
    life.load();
    const Seat& seat = life.lose("0,8").find("a")->seats[0];
    EXPECT_EQ(seat.cpus, CpuSet{});
    EXPECT_EQ(seat.mask, cpus("4-7,12-15"));
    EXPECT_FALSE(seat.exclusive || seat.parked);
    life.regain("0,8");
    EXPECT_FALSE(life.now.returning.empty());
    EXPECT_EQ(seats(life.go_home(), "a"), "{0,8} {1,9} {2,10} {3,11}");
}

TEST(Keeping, WhoStopsByItsOwnWordIsParkedUntilItsCpusAreBack) {
    Life life{.requests = {pool("a", 4, on_loss(CpuLoss::stop))}};
    life.load();
    EXPECT_TRUE(life.lose("0,8").find("a")->seats[0].parked);
    EXPECT_TRUE(life.load().find("a")->seats[0].parked) << "a reload does not wake it";
    EXPECT_TRUE(life.regain("0,8").find("a")->seats[0].parked);
    EXPECT_FALSE(life.go_home().find("a")->seats[0].parked);
    EXPECT_EQ(seats(life.now.plan, "a"), "{0,8} {1,9} {2,10} {3,11}");
}

TEST(Keeping, NamedSeatsShareWhenTheyAreGoneAndKeepWhatIsLeft) {
    Life life{.requests = {pool("a", 2, CpuSeats{.seats = {cpus("0,8"), cpus("2,10")}})}};
    life.load();
    EXPECT_EQ(seats(life.lose("0,8,10"), "a"), "- {2}");
    EXPECT_EQ(life.now.plan.find("a")->seats[0].mask, life.now.plan.shared);
    life.regain("0,8,10");
    EXPECT_EQ(seats(life.go_home(), "a"), "{0,8} {2,10}");
}

TEST(Keeping, ACgroupThatShrinksAndGrowsIsLikeHotplug) {
    Life life{.requests = {pool("a", 4, cores(1))}};
    life.load();
    life.forbidden = cpus("0,8");
    EXPECT_EQ(seats(life.take(false, true), "a"), "{4,12} {1,9} {2,10} {3,11}");
    life.forbidden = {};
    life.take(false, true);
    EXPECT_FALSE(life.now.returning.empty());
    EXPECT_EQ(seats(life.go_home(), "a"), "{0,8} {1,9} {2,10} {3,11}");
}

TEST(Keeping, SoftWorkersLeaveALostCoreAndComeBackToIt) {
    Life life{.requests = {pool("s", 8, CpuAuto{})}};
    life.load();
    const CpuSet home = life.now.plan.find("s")->seats[0].cpus;
    const Plan before = life.now.plan;
    life.lose(home.to_list());
    EXPECT_FALSE(life.now.plan.find("s")->seats[0].cpus.intersects(home));
    for (std::uint32_t slot = 1; slot < 8; ++slot)
        EXPECT_EQ(life.now.plan.find("s")->seats[slot].cpus, before.find("s")->seats[slot].cpus);
    life.regain(home.to_list());
    EXPECT_FALSE(life.now.returning.empty());
    EXPECT_EQ(seats(life.go_home(), "s"), seats(before, "s"));
}

TEST(Keeping, ANodeKeepsItsNumberWhileAnotherIsOffline) {
    CpuExclusive seat = cores(1);
    seat.within = CpuScope({}, {{CpuLevel::numa, 1}});
    Life life{.requests = {pool("a", 2, seat)}};
    EXPECT_EQ(seats(life.load(), "a"), "{1,9} {3,11}");
    EXPECT_EQ(seats(life.lose("0,2,4,6,8,10,12,14"), "a"), "{1,9} {3,11}");
    EXPECT_EQ(seats(life.load(), "a"), "{1,9} {3,11}");
}

TEST(Keeping, APoolWhoseScopeIsGoneIsParkedOrSharesAndReturns) {
    CpuExclusive seat = cores(1);
    seat.within = CpuScope({}, {{CpuLevel::numa, 1}});
    Life life{.requests = {pool("a", 2, seat), pool("b", 1, cores(1))}};
    const Plan before = life.load();
    life.lose("1,3,5,7,9,11,13,15");
    EXPECT_EQ(seats(life.now.plan, "a"), "- -");
    EXPECT_EQ(life.now.plan.find("a")->seats[0].mask, life.now.plan.shared);
    EXPECT_EQ(seats(life.now.plan, "b"), seats(before, "b"));
    life.regain("1,3,5,7,9,11,13,15");
    EXPECT_EQ(seats(life.go_home(), "a"), seats(before, "a"));
}

TEST(Keeping, APoolThatAsksForOtherSeatsIsHeldToNothing) {
    Life life{.requests = {pool("a", 2, cores(1))}};
    life.load();
    life.lose("8");
    life.requests = {pool("a", 2, cores(2))};
    EXPECT_EQ(seats(life.load({"a"}), "a"), "{0,2,10} {1,3,9,11}");
    EXPECT_EQ(find_kept(life.now.seats, "a", 0)->home, cpus("0,2,10"));
}

TEST(Keeping, CpusThatTheConfigurationTakesAreNoHomeAnyMore) {
    Life life{.requests = {pool("a", 2, cores(1))}};
    life.load();
    const Topology machine = t2();
    Universe universe = all_of(machine);
    universe.machine.reserve_cores = 1;
    const Kept kept =
        keep_seats({.topology = machine, .universe = universe, .requests = life.requests, .earlier = life.now.seats});
    EXPECT_EQ(seats(kept.plan, "a"), "{2,10} {1,9}");
    EXPECT_TRUE(find_kept(kept.seats, "a", 0)->at_home());
}

}  // namespace
}  // namespace pinion::cpu::testing
