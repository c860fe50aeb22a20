// SPDX-License-Identifier: Apache-2.0
#include "model/restart_policy.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace pinion {
namespace {

TEST(BackoffDelay, TheFirstRestartIsImmediate) { EXPECT_EQ(backoff_delay({}, 1), Duration::zero()); }

TEST(BackoffDelay, TheSecondWaitsTheDelayAndEachLaterOneFactorTimesAsLong) {
    const RestartPolicy policy;
    EXPECT_EQ(backoff_delay(policy, 2), 100ms);
    EXPECT_EQ(backoff_delay(policy, 3), 200ms);
    EXPECT_EQ(backoff_delay(policy, 4), 400ms);
}

TEST(BackoffDelay, StopsGrowingAtMaxDelay) {
    RestartPolicy policy;
    policy.max_delay = 400ms;
    EXPECT_EQ(backoff_delay(policy, 4), 400ms);
    EXPECT_EQ(backoff_delay(policy, 5), 400ms);
    EXPECT_EQ(backoff_delay(policy, std::numeric_limits<std::uint32_t>::max()), 400ms);
}

TEST(BackoffDelay, IsMonotoneInTheNumberOfEnds) {
    RestartPolicy policy;
    for (const double factor : {1.0, 1.3, 2.0, 10.0}) {
        policy.factor = factor;
        for (std::uint32_t n = 1; n < 200; ++n) EXPECT_LE(backoff_delay(policy, n), backoff_delay(policy, n + 1));
    }
}

TEST(BackoffDelay, AFactorOfOneIsAConstantDelay) {
    RestartPolicy policy;
    policy.factor = 1;
    EXPECT_EQ(backoff_delay(policy, 50), policy.delay);
}

TEST(BackoffJitter, StaysWithinItsFractionAndUsesAllOfIt) {
    const RestartPolicy policy;
    Duration least = 1h;
    Duration most{};
    for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
        const auto delay = backoff_delay_jittered(policy, 2, seed);
        least = std::min(least, delay);
        most = std::max(most, delay);
    }
    EXPECT_GE(least, 90ms);
    EXPECT_LE(most, 110ms);
    EXPECT_LT(least, 90100us);
    EXPECT_GT(most, 109900us);
}

TEST(BackoffJitter, NeverExceedsMaxDelayByMoreThanTheJitter) {
    const RestartPolicy policy;
    for (std::uint64_t seed = 0; seed < 1000; ++seed) EXPECT_LE(backoff_delay_jittered(policy, 100, seed), 33s);
}

TEST(BackoffJitter, TheSameSeedGivesTheSameDelay) {
    EXPECT_EQ(backoff_delay_jittered({}, 5, 7), backoff_delay_jittered({}, 5, 7));
    std::set<Duration> delays;
    for (std::uint64_t seed = 0; seed < 100; ++seed) delays.insert(backoff_delay_jittered({}, 5, seed));
    EXPECT_GT(delays.size(), 90U);
}

TEST(BackoffJitter, NoneLeavesTheDelayAlone) {
    RestartPolicy policy;
    policy.jitter = 0;
    EXPECT_EQ(backoff_delay_jittered(policy, 3, 99), 200ms);
}

TEST(BackoffJitter, AnImmediateRestartStaysImmediate) {
    EXPECT_EQ(backoff_delay_jittered({}, 1, 99), Duration::zero());
}

TEST(RestartLimit, NoLimitCountsAsReachable) { EXPECT_TRUE(limit_is_reachable({})); }

// Restarts 1, 2, 3 come after 0, 100 and 200 ms: three lie in a window of 300 ms.
TEST(RestartLimit, IsReachableExactlyWhereBackOffLetsOneMoreThanTheCountIntoTheWindow) {
    RestartPolicy policy;
    policy.jitter = 0;
    policy.limit = {.count = 2, .within = 300ms};
    EXPECT_TRUE(limit_is_reachable(policy));
    policy.limit->within = 300ms - 1us;
    EXPECT_FALSE(limit_is_reachable(policy));
}

TEST(RestartLimit, JitterIsTakenAtItsShortest) {
    RestartPolicy policy;
    policy.limit = {.count = 2, .within = 270ms};
    EXPECT_TRUE(limit_is_reachable(policy));
    policy.limit->within = 270ms - 1us;
    EXPECT_FALSE(limit_is_reachable(policy));
}

TEST(RestartLimit, ALargeCountIsDecidedWithoutCountingThroughIt) {
    RestartPolicy policy;
    policy.limit = {.count = std::numeric_limits<std::uint32_t>::max() - 1, .within = 24h};
    EXPECT_FALSE(limit_is_reachable(policy));
}

TEST(RestartLimit, BeyondTheGrowthEachRestartCostsMaxDelay) {
    RestartPolicy policy;
    policy.jitter = 0;
    policy.max_delay = 200ms;  // 0, 100, then 200 each
    policy.limit = {.count = 5, .within = 900ms};
    EXPECT_TRUE(limit_is_reachable(policy));
    policy.limit->within = 899ms;
    EXPECT_FALSE(limit_is_reachable(policy));
}

}  // namespace
}  // namespace pinion
