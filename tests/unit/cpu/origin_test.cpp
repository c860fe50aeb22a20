// SPDX-License-Identifier: Apache-2.0
#include "cpu/origin.h"

#include <gtest/gtest.h>

namespace pinion::cpu {
namespace {

KeptSeats seat(CpuSet home, CpuSet now) { return {{"a", 0, std::move(home), std::move(now), true}}; }

TEST(Origins, FollowASeatFromPlanToPlan) {
    Origins origins;
    EXPECT_EQ(origins.find("a", 0), std::nullopt);
    origins.follow(seat({0}, {0}));
    EXPECT_EQ(origins.find("a", 0), Origin::planned);
    origins.follow(seat({0}, {0}));
    EXPECT_EQ(origins.find("a", 0), Origin::planned) << "nothing is new";
    origins.follow(seat({0}, {5}));
    EXPECT_EQ(origins.find("a", 0), Origin::away);
    origins.follow(seat({0}, {0}));
    EXPECT_EQ(origins.find("a", 0), Origin::home);
    origins.follow(seat({0}, {0}));
    EXPECT_EQ(origins.find("a", 0), Origin::home);
    origins.follow(seat({3}, {3}));
    EXPECT_EQ(origins.find("a", 0), Origin::moved);
    origins.follow({});
    EXPECT_EQ(origins.find("a", 0), std::nullopt);
}

TEST(Origins, OfSeatsThatWereLeftByAnotherDaemonAreKeptOnes) {
    Origins origins;
    origins.recall(seat({0}, {0}));
    origins.follow(seat({0}, {0}));
    EXPECT_EQ(origins.find("a", 0), Origin::kept);
    origins.recall(seat({0}, {4}));
    origins.follow(seat({0}, {4}));
    EXPECT_EQ(origins.find("a", 0), Origin::away);
    origins.follow(seat({0}, {0}));
    EXPECT_EQ(origins.find("a", 0), Origin::home);
}

TEST(Origins, HaveWords) {
    for (const Origin origin : {Origin::planned, Origin::kept, Origin::moved, Origin::home, Origin::away})
        EXPECT_EQ(find_origin(to_string(origin)), origin);
    EXPECT_EQ(find_origin(""), std::nullopt);
}

}  // namespace
}  // namespace pinion::cpu
