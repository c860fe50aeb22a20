// SPDX-License-Identifier: Apache-2.0
// What workers answer: in any order, of attempts that they have, and of those that they have not.
#include "harness.h"

namespace pinion::jobs {
namespace {

using testing::ElementsAre;

TEST(Answers, UnknownDoubleAndLateOnesAreStray) {
    Desk desk;
    desk.pool(0, memory_pool());
    desk.arrive(0);
    desk.tell(Desk::job(1));
    const auto sent = desk.last(1);
    desk.tell(JobAnswered{sent.worker, AttemptId{999}, {}, Evidence{7}, {}});
    ASSERT_EQ(desk.all<Stray>().size(), 1U);
    EXPECT_EQ(desk.all<Stray>()[0].evidence, Evidence{7});
    desk.answer(1);
    EXPECT_EQ(desk.all<Finish>().size(), 1U);
    desk.answer(1);
    EXPECT_EQ(desk.all<Stray>().size(), 1U);
    EXPECT_TRUE(desk.all<Finish>().empty());
    desk.tell(JobAnswered{Desk::worker(0, 5), sent.attempt, {}, {}, {}});
    EXPECT_EQ(desk.all<Stray>().size(), 1U);
    EXPECT_EQ(desk.scheduler.queue(JobPoolId{0})->strays, 3U);
}

TEST(Answers, MayComeInAnyOrder) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 3;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3));
    desk.answer(3);
    EXPECT_EQ(desk.all<Finish>()[0].job, JobId{3});
    desk.answer(1);
    EXPECT_EQ(desk.phase(2), JobPhase::running);
    desk.answer(2);
    EXPECT_EQ(desk.all<Finish>().size(), 1U);
}

TEST(Answers, APayloadThatIsLostFailsTheJobForGood) {
    Desk desk;
    desk.pool(0, memory_pool());
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2));
    desk.tell(PayloadLost{desk.last(1).worker, desk.last(1).attempt, {}});
    ASSERT_EQ(desk.all<Finish>().size(), 1U);
    EXPECT_EQ(desk.all<Finish>()[0].attempt.outcome, Outcome::unreadable);
    EXPECT_THAT(desk.dispatched(), ElementsAre(2));
}

TEST(Pushes, ToAPoolThatPromisesLessFailTheJob) {
    Desk desk;
    desk.pool(0, durable_pool());
    desk.pool(1, memory_pool());
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3));
    const auto push = [&](std::uint64_t job, std::uint32_t to) {
        const auto sent = desk.last(job);
        desk.tell(JobAnswered{sent.worker, sent.attempt, {}, {}, {JobPoolId{to}}});
        return desk.all<Finish>().at(0).attempt.outcome;
    };
    EXPECT_EQ(push(1, 1), Outcome::refused_push);
    EXPECT_EQ(push(2, 9), Outcome::refused_push);
    EXPECT_EQ(push(3, 0), Outcome::done);
}

// An id is that of an attempt: what a worker says of an earlier one is not said of the one that it executes.
TEST(Answers, WithTheIdOfAnEarlierAttemptOfThatJobAreStray) {
    Desk desk;
    auto spec = memory_pool();
    spec.job.delay = 0s;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1));
    const auto first = desk.last(1);
    desk.answer(1, {.outcome = Outcome::error});
    desk.advance(1ms);
    const auto second = desk.last(1);
    ASSERT_EQ(second.number, 2U);
    ASSERT_EQ(second.worker, first.worker);
    EXPECT_NE(second.attempt, first.attempt);
    desk.tell(JobAnswered{first.worker, first.attempt, {}, Evidence{7}, {}});
    EXPECT_TRUE(desk.all<Finish>().empty());
    ASSERT_EQ(desk.all<Stray>().size(), 1U);
    EXPECT_EQ(desk.all<Stray>()[0].evidence, Evidence{7});
    EXPECT_EQ(desk.phase(1), JobPhase::running);
    desk.tell(JobAnswered{second.worker, second.attempt, {}, {}, {}});
    ASSERT_EQ(desk.all<Finish>().size(), 1U);
    EXPECT_EQ(desk.all<Finish>()[0].attempt.number, 2U);
    EXPECT_EQ(desk.all<Finish>()[0].state, JobState::done);
}

// A worker with concurrency executes its oldest unanswered jobs, whichever of them it answers: those are timed, and
// those are charged when it dies.
TEST(Answers, OutOfOrderMoveTheWindowOfWhatAWorkerExecutes) {
    Desk desk;
    auto spec = memory_pool();
    spec.concurrency = 2;
    spec.prefetch = 3;
    spec.job.timeout = 10s;
    spec.job.delay = 0s;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3), Desk::job(4));
    const auto phases = [&] { return std::vector{desk.phase(1), desk.phase(2), desk.phase(3), desk.phase(4)}; };
    const auto left = [&](std::uint64_t job) {  // until its timeout
        for (const RunningView& one : desk.scheduler.running(JobPoolId{0}))
            if (one.job == JobId{job}) return one.deadline - desk.now;
        return Duration::zero();
    };
    using enum JobPhase;
    EXPECT_THAT(phases(), ElementsAre(running, running, sent, sent));
    desk.advance(4s);
    desk.answer(2);
    EXPECT_THAT(phases(), ElementsAre(running, finishing, running, sent)) << "the third is its second oldest";
    EXPECT_EQ(left(1), 6s) << "it runs since the beginning";
    EXPECT_EQ(left(3), 10s) << "it runs from now on";
    desk.answer(4);
    EXPECT_THAT(phases(), ElementsAre(running, finishing, running, finishing)) << "one that it was only sent";
    desk.answer(1);
    desk.tell(Desk::job(5), Desk::job(6));
    EXPECT_THAT(desk.dispatched(), ElementsAre(5, 6));
    desk.tell(WorkerGone{Desk::worker(0), Departure::crash, {}}, WorkerArrived{Desk::worker(0, 2)});
    desk.advance(1ms);
    EXPECT_EQ(desk.last(3).number, 2U);
    EXPECT_EQ(desk.last(5).number, 2U) << "it ran beside the third";
    EXPECT_EQ(desk.last(6).number, 1U) << "it was only sent";
}

}  // namespace
}  // namespace pinion::jobs
