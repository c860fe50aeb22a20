// SPDX-License-Identifier: Apache-2.0
#include "supervise/restart_counter.h"

#include "harness.h"

namespace pinion::supervise {
namespace {

using Kind = Decision::Kind;

RestartPolicy policy_of(RestartWhen when) {
    RestartPolicy policy;
    policy.policy = when;
    policy.jitter = 0;
    return policy;
}

TEST(Judge, FollowsThePolicyOnSuccessFailureAndAStartThatFailed) {
    struct Row {
        RestartWhen policy;
        Kind on_success, on_failure, on_start_failure;
    };
    for (const auto& row : {Row{RestartWhen::always, Kind::restart, Kind::restart, Kind::restart},
                            Row{RestartWhen::on_failure, Kind::complete, Kind::restart, Kind::restart},
                            Row{RestartWhen::never, Kind::complete, Kind::give_up_policy, Kind::give_up_policy}}) {
        const auto policy = policy_of(row.policy);
        const auto success = exit_with(0);
        const auto failure = exit_with(1);
        EXPECT_EQ(judge(policy, &success), row.on_success);
        EXPECT_EQ(judge(policy, &failure), row.on_failure);
        EXPECT_EQ(judge(policy, nullptr), row.on_start_failure);
    }
}

TEST(Judge, FatalGoesBeforeEverything) {
    for (const auto when : {RestartWhen::always, RestartWhen::on_failure, RestartWhen::never}) {
        auto policy = policy_of(when);
        policy.fatal = {{ExitPattern::Kind::code, 0}, {ExitPattern::Kind::signal, 11}};
        const auto success = exit_with(0);
        const auto crash = killed_by(11);
        EXPECT_EQ(judge(policy, &success), Kind::give_up_fatal);
        EXPECT_EQ(judge(policy, &crash), Kind::give_up_fatal);
    }
}

TEST(Judge, ASignalIsNotAnExitCode) {
    auto policy = policy_of(RestartWhen::on_failure);
    policy.success = {{ExitPattern::Kind::signal, 15}};
    const auto by_signal = killed_by(15);
    const auto by_code = exit_with(15);
    EXPECT_EQ(judge(policy, &by_signal), Kind::complete);
    EXPECT_EQ(judge(policy, &by_code), Kind::restart);
}

class Counting : public testing::Test {
protected:
    Decision end(std::optional<Duration> uptime = Duration{}) {
        const auto decision = counter.count(policy, Kind::restart, uptime, now, 0);
        if (decision.kind == Kind::restart) {
            now += decision.delay;
            counter.started(policy, now);
        }
        return decision;
    }
    void SetUp() override { counter.started(policy, now); }

    RestartPolicy policy = policy_of(RestartWhen::always);
    MonotonicTime now{1h};
    RestartCounter counter;
};

TEST_F(Counting, EachEndInARowWaitsLonger) {
    EXPECT_EQ(end().delay, 0ms);
    EXPECT_EQ(end().delay, 100ms);
    EXPECT_EQ(end().delay, 200ms);
    EXPECT_EQ(counter.failures_in_row(), 3U);
    EXPECT_EQ(counter.restarts(), 3U);
}

TEST_F(Counting, AStableLifeSetsTheCountBackBeforeItsEndIsCounted) {
    end();
    end();
    EXPECT_EQ(end(policy.reset_after - 1us).failures_in_row, 3U);
    const auto after_stable_life = end(policy.reset_after);
    EXPECT_EQ(after_stable_life.failures_in_row, 1U);
    EXPECT_EQ(after_stable_life.delay, 0ms);
}

TEST_F(Counting, ALifeThatWasNeverReadyIsNotStable) {
    policy.reset_after = Duration::zero();
    end(std::nullopt);
    EXPECT_EQ(end(std::nullopt).failures_in_row, 2U);
    EXPECT_EQ(end(Duration::zero()).failures_in_row, 1U);
}

TEST_F(Counting, TheLimitAllowsCountRestartsInAWindowAndNotOneMore) {
    policy.limit = {.count = 3, .within = 60s};
    for (int restart = 0; restart < 3; ++restart) EXPECT_EQ(end().kind, Kind::restart);
    const auto last = end();
    EXPECT_EQ(last.kind, Kind::give_up_limit);
    EXPECT_EQ(last.failures_in_row, 4U);
    EXPECT_EQ(last.delay, 0ms);
}

TEST_F(Counting, TheWindowSlides) {
    policy.limit = {.count = 1, .within = 10s};
    policy.reset_after = 1s;
    EXPECT_EQ(end(1s).kind, Kind::restart);  // at 1h
    now += 10s - 1us;
    EXPECT_EQ(counter.count(policy, Kind::restart, 2s, now, 0).kind, Kind::give_up_limit);
    now += 1us;
    EXPECT_EQ(counter.count(policy, Kind::restart, 2s, now, 0).kind, Kind::restart);
}

TEST_F(Counting, TheWindowCountsTheRestartWhenItWillTakePlace) {
    policy.limit = {.count = 2, .within = 100ms};
    EXPECT_EQ(end().kind, Kind::restart);  // now
    EXPECT_EQ(end().kind, Kind::restart);  // 100 ms later, when the first has left the window
    EXPECT_EQ(end().kind, Kind::restart);
}

TEST_F(Counting, ACountOfZeroNeverRestarts) {
    policy.limit = {.count = 0, .within = 1s};
    EXPECT_EQ(end().kind, Kind::give_up_limit);
}

TEST_F(Counting, WhatWasNotARestartDoesNotEnterTheWindow) {
    policy.limit = {.count = 1, .within = 60s};
    counter.clear(false);
    counter.started(policy, now);  // by hand
    EXPECT_EQ(counter.restarts(), 0U);
    EXPECT_EQ(end().kind, Kind::restart);
    EXPECT_EQ(end().kind, Kind::give_up_limit);
}

TEST_F(Counting, ClearedDuringALifeTheNextOneIsARestart) {
    end();
    counter.clear(true);
    EXPECT_EQ(counter.restarts(), 0U);
    EXPECT_EQ(end().failures_in_row, 1U);
    EXPECT_EQ(counter.restarts(), 1U);
}

TEST_F(Counting, CompletionEndsARowOfFailures) {
    end();
    EXPECT_EQ(counter.count(policy, Kind::complete, Duration{}, now, 0), (Decision{.kind = Kind::complete}));
    EXPECT_EQ(counter.failures_in_row(), 0U);
}

}  // namespace
}  // namespace pinion::supervise
