// SPDX-License-Identifier: Apache-2.0
#include "cpu/starved.h"

#include <gtest/gtest.h>

namespace pinion::cpu {
namespace {

using namespace std::chrono_literals;

constexpr MonotonicTime start{1h};
const WorkerId worker{"web", Slot{0}, Generation{1}};

TEST(Starved, ThirtySecondsOfTooMuchToRunAreToldOnce) {
    StarvedWatch watch;
    for (int i = 0; i < 6; ++i) EXPECT_FALSE(watch.looked(worker, 3, 2, start + i * 5s)) << i;
    EXPECT_TRUE(watch.looked(worker, 3, 2, start + 30s));
    for (int i = 7; i < 100; ++i) EXPECT_FALSE(watch.looked(worker, 9, 2, start + i * 5s)) << i;
}

TEST(Starved, ALookThatFindsRoomBeginsAnew) {
    StarvedWatch watch;
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(watch.looked(worker, i % 6 == 5 ? 2 : 3, 2, start + i * 5s)) << i;
}

TEST(Starved, WhatWasNotLookedAtDoesNotCount) {
    StarvedWatch watch;
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(watch.looked(worker, 3, 2, start + i * 13s)) << i;
}

TEST(Starved, WhereLooksAreSeldomTwoOfThemSuffice) {
    StarvedWatch watch;
    watch.expect_looks(60s);
    EXPECT_FALSE(watch.looked(worker, 3, 2, start));
    EXPECT_TRUE(watch.looked(worker, 3, 2, start + 61s));
    const WorkerId other{"web", Slot{1}, Generation{1}};
    EXPECT_FALSE(watch.looked(other, 3, 2, start));
    EXPECT_FALSE(watch.looked(other, 3, 2, start + 121s)) << "a look was left out";
    watch.expect_looks(1s);
    EXPECT_FALSE(watch.looked(other, 3, 2, start + 134s)) << "and often ones are waited for as before";
}

TEST(Starved, EachLifeIsJudgedByItself) {
    StarvedWatch watch;
    const WorkerId next{"web", Slot{0}, Generation{2}};
    for (int i = 0; i < 6; ++i) EXPECT_FALSE(watch.looked(worker, 3, 2, start + i * 5s));
    EXPECT_FALSE(watch.looked(next, 3, 2, start + 30s));
    for (int i = 7; i < 12; ++i) EXPECT_FALSE(watch.looked(next, 3, 2, start + i * 5s));
    EXPECT_TRUE(watch.looked(next, 3, 2, start + 60s));
}

}  // namespace
}  // namespace pinion::cpu
