// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_meter.h"

#include <gtest/gtest.h>

namespace pinion::daemon {
namespace {

using namespace std::chrono_literals;

constexpr MonotonicTime start{1000s};

TEST(JobMeter, KnowsNothingAtFirst) {
    const JobMeter meter;
    EXPECT_EQ(meter.rate(start), 0);
    EXPECT_FALSE(meter.p95());
}

TEST(JobMeter, CountsEndsOfTheLastTenSeconds) {
    JobMeter meter;
    for (int i = 0; i < 300; ++i) meter.add(start + i * 100ms, 1ms);
    EXPECT_NEAR(meter.rate(start + 30s), 10, 1);
    EXPECT_NEAR(meter.rate(start + 35s), 5, 1);
    EXPECT_EQ(meter.rate(start + 60s), 0);
}

TEST(JobMeter, DoesNotSpreadTheFirstEndsOverTimeBeforeThem) {
    JobMeter meter;
    for (int i = 0; i < 20; ++i) meter.add(start + i * 100ms, 1ms);
    EXPECT_NEAR(meter.rate(start + 2s), 10, 1);
}

TEST(JobMeter, GivesTheNinetyFifthOfAHundred) {
    JobMeter meter;
    for (int i = 100; i > 0; --i) meter.add(start, i * 1ms);
    EXPECT_EQ(meter.p95(), 95ms);
}

TEST(JobMeter, ForgetsAllButTheLastAttempts) {
    JobMeter meter;
    for (int i = 0; i < 1000; ++i) meter.add(start, 1h);
    for (std::size_t i = 0; i < JobMeter::samples; ++i) meter.add(start, 2ms);
    EXPECT_EQ(meter.p95(), 2ms);
}

TEST(JobMeter, OneEndIsItsOwnPercentile) {
    JobMeter meter;
    meter.add(start, 7ms);
    EXPECT_EQ(meter.p95(), 7ms);
    EXPECT_EQ(meter.rate(start), 1);
}

}  // namespace
}  // namespace pinion::daemon
