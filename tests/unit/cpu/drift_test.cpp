// SPDX-License-Identifier: Apache-2.0
#include "cpu/drift.h"

#include <gtest/gtest.h>

#include "machines.h"

namespace pinion::cpu::testing {
namespace {

using namespace std::chrono_literals;
using Verdict = DriftWatch::Verdict;

constexpr MonotonicTime start{1h};

TEST(Drift, FiveRepairsInAMinuteAreMadeAndTheSixthIsAFight) {
    DriftWatch watch;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(watch.drifted("a", 0, start + i * 11s, false), Verdict::repair);
    EXPECT_EQ(watch.drifted("a", 0, start + 59s, false), Verdict::contested);
    EXPECT_EQ(watch.drifted("a", 0, start + 10h, false), Verdict::leave);
    EXPECT_EQ(watch.of("a", 0).repairs, 5U);
    EXPECT_TRUE(watch.of("a", 0).contested);
    EXPECT_TRUE(watch.any_contested("a"));
    EXPECT_FALSE(watch.any_contested("b"));
}

TEST(Drift, SixRepairsInJustOverAMinuteAreNone) {
    DriftWatch watch;
    for (int i = 0; i < 100; ++i) EXPECT_EQ(watch.drifted("a", 0, start + i * 12s, false), Verdict::repair) << i;
    EXPECT_EQ(watch.of("a", 0).repairs, 100U);
}

TEST(Drift, SeatsAreJudgedApart) {
    DriftWatch watch;
    for (std::uint32_t slot = 0; slot < 6; ++slot) EXPECT_EQ(watch.drifted("a", slot, start, false), Verdict::repair);
    EXPECT_EQ(watch.drifted("b", 0, start, false), Verdict::repair);
}

TEST(Drift, WhatTheMachineDidIsNobodysFault) {
    DriftWatch watch;
    for (int i = 0; i < 50; ++i) EXPECT_EQ(watch.drifted("a", 0, start, true), Verdict::repair);
    EXPECT_EQ(watch.of("a", 0).repairs, 50U);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(watch.drifted("a", 0, start, false), Verdict::repair);
    EXPECT_EQ(watch.drifted("a", 0, start, true), Verdict::repair);
    EXPECT_EQ(watch.drifted("a", 0, start, false), Verdict::contested);
}

TEST(Drift, AnOperatorsWordBeginsAnew) {
    DriftWatch watch;
    for (int i = 0; i < 6; ++i) static_cast<void>(watch.drifted("a", 0, start, false));
    for (int i = 0; i < 6; ++i) static_cast<void>(watch.drifted("a", 1, start, false));
    watch.forgive("a", 0);
    EXPECT_EQ(watch.drifted("a", 0, start, false), Verdict::repair);
    EXPECT_EQ(watch.drifted("a", 1, start, false), Verdict::leave);
    watch.forgive_all();
    EXPECT_FALSE(watch.any_contested("a"));
    EXPECT_EQ(watch.of("a", 0).repairs, 6U) << "the count stays";
    watch.forget("a", 0);
    EXPECT_EQ(watch.of("a", 0).repairs, 0U);
}

TEST(Drift, AMaskOfAllIsTheKernelsAndAnotherSomebodys) {
    EXPECT_EQ(suspect_of(cpus("0-7"), cpus("0-7")), Suspect::kernel);
    EXPECT_EQ(suspect_of(cpus("0-15"), cpus("0-7")), Suspect::kernel);
    EXPECT_EQ(suspect_of(cpus("0-6"), cpus("0-7")), Suspect::somebody);
}

}  // namespace
}  // namespace pinion::cpu::testing
