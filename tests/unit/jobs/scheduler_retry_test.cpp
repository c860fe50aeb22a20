// SPDX-License-Identifier: Apache-2.0
// How attempts end: causes, back-off, claims, timeouts, cancels, the death of workers.
#include <set>

#include "harness.h"

namespace pinion::jobs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Retry, AnErrorIsTriedAgainWithGrowingDelayUntilAttemptsAreUp) {
    Desk desk;
    desk.pool(0, memory_pool());
    desk.arrive(0);
    desk.tell(Desk::job(1));
    desk.answer(1, {.outcome = Outcome::error});
    ASSERT_EQ(desk.all<Retry>().size(), 1U);
    EXPECT_EQ(desk.all<Retry>()[0].delay, 1s);
    EXPECT_EQ(desk.all<Retry>()[0].attempt.number, 1U);
    desk.advance(1s);
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
    desk.answer(1, {.outcome = Outcome::error});
    EXPECT_EQ(desk.all<Retry>()[0].delay, 2s);
    desk.advance(2s);
    EXPECT_EQ(desk.last(1).number, 3U);
    desk.answer(1, {.outcome = Outcome::error});
    ASSERT_EQ(desk.all<Finish>().size(), 1U);
    EXPECT_EQ(desk.all<Finish>()[0].state, JobState::failed);
    EXPECT_EQ(desk.all<Finish>()[0].attempt.number, 3U);
}

TEST(Retry, DelaysGrowByTheFactorOfThePoolUpToItsLongest) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        for (const double jitter : {0.0, 0.1}) {
            Desk desk(seed);
            auto spec = memory_pool();
            spec.job = {.attempts = 6, .delay = 1s, .max_delay = 5s, .factor = 3, .jitter = jitter};
            desk.pool(0, spec);
            desk.arrive(0);
            desk.tell(Desk::job(1));
            std::set<double> shares;  // of the delay that no jitter would give
            for (const Duration wanted : {1s, 3s, 5s, 5s, 5s}) {
                desk.answer(1, {.outcome = Outcome::error});
                ASSERT_EQ(desk.all<Retry>().size(), 1U);
                const Duration delay = desk.all<Retry>()[0].delay;
                shares.insert(static_cast<double>(delay.count()) / static_cast<double>(wanted.count()));
                desk.advance(delay - 1us);
                EXPECT_THAT(desk.dispatched(), IsEmpty());
                desk.advance(1ms);
                ASSERT_THAT(desk.dispatched(), ElementsAre(1));
            }
            EXPECT_GE(*shares.begin(), 1 - jitter);
            EXPECT_LE(*shares.rbegin(), 1 + jitter) << "the longest delay is one before jitter";
            EXPECT_EQ(shares.size() > 1, jitter > 0) << "each delay has a jitter of its own";
            desk.answer(1, {.outcome = Outcome::error});
            EXPECT_EQ(desk.all<Finish>().size(), 1U);
        }
    }
}

TEST(Retry, TheWorkersWordOverrulesThePolicyInBothDirections) {
    Desk desk;
    auto spec = memory_pool();
    spec.job.retry_on.error = false;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3));
    desk.answer(1, {.outcome = Outcome::error});
    EXPECT_EQ(desk.all<Finish>().size(), 1U);
    desk.answer(2, {.outcome = Outcome::error, .retry = true, .after = 7s});
    ASSERT_EQ(desk.all<Retry>().size(), 1U);
    EXPECT_EQ(desk.all<Retry>()[0].delay, 7s);
    spec.job.retry_on.error = true;
    desk.pool(0, spec);
    desk.answer(3, {.outcome = Outcome::error, .retry = false});
    EXPECT_EQ(desk.all<Finish>().size(), 1U);
}

TEST(Retry, ExitCodesSpeakAsTheManualSays) {
    const auto judged = [](int code) { return judge_exit({.cause = Death::Cause::exited, .status = code}); };
    EXPECT_EQ(judged(0), (Verdict{Outcome::done, {}, {}}));
    EXPECT_EQ(judged(75), (Verdict{Outcome::error, true, {}}));
    EXPECT_EQ(judged(65), (Verdict{Outcome::error, false, {}}));
    EXPECT_EQ(judged(1), (Verdict{Outcome::error, {}, {}}));
    EXPECT_EQ(judge_exit({.cause = Death::Cause::signaled, .status = 11}).outcome, Outcome::crash);
    EXPECT_EQ(judge_exit({.cause = Death::Cause::signaled, .status = 9, .oom_killed = true}).outcome, Outcome::oom);
}

TEST(Retry, EveryCauseHasItsSwitch) {
    JobPolicy policy;
    for (const bool wanted : {false, true}) {
        policy.retry_on = {wanted, wanted, wanted, wanted};
        for (const Outcome outcome : {Outcome::error, Outcome::crash, Outcome::timeout, Outcome::oom})
            EXPECT_EQ(tries_again(policy, 1, {outcome, {}, {}}), wanted) << to_string(outcome);
        for (const Outcome outcome : {Outcome::done, Outcome::cancelled, Outcome::refused_push, Outcome::unreadable})
            EXPECT_FALSE(tries_again(policy, 1, {outcome, {}, {}})) << to_string(outcome);
        EXPECT_TRUE(tries_again(policy, 1, {Outcome::lost, {}, {}}));
    }
    EXPECT_TRUE(tries_again(policy, policy.attempts - 1, {Outcome::error, {}, {}}));
    EXPECT_FALSE(tries_again(policy, policy.attempts, {Outcome::error, true, {}}));
}

TEST(Death, OnlyTheExecutingJobPaysAndTheRestGoesBackInFront) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 3;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3), Desk::job(4));
    desk.tell(WorkerGone{Desk::worker(0), Departure::crash, {}});
    ASSERT_EQ(desk.all<Retry>().size(), 1U);
    EXPECT_EQ(desk.all<Retry>()[0].job, JobId{1});
    EXPECT_EQ(desk.all<Retry>()[0].attempt.outcome, Outcome::crash);
    desk.arrive(0, 2);
    EXPECT_THAT(desk.dispatched(), ElementsAre(2, 3, 4));
    EXPECT_EQ(desk.last(2).number, 1U) << "not charged";
}

TEST(Death, ThatComesWithAnswersIsTheNextJobs) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 4;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3), Desk::job(4));
    const auto answered = [&](std::uint64_t job) {
        return JobAnswered{Desk::worker(0), desk.last(job).attempt, {}, {}, {}};
    };
    // All in one turn: the scheduler had no time to see that the third began.
    desk.tell(answered(1), answered(2), WorkerGone{Desk::worker(0), Departure::crash, {}});
    EXPECT_EQ(desk.all<Finish>().size(), 2U);
    ASSERT_EQ(desk.all<Retry>().size(), 1U);
    EXPECT_EQ(desk.all<Retry>()[0].job, JobId{3});
    desk.arrive(0, 2);
    EXPECT_EQ(desk.last(4).number, 1U) << "not charged";
}

TEST(Death, AJobThatAlwaysKillsItsWorkerFailsAfterItsAttemptsAndOthersLive) {
    Desk desk;
    auto spec = memory_pool();
    spec.job.delay = 0s;
    desk.pool(0, spec);
    desk.tell(Desk::job(1), Desk::job(2));
    std::uint64_t generation = 1;
    std::vector<Finish> ends;
    for (int round = 0; round < 10; ++round) {
        desk.arrive(0, generation);
        const auto sent = desk.all<Dispatch>();
        if (sent.empty()) break;
        if (sent[0].job == JobId{1})
            desk.tell(WorkerGone{Desk::worker(0, generation), Departure::crash, {}});
        else
            desk.answer(sent[0].job.value);
        for (const Finish& end : desk.all<Finish>()) ends.push_back(end);
        if (sent[0].job != JobId{1}) desk.tell(WorkerGone{Desk::worker(0, generation), Departure::stopped, {}});
        ++generation;
    }
    ASSERT_EQ(ends.size(), 2U);
    EXPECT_EQ(ends[0].job, JobId{2});
    EXPECT_EQ(ends[0].state, JobState::done);
    EXPECT_EQ(ends[1].job, JobId{1});
    EXPECT_EQ(ends[1].state, JobState::failed);
    EXPECT_EQ(ends[1].attempt.number, 3U);
}

TEST(Death, AStopChargesNobody) {
    Desk desk;
    desk.pool(0, durable_pool());
    desk.arrive(0);
    desk.tell(Desk::job(1));
    ASSERT_EQ(desk.all<Claim>().size(), 1U);
    EXPECT_FALSE(desk.all<Claim>()[0].answer) << "a first claim rides along";
    desk.tell(WorkerGone{Desk::worker(0), Departure::stopped, {}});
    EXPECT_EQ(desk.all<Release>().size(), 1U);
    EXPECT_TRUE(desk.all<Retry>().empty());
    EXPECT_EQ(desk.phase(1), JobPhase::ready);
}

TEST(Claims, ALaterAttemptIsOnDiskBeforeItIsDispatched) {
    Desk desk;
    auto spec = durable_pool();
    spec.job.delay = 0s;
    spec.prefetch = 2;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1));
    desk.answer(1, {.outcome = Outcome::crash});
    EXPECT_THAT(desk.dispatched(), IsEmpty());
    ASSERT_EQ(desk.all<Claim>().size(), 1U);
    const Claim claim = desk.all<Claim>()[0];
    EXPECT_TRUE(claim.answer);
    EXPECT_EQ(claim.number, 2U);
    desk.tell(Desk::job(2));
    EXPECT_THAT(desk.dispatched(), IsEmpty()) << "nothing overtakes a claim at its worker";
    desk.tell(ClaimPersisted{claim.worker, claim.attempt});
    EXPECT_THAT(desk.dispatched(), ElementsAre(1, 2));
    EXPECT_EQ(desk.phase(1), JobPhase::running);
}

TEST(Claims, AClaimWhoseWorkerDiedIsVoidAndComesTooLate) {
    Desk desk;
    auto spec = durable_pool();
    spec.job.delay = 0s;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1));
    desk.answer(1, {.outcome = Outcome::crash});
    const Claim claim = desk.all<Claim>()[0];
    desk.tell(WorkerGone{Desk::worker(0), Departure::crash, {}});
    EXPECT_EQ(desk.all<Release>().size(), 1U);
    EXPECT_EQ(desk.phase(1), JobPhase::ready);
    desk.tell(ClaimPersisted{claim.worker, claim.attempt});
    EXPECT_THAT(desk.dispatched(), IsEmpty());
}

TEST(Claims, AreVoidedAlsoWhereTheirPoolPromisesLessMeanwhile) {
    Desk desk;
    desk.pool(0, durable_pool());
    desk.arrive(0);
    desk.tell(Desk::job(1));
    ASSERT_EQ(desk.all<Claim>().size(), 1U);
    desk.pool(0, memory_pool());
    desk.tell(WorkerGone{Desk::worker(0), Departure::stopped, {}});
    EXPECT_EQ(desk.all<Release>().size(), 1U) << "or the next start would charge it";
    desk.arrive(0, 2);
    EXPECT_TRUE(desk.all<Claim>().empty());
    desk.pool(0, durable_pool());
    desk.tell(WorkerGone{Desk::worker(0, 2), Departure::stopped, {}});
    EXPECT_TRUE(desk.all<Release>().empty()) << "it was not claimed that time";
}

TEST(Claims, AJobThatWasExecutingWhenTheDaemonDiedIsCharged) {
    Desk desk;
    auto spec = durable_pool();
    spec.job.attempts = 2;
    desk.pool(0, spec);
    auto once = Desk::job(1);
    once.interrupted = true;
    auto twice = Desk::job(2);
    twice.interrupted = true;
    twice.attempts = 1;
    desk.tell(once, twice);
    ASSERT_EQ(desk.all<Retry>().size(), 1U);
    EXPECT_EQ(desk.all<Retry>()[0].attempt.outcome, Outcome::lost);
    ASSERT_EQ(desk.all<Finish>().size(), 1U);
    EXPECT_EQ(desk.all<Finish>()[0].job, JobId{2});
    EXPECT_EQ(desk.all<Finish>()[0].attempt.number, 2U);
}

TEST(Claims, AClaimForAWorkerThatIsBeingKilledDispatchesNothing) {
    Desk desk;
    auto spec = durable_pool();
    spec.concurrency = 2;
    desk.pool(0, spec);
    desk.arrive(0);
    auto later = Desk::job(2);
    later.attempts = 1;
    desk.tell(Desk::job(1), later);
    Claim claim;
    for (const Claim& one : desk.all<Claim>())
        if (one.answer) claim = one;
    ASSERT_EQ(claim.job, JobId{2});
    desk.tell(CancelRequested{JobId{1}});
    EXPECT_EQ(desk.all<KillTree>().size(), 1U);
    desk.tell(ClaimPersisted{claim.worker, claim.attempt});
    EXPECT_THAT(desk.dispatched(), IsEmpty());
    desk.tell(WorkerGone{Desk::worker(0), Departure::stopped, {}});
    EXPECT_EQ(desk.phase(2), JobPhase::ready);
}

TEST(Retry, WhatDiesWithTheJobThatEndsItsMapIsNotTriedAgain) {
    Desk desk;
    auto spec = memory_pool();
    spec.concurrency = 2;
    desk.pool(0, spec);
    desk.arrive(0);
    auto last = Desk::job(1, 5);
    last.attempts = 2;
    desk.tell(MapOpened{MapId{5}, JobPoolId{0}, true}, last, Desk::job(2, 5));
    desk.tell(WorkerGone{Desk::worker(0), Departure::crash, {}});
    EXPECT_TRUE(desk.all<Retry>().empty());
    EXPECT_EQ(desk.all<Finish>().size(), 2U);
}

TEST(Claims, AnInterruptedAttemptIsOnRecordAlsoWhereItsMapIsCancelledMeanwhile) {
    Desk desk;
    auto spec = durable_pool();
    spec.job.attempts = 1;
    desk.pool(0, spec);
    auto first = Desk::job(1, 5);
    auto second = Desk::job(2, 5);
    first.interrupted = second.interrupted = true;
    desk.tell(MapOpened{MapId{5}, JobPoolId{0}, true}, first, second);
    ASSERT_EQ(desk.all<Finish>().size(), 2U);
    EXPECT_EQ(desk.all<Finish>()[1].attempt.number, 1U);
    EXPECT_EQ(desk.all<Finish>()[1].attempt.outcome, Outcome::lost);
}

TEST(Timeout, KillsTheTreeAndChargesOnlyThatJob) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 3;
    spec.job.timeout = 10s;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2));
    EXPECT_EQ(desk.scheduler.next_deadline(), desk.now + 10s);
    desk.advance(9s);
    EXPECT_TRUE(desk.all<KillTree>().empty());
    desk.answer(1);
    desk.advance(9s);
    EXPECT_TRUE(desk.all<KillTree>().empty()) << "job 2 is timed from its own beginning";
    desk.advance(1s);
    ASSERT_EQ(desk.all<KillTree>().size(), 1U);
    EXPECT_EQ(desk.phase(2), JobPhase::ending);
    desk.answer(2);
    EXPECT_TRUE(desk.all<Finish>().empty()) << "too late";
    desk.tell(WorkerGone{Desk::worker(0), Departure::stopped, {}});
    ASSERT_EQ(desk.all<Finish>().size(), 1U);
    EXPECT_EQ(desk.all<Finish>()[0].attempt.outcome, Outcome::timeout);
    EXPECT_EQ(desk.all<Finish>()[0].state, JobState::failed);
}

TEST(Timeout, OthersOfAKilledWorkerAreNotCharged) {
    Desk desk;
    auto spec = memory_pool();
    spec.concurrency = 2;
    spec.job.timeout = 10s;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1));
    desk.now += 5s;
    desk.tell(Desk::job(2));
    desk.advance(5s);
    ASSERT_EQ(desk.all<KillTree>().size(), 1U);
    desk.tell(WorkerGone{Desk::worker(0), Departure::crash, {}});
    EXPECT_EQ(desk.all<Finish>().size(), 1U);
    EXPECT_TRUE(desk.all<Retry>().empty());
    EXPECT_EQ(desk.phase(2), JobPhase::ready);
}

TEST(Cancel, AQueuedJobAtOnceARunningOneByItsTree) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 2;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3));
    desk.tell(CancelRequested{JobId{3}});
    ASSERT_EQ(desk.all<Finish>().size(), 1U);
    EXPECT_EQ(desk.all<Finish>()[0].attempt.number, 0U);
    desk.tell(CancelRequested{JobId{2}});  // in the worker's pipe
    ASSERT_EQ(desk.all<Finish>().size(), 1U);
    EXPECT_TRUE(desk.all<KillTree>().empty());
    desk.answer(1);
    ASSERT_EQ(desk.all<KillTree>().size(), 1U) << "its turn at the worker came";
    EXPECT_EQ(desk.all<KillTree>()[0].job, JobId{2});

    desk.arrive(0, 2);
    desk.tell(Desk::job(4));
    desk.tell(CancelRequested{JobId{4}});
    EXPECT_EQ(desk.all<KillTree>().size(), 1U);
    EXPECT_TRUE(desk.all<Finish>().empty()) << "not before its tree is gone";
    desk.tell(WorkerGone{Desk::worker(0, 2), Departure::stopped, {}});
    ASSERT_EQ(desk.all<Finish>().size(), 1U);
    EXPECT_EQ(desk.all<Finish>()[0].state, JobState::cancelled);
}

TEST(Cancel, AGapThatIsAnsweredInTheSameTurnCostsNoWorker) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 2;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2));
    desk.tell(CancelRequested{JobId{2}});
    const auto first = desk.last(1);
    const auto second = desk.last(2);
    desk.tell(JobAnswered{first.worker, first.attempt, {}, {}, {}},
              JobAnswered{second.worker, second.attempt, {}, {}, {}});
    EXPECT_TRUE(desk.all<KillTree>().empty());
    EXPECT_EQ(desk.all<Finish>().size(), 1U);
}

TEST(Cancel, OfAJobThatTimesOutWinsOverItsRetry) {
    Desk desk;
    auto spec = memory_pool();
    spec.job.timeout = 1s;
    spec.job.retry_on.timeout = true;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1));
    desk.advance(1s);
    desk.tell(CancelRequested{JobId{1}});
    desk.tell(WorkerGone{Desk::worker(0), Departure::stopped, {}});
    ASSERT_EQ(desk.all<Finish>().size(), 1U);
    EXPECT_EQ(desk.all<Finish>()[0].state, JobState::cancelled);
}

}  // namespace
}  // namespace pinion::jobs
