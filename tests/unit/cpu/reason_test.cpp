// SPDX-License-Identifier: Apache-2.0
// Why a seat: the better ones and who is in the way, on machines small enough to do it by hand, and over random cases.
#include "cpu/reason.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <set>

#include "base/text.h"
#include "random_case.h"

namespace pinion::cpu::testing {
namespace {

struct Asked {
    Topology topology;
    Universe universe;
    std::vector<PoolRequest> requests;
    Ledger ledger = {};
    [[nodiscard]] std::optional<SeatReason> about(const std::string& pool, std::uint32_t slot) const {
        const Plan made = plan(topology, universe, requests, ledger);
        return find_reason({topology, universe, requests, ledger, made}, pool, slot);
    }
    // "1,9 held db/0": each better seat and its first obstacle.
    [[nodiscard]] std::string better(const std::string& pool, std::uint32_t slot) const {
        const auto reason = about(pool, slot);
        if (!reason) return "no seat";
        std::vector<std::string> parts;
        for (const BetterSeat& seat : reason->better) {
            if (seat.obstacles.empty()) {
                parts.push_back(seat.cpus.to_list() + " free");
                continue;
            }
            static constexpr const char* words[] = {"held",     "kept out", "spare",    "reserved",
                                                    "isolated", "outside",  "forbidden"};
            const Obstacle& first = seat.obstacles.front();
            parts.push_back(seat.cpus.to_list() + " " + words[static_cast<int>(first.kind)] +
                            (first.pool.empty() ? "" : " " + first.pool + "/" + std::to_string(first.slot)));
        }
        return join(parts, "; ");
    }
    [[nodiscard]] std::string told(const std::string& pool, std::uint32_t slot) const {
        const auto reason = about(pool, slot);
        return reason ? join(sentences(*reason), "\n") : "";
    }
};

Asked on(const Topology& topology, std::vector<PoolRequest> requests) {
    return {topology, all_of(topology), std::move(requests)};
}

CpuExclusive within(CpuExclusive seat, CpuLevel level, std::uint32_t index) {
    seat.within = CpuScope{{}, {{level, index}}};
    return seat;
}

TEST(Reason, TheFirstChoiceHasNothingBetterBeforeIt) {
    const Asked asked = on(t2(), {pool("api", 4, cores(1))});
    for (std::uint32_t slot = 0; slot < 4; ++slot) EXPECT_EQ(asked.better("api", slot), "") << slot;
    EXPECT_THAT(
        asked.told("api", 1),
        ::testing::AllOf(::testing::HasSubstr("api/1 sits on the CPUs '1,9', inside one core, memory of NUMA node 1."),
                         ::testing::HasSubstr("It is the first choice: nothing came before it.")));
}

TEST(Reason, BetterSeatsAreNamedWithTheirHoldersInTheOrderOfPreference) {
    const Asked asked = on(t2(), {pool("api", 4, cores(1)), pool("db", 3, within(cores(1, pack), CpuLevel::numa, 1))});
    EXPECT_EQ(asked.better("api", 0), "");
    EXPECT_EQ(asked.better("api", 1), "1,9 held db/0; 3,11 held db/1; 5,13 held db/2");
    // Slot 1 has the last core of node 1: nothing there is left to want.
    EXPECT_EQ(asked.better("api", 3), "1,9 held db/0; 3,11 held db/1; 5,13 held db/2");
    EXPECT_THAT(asked.told("api", 1), ::testing::HasSubstr("3 seats came before it and could not be had:\n"
                                                           "  held by db/0..2: '1,9', '3,11', '5,13'"));
}

TEST(Reason, WhatTheMachineKeepsIsNamedToo) {
    Asked asked = on(t1(), {pool("api", 1, cores(1))});
    asked.universe.machine.reserve_cores = 1;
    EXPECT_EQ(asked.better("api", 0), "0,4 reserved");
    asked.universe.machine = {};
    asked.universe.isolated = cpus("0,4");
    EXPECT_EQ(asked.better("api", 0), "0,4 isolated");
    asked.universe.isolated = {};
    asked.universe.machine.cpus = cpus("2-3,6-7");
    EXPECT_EQ(asked.better("api", 0), "0,4 outside; 1,5 outside");
    asked.universe.machine = {};
    asked.universe.allowed = cpus("1-7");  // half of the first core is ours: that is the choice, as it is
    EXPECT_EQ(asked.better("api", 0), "");
    asked.universe.machine.half_cores = false;
    EXPECT_EQ(asked.better("api", 0), "0,4 forbidden");
}

TEST(Reason, KeepOutIsAnObstacleOfItsOwn) {
    CpuExclusive alone = cores(1);
    alone.keep_out = CpuLevel::numa;
    const Asked asked = on(t2(), {pool("db", 2, alone), pool("api", 1, within(cores(1), CpuLevel::numa, 1))});
    // 'api' chooses first, its scope being smaller; 'db' would have spread to node 1.
    EXPECT_EQ(asked.better("db", 1), "1,9 held api/0; 3,11 kept out api/0; 5,13 kept out api/0; 7,15 kept out api/0");
}

TEST(Reason, AnAutomaticPoolLeavesACoreToThoseThatShare) {
    Asked asked = on(t1(), {pool("api", automatic, cores(1)), pool("web", 1, CpuAuto{})});
    asked.ledger = {{"api", 0, cpus("3,7"), true}};
    EXPECT_EQ(asked.better("api", 1), "");
    EXPECT_EQ(asked.better("api", 0), "0,4 held api/1; 1,5 held api/2; 2,6 spare");
}

TEST(Reason, AKeptSeatIsToldFromAChosenOne) {
    Asked asked = on(t2(), {pool("api", 2, cores(1))});
    asked.ledger = {{"api", 0, cpus("4,12"), true}};
    const auto reason = asked.about("api", 0);
    ASSERT_TRUE(reason);
    EXPECT_TRUE(reason->kept);
    EXPECT_EQ(asked.better("api", 0), "0,8 free");
    EXPECT_THAT(asked.told("api", 0), ::testing::HasSubstr("it would be chosen today: '0,8'"));
    EXPECT_FALSE(asked.about("api", 1)->kept);
}

TEST(Reason, AWorkerAwayFromHomeSaysSo) {
    Asked asked = on(t2(), {pool("api", 2, cores(1))});
    asked.topology = restricted(t2(), t2().root.cpus - cpus("0,8"));
    asked.universe = all_of(asked.topology);
    asked.ledger = {{"api", 0, cpus("0,8"), true}, {"api", 0, cpus("4,12"), true}};
    const auto reason = asked.about("api", 0);
    ASSERT_TRUE(reason);
    EXPECT_EQ(reason->seat.cpus, cpus("4,12"));
    EXPECT_EQ(reason->home, cpus("0,8"));
    EXPECT_THAT(asked.told("api", 0), ::testing::HasSubstr("because the CPUs 0,8 of its own seat, '0,8', are missing"));
}

TEST(Reason, ASeatThatTwoStandInTheWayOfNamesBoth) {
    Asked asked = on(t2(), {pool("api", 1, cores(2)), pool("x", 1, CpuSeats{{cpus("2,10")}})});
    asked.universe.machine.reserve_cpus = cpus("0,8");
    EXPECT_THAT(asked.told("api", 0),
                ::testing::HasSubstr("1 seat came before it and could not be had:\n"
                                     "  held by x/0, and reserved ('machine.reserve'): '0,2,8,10'"));
}

TEST(Reason, WhoKnowsHowTheSeatCameAboutSaysIt) {
    Asked asked = on(t2(), {pool("api", 1, cores(1))});
    asked.ledger = {{"api", 0, cpus("0,8"), true}};
    EXPECT_THAT(asked.told("api", 0), ::testing::HasSubstr("It had this seat before and keeps it."));
    auto reason = *asked.about("api", 0);
    std::set<std::string> told;
    for (const Origin origin : {Origin::planned, Origin::kept, Origin::moved, Origin::home}) {
        reason.origin = origin;
        told.insert(sentences(reason).at(1));
        EXPECT_THAT(join(sentences(reason), "\n"), ::testing::Not(::testing::HasSubstr("had this seat before")));
    }
    EXPECT_EQ(told.size(), 4U);
    reason.origin = Origin::home;
    EXPECT_EQ(sentences(reason).at(1), "It came home: CPUs of this seat, its own, had been missing.");
}

TEST(Reason, PackPrefersTheDomainInUse) {
    const Asked asked = on(t2(), {pool("api", 2, cores(1, pack)), pool("db", 1, CpuSeats{{cpus("2,10")}})});
    EXPECT_EQ(asked.about("api", 1)->rule, SeatReason::Rule::pack);
    EXPECT_EQ(asked.better("api", 1), "2,10 held db/0");
    EXPECT_EQ(asked.about("db", 0)->rule, SeatReason::Rule::given);
    EXPECT_EQ(asked.better("db", 0), "");
}

TEST(Reason, WorkersOfADomainWantNothingOutsideIt) {
    const Asked asked = on(t2(), {pool("api", WorkerCount{.number = 2, .per = CpuLevel::numa}, cores(1)),
                                  pool("db", 1, CpuSeats{{cpus("0,8")}}), pool("lb", 1, CpuSeats{{cpus("3,11")}})});
    EXPECT_EQ(asked.better("api", 0), "0,8 held db/0");
    EXPECT_EQ(asked.better("api", 1), "");
    EXPECT_EQ(asked.better("api", 3), "3,11 held lb/0");
}

TEST(Reason, ASoftSeatIsExplainedByTheLoadOfItsCore) {
    Asked asked = on(t1(), {pool("db", 1, cores(1)), pool("web", 4, CpuAuto{})});
    const auto reason = asked.about("web", 3);
    ASSERT_TRUE(reason);
    EXPECT_EQ(reason->rule, SeatReason::Rule::soft);
    EXPECT_EQ(reason->shared_cores, 3U);
    EXPECT_EQ(reason->mates, (std::vector<std::pair<std::string, std::uint32_t>>{{"web", 0}}));
    EXPECT_TRUE(reason->lighter.empty());
    asked.ledger = {{"web", 0, cpus("1,5"), false},
                    {"web", 1, cpus("1,5"), false},
                    {"web", 2, cpus("1,5"), false},
                    {"web", 3, cpus("2,6"), false}};
    EXPECT_EQ(asked.about("web", 0)->lighter, cpus("2-3,6-7"));
    EXPECT_EQ(asked.about("web", 3)->lighter, CpuSet{});
}

TEST(Reason, AFloatingWorkerHasNone) {
    const Asked asked = on(t1(), {pool("db", 1, cores(1)), pool("log", 1, CpuNone{})});
    EXPECT_EQ(asked.told("log", 0),
              "log/0 has no seat: it floats ('cpu: none') over the CPUs '1-3,5-7', all that no exclusive seat holds.");
}

TEST(Reason, ASlotThatIsNotThereHasNoReason) {
    const Asked asked = on(t1(), {pool("db", 1, cores(1))});
    EXPECT_FALSE(asked.about("db", 1));
    EXPECT_FALSE(asked.about("nosuch", 0));
}

TEST(Reason, OfAColdPlanEveryBetterSeatHasSomebodyInTheWay) {
    for_seeds(400, [](std::uint64_t seed) {
        const Case made = random_case(seed);
        const Plan cold = made.cold();
        const UsableCpus usable = resolve(made.topology, made.universe);
        for (const PoolSeats& pool : cold.pools)
            for (const Seat& seat : pool.seats) {
                const Ledger none;
                const auto reason =
                    find_reason({made.topology, made.universe, made.requests, none, cold}, pool.pool, seat.slot);
                ASSERT_TRUE(reason);
                SCOPED_TRACE(pool.pool + "/" + std::to_string(seat.slot) + " " + seat.cpus.to_list());
                EXPECT_FALSE(reason->kept);
                for (const std::string& line : sentences(*reason)) EXPECT_FALSE(line.empty());
                for (const BetterSeat& better : reason->better) {
                    EXPECT_FALSE(better.obstacles.empty()) << better.cpus.to_list();
                    for (const Obstacle& obstacle : better.obstacles) {
                        EXPECT_TRUE(obstacle.cpus.is_subset_of(better.cpus));
                        if (obstacle.kind == Obstacle::Kind::reserved) {
                            EXPECT_TRUE(obstacle.cpus.is_subset_of(usable.reserved));
                        }
                        if (obstacle.kind != Obstacle::Kind::held) continue;
                        const PoolSeats* holder = cold.find(obstacle.pool);
                        ASSERT_NE(holder, nullptr);
                        EXPECT_TRUE(
                            whole_cores(made.topology, holder->seats.at(obstacle.slot).cpus).intersects(obstacle.cpus));
                    }
                }
            }
    });
}

}  // namespace
}  // namespace pinion::cpu::testing
