// SPDX-License-Identifier: Apache-2.0
// Who is next, and who takes it: priorities, maps in turn, prefetch, the least loaded worker, delay, capacity.
#include "harness.h"
#include "model/job_limits.h"

namespace pinion::jobs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Order, FirstComeFirstServedWithinAMap) {
    Desk desk;
    desk.pool(0, memory_pool());
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3));
    desk.arrive(0);
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
    desk.answer(1);
    EXPECT_EQ(desk.phase(1), JobPhase::finishing);
    desk.tell(FinishPersisted{JobId{1}});
    EXPECT_EQ(desk.phase(1), JobPhase::none);
}

TEST(Order, HighPrioritiesFirst) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 10;
    desk.pool(0, spec);
    auto low = Desk::job(1);
    low.priority = 0;
    auto high = Desk::job(2);
    high.priority = 9;
    desk.tell(low, high, Desk::job(3));
    desk.arrive(0);
    EXPECT_THAT(desk.dispatched(), ElementsAre(2, 3, 1));
}

TEST(Order, MapsTakeTurnsSoThatAHugeOneNeverStarvesASmallOne) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 64;
    desk.pool(0, spec);
    std::vector<JobEvent> events;
    for (std::uint64_t id = 1; id <= 1000; ++id) events.emplace_back(Desk::job(id, 7));
    events.emplace_back(Desk::job(2001, 8));
    events.emplace_back(Desk::job(2002, 8));
    desk.turn(events);
    desk.arrive(0);
    const auto order = desk.dispatched();
    ASSERT_EQ(order.size(), 64U);
    EXPECT_THAT(std::vector(order.begin(), order.begin() + 5), ElementsAre(1, 2001, 2, 2002, 3));
}

TEST(Order, FewJobsSpreadOverAllWorkers) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 64;
    desk.pool(0, spec);
    for (std::uint32_t slot = 0; slot < 3; ++slot) desk.arrive(slot);
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3), Desk::job(4));
    std::vector<std::uint32_t> slots;
    for (const Dispatch& sent : desk.all<Dispatch>()) slots.push_back(sent.worker.slot.value);
    EXPECT_THAT(slots, ElementsAre(0, 1, 2, 0));
}

TEST(Order, PrefetchIsAboutAMillisecondOfWork) {
    Desk desk;
    desk.pool(0, memory_pool());
    EXPECT_EQ(desk.scheduler.queue(JobPoolId{0})->depth, 1U) << "unknown durations prefetch nothing";
    std::vector<JobEvent> events;
    for (std::uint64_t id = 1; id <= 2000; ++id) events.emplace_back(Desk::job(id));
    desk.turn(events);
    desk.arrive(0);
    for (std::uint64_t id = 1; id <= 200; ++id) {
        desk.now += 100us;
        desk.answer(id);
    }
    EXPECT_EQ(desk.scheduler.queue(JobPoolId{0})->depth, 10U);
    for (std::uint64_t id = 201; id <= 600; ++id) {
        desk.now += 10ms;
        desk.answer(id);
    }
    EXPECT_EQ(desk.scheduler.queue(JobPoolId{0})->depth, 1U);
    for (std::uint64_t id = 601; id <= 1200; ++id) {
        desk.now += 1us;
        desk.answer(id);
    }
    EXPECT_EQ(desk.scheduler.queue(JobPoolId{0})->depth, limits::max_prefetch) << "never more than the bound";
}

// Answers all that was sent in the last turn, in one.
void answer_all(Desk& desk) {
    std::vector<JobEvent> answers;
    for (const Dispatch& sent : desk.all<Dispatch>())
        answers.emplace_back(JobAnswered{sent.worker, sent.attempt, {}, {}, {}});
    desk.turn(std::move(answers));
}

// Where the daemon comes round only each 5 ms, a worker that has done all it had has waited for it.
TEST(Order, ABusyDaemonDoesNotPassForSlowWorkers) {
    Desk desk;
    desk.pool(0, memory_pool());
    std::vector<JobEvent> events;
    for (std::uint64_t id = 1; id <= 10'000; ++id) events.emplace_back(Desk::job(id));
    desk.turn(events);
    desk.arrive(0);
    const auto depth = [&] { return desk.scheduler.queue(JobPoolId{0})->depth; };
    for (int turn = 0; turn < 20; ++turn) {
        desk.now += 10us;
        answer_all(desk);
    }
    ASSERT_EQ(depth(), limits::max_prefetch);
    for (int turn = 0; turn < 20; ++turn) {
        desk.now += 5ms;
        answer_all(desk);
    }
    EXPECT_EQ(depth(), limits::max_prefetch);
    desk.now += 1s;
    answer_all(desk);
    EXPECT_EQ(depth(), 1U) << "so long a turn takes none";
}

TEST(Order, AWorkerThatIsSlowAndHasMoreIsSentNoneAhead) {
    Desk desk;
    desk.pool(0, memory_pool());
    std::vector<JobEvent> events;
    for (std::uint64_t id = 1; id <= 1000; ++id) events.emplace_back(Desk::job(id));
    desk.turn(events);
    desk.arrive(0);
    for (int turn = 0; turn < 10; ++turn) {
        desk.now += 10us;
        answer_all(desk);
    }
    const Dispatch first = desk.all<Dispatch>().at(0);
    ASSERT_GT(desk.all<Dispatch>().size(), 1U);
    desk.now += 5ms;
    desk.tell(JobAnswered{first.worker, first.attempt, {}, {}, {}});
    EXPECT_LE(desk.scheduler.queue(JobPoolId{0})->depth, 4U) << "it did one in 5 ms, and nothing held it up";
}

JobQueued large_job(std::uint64_t id) {
    auto job = Desk::job(id);
    job.size = limits::bytes_ahead / 2;
    return job;
}

TEST(Order, LargeInputsAreNotSentAheadWithoutABound) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 64;
    desk.pool(0, spec);
    desk.arrive(0);
    auto just_below = large_job(2);
    --just_below.size;
    desk.tell(large_job(1), just_below, Desk::job(3), Desk::job(4), large_job(5), Desk::job(6), Desk::job(7));
    EXPECT_THAT(desk.dispatched(), ElementsAre(1, 2, 3, 4, 5)) << "one past the bound, and none after that";
    EXPECT_EQ(to_string(desk.scheduler.why(JobId{6}), desk.now, [](JobPoolId) { return "p"; }),
              "it is the next, and all workers are busy");
    desk.tell(CancelRequested{JobId{5}});
    EXPECT_THAT(desk.dispatched(), IsEmpty()) << "it is on its way all the same";
    desk.answer(1);
    EXPECT_THAT(desk.dispatched(), ElementsAre(6, 7));
    desk.tell(large_job(8), Desk::job(9));
    EXPECT_THAT(desk.dispatched(), ElementsAre(8));
    desk.arrive(1);
    EXPECT_THAT(desk.dispatched(), ElementsAre(9)) << "another worker is not concerned";
    desk.tell(WorkerGone{Desk::worker(0), Departure::stopped, {}}, WorkerArrived{Desk::worker(0, 2)});
    EXPECT_EQ(desk.dispatched().size(), 6U) << "nor is its successor: all that was given back";
}

TEST(Order, WhatAWorkerCanExecuteAtOnceItGetsHoweverLargeItIs) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 8;
    spec.concurrency = 3;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(large_job(1), large_job(2), large_job(3), large_job(4));
    EXPECT_THAT(desk.dispatched(), ElementsAre(1, 2, 3));
    spec.concurrency = 4;
    desk.pool(0, spec);
    EXPECT_THAT(desk.dispatched(), ElementsAre(4));
}

TEST(Order, AWorkerWithConcurrencyIsSentAsManyAndPrefetchBesides) {
    Desk desk;
    auto spec = memory_pool();
    spec.concurrency = 3;
    spec.prefetch = 2;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3), Desk::job(4), Desk::job(5));
    EXPECT_THAT(desk.dispatched(), ElementsAre(1, 2, 3, 4));
    EXPECT_EQ(desk.phase(3), JobPhase::running);
    EXPECT_EQ(desk.phase(4), JobPhase::sent);
}

TEST(Order, AJobBehindOneThatRunsWaitsAsLongAsItIsReady) {
    Desk desk;
    auto policy = memory_pool();
    policy.prefetch = 2;
    desk.pool(0, policy);
    desk.arrive(0);
    desk.tell(Desk::job(1));
    const MonotonicTime since = desk.now += 1s;
    desk.tell(Desk::job(2));
    desk.advance(1h);
    const auto view = desk.scheduler.queue(JobPoolId{0});
    ASSERT_EQ(view->running, 1U);
    ASSERT_EQ(view->sent, 1U);
    EXPECT_EQ(view->oldest_ready, since);
    desk.answer(1);
    EXPECT_FALSE(desk.scheduler.queue(JobPoolId{0})->oldest_ready) << "it runs";
}

TEST(Order, ADelayedJobWaitsFromWhenItIsDue) {
    Desk desk;
    desk.pool(0, memory_pool());
    auto late = Desk::job(1);
    late.not_before = desk.now + 10s;
    desk.tell(late);
    desk.advance(5s);
    EXPECT_FALSE(desk.scheduler.queue(JobPoolId{0})->oldest_ready);
    const MonotonicTime since = desk.now;
    desk.tell(Desk::job(2));
    EXPECT_EQ(desk.scheduler.queue(JobPoolId{0})->oldest_ready, since);
    desk.arrive(0);
    EXPECT_FALSE(desk.scheduler.queue(JobPoolId{0})->oldest_ready) << "it runs";
    desk.advance(5s);
    ASSERT_EQ(desk.scheduler.queue(JobPoolId{0})->delayed, 0U);
    EXPECT_EQ(desk.scheduler.queue(JobPoolId{0})->oldest_ready, late.not_before);
}

TEST(Order, ExecNeverPrefetches) {
    Desk desk;
    auto spec = memory_pool();
    spec.protocol = JobProtocol::exec;
    spec.prefetch = 10;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2));
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
}

TEST(Order, AWorkerWhosePipeIsFullIsLeftAlone) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 10;
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(WorkerBlocked{Desk::worker(0), true}, Desk::job(1));
    EXPECT_THAT(desk.dispatched(), IsEmpty());
    desk.tell(WorkerBlocked{Desk::worker(0), false});
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
}

TEST(Order, DelayedJobsComeWhenTheyAreDue) {
    Desk desk;
    desk.pool(0, memory_pool());
    desk.arrive(0);
    auto late = Desk::job(1);
    late.not_before = desk.now + 10s;
    auto later = Desk::job(2);
    later.not_before = desk.now + 20s;
    desk.tell(later, late);
    EXPECT_THAT(desk.dispatched(), IsEmpty());
    EXPECT_EQ(desk.scheduler.next_deadline(), desk.now + 10s);
    desk.advance(9999ms);
    EXPECT_THAT(desk.dispatched(), IsEmpty());
    desk.advance(1ms);
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
}

TEST(Order, PauseStopsDispatchResumeGoesOn) {
    Desk desk;
    desk.pool(0, memory_pool());
    desk.arrive(0);
    desk.tell(QueueOrdered{JobPoolId{0}, QueueMode::paused}, Desk::job(1));
    EXPECT_THAT(desk.dispatched(), IsEmpty());
    desk.tell(QueueOrdered{JobPoolId{0}, QueueMode::running});
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
}

TEST(Order, DrainWorksOffAndRefuses) {
    Desk desk;
    desk.pool(0, memory_pool());
    desk.tell(Desk::job(1), QueueOrdered{JobPoolId{0}, QueueMode::draining});
    desk.arrive(0);
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
    desk.tell(SubmitRequested{5, JobPoolId{0}, 1, true});
    ASSERT_EQ(desk.all<SubmitRefused>().size(), 1U);
    EXPECT_EQ(desk.all<SubmitRefused>()[0].why, Refusal::draining);
}

TEST(Capacity, RefusesOrWaitsAtTheBound) {
    Desk desk;
    auto spec = memory_pool();
    spec.queue.capacity = 3;
    spec.prefetch = 1;
    desk.pool(0, spec);
    desk.tell(SubmitRequested{1, JobPoolId{0}, 3, false});
    EXPECT_EQ(desk.all<SubmitAdmitted>().size(), 1U) << "at the bound";
    desk.tell(SubmitRequested{2, JobPoolId{0}, 1, false});
    ASSERT_EQ(desk.all<SubmitRefused>().size(), 1U) << "one past it";
    EXPECT_EQ(desk.all<SubmitRefused>()[0].why, Refusal::full);
    desk.tell(SubmitRequested{3, JobPoolId{0}, 2, true}, SubmitRequested{4, JobPoolId{0}, 1, true});
    EXPECT_THAT(desk.effects, IsEmpty());
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3), SubmitSettled{JobPoolId{0}, 3});
    EXPECT_THAT(desk.effects, IsEmpty());
    desk.arrive(0);  // takes job 1; one place is free, and the first who waits needs two
    EXPECT_TRUE(desk.all<SubmitAdmitted>().empty());
    desk.answer(1);
    ASSERT_EQ(desk.all<SubmitAdmitted>().size(), 1U);
    EXPECT_EQ(desk.all<SubmitAdmitted>()[0].token, 3U);
    desk.tell(SubmitRequested{9, JobPoolId{0}, 4, true});
    ASSERT_EQ(desk.all<SubmitRefused>().size(), 1U);
    EXPECT_EQ(desk.all<SubmitRefused>()[0].why, Refusal::larger_than_queue);
}

TEST(Capacity, WhoeverGoesAwayLetsTheNextIn) {
    Desk desk;
    auto spec = memory_pool();
    spec.queue.capacity = 2;
    desk.pool(0, spec);
    desk.tell(Desk::job(1), SubmitRequested{1, JobPoolId{0}, 2, true}, SubmitRequested{2, JobPoolId{0}, 1, true});
    EXPECT_THAT(desk.effects, IsEmpty());
    desk.tell(SubmitAbandoned{1, JobPoolId{0}});
    ASSERT_EQ(desk.all<SubmitAdmitted>().size(), 1U);
    EXPECT_EQ(desk.all<SubmitAdmitted>()[0].token, 2U);
}

TEST(Capacity, AStoreThatStoppedRefusesAndStartsNothing) {
    Desk desk;
    desk.pool(0, JobPoolSpec{});
    desk.arrive(0);
    desk.tell(StoreChanged{false}, Desk::job(1), SubmitRequested{1, JobPoolId{0}, 1, true});
    EXPECT_THAT(desk.dispatched(), IsEmpty());
    ASSERT_EQ(desk.all<SubmitRefused>().size(), 1U);
    EXPECT_EQ(desk.all<SubmitRefused>()[0].why, Refusal::store_stopped);
    EXPECT_EQ(desk.scheduler.why(JobId{1}).kind, Why::Kind::store_stopped);
    desk.tell(StoreChanged{true});
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
}

TEST(Capacity, AStoreThatIsBehindStartsNothingAndTakesSubmits) {
    Desk desk;
    desk.pool(0, JobPoolSpec{});
    desk.pool(1, memory_pool());
    desk.arrive(0);
    desk.arrive(0, 1, 1);
    desk.tell(StoreBehind{true}, Desk::job(1), Desk::job(2, 0, 1), SubmitRequested{1, JobPoolId{0}, 1, true});
    EXPECT_THAT(desk.dispatched(), ElementsAre(2));
    EXPECT_EQ(desk.all<SubmitAdmitted>().size(), 1U);
    EXPECT_EQ(desk.scheduler.why(JobId{1}).kind, Why::Kind::store_behind);
    desk.tell(StoreBehind{false});
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
}

// A pool that promised more once: what comes of those jobs goes to the disk.
TEST(Capacity, APoolInMemoryThatHasJobsOnDiskWaitsForItUntilTheyAreGone) {
    Desk desk;
    desk.pool(0, memory_pool());
    JobQueued kept = Desk::job(1);
    kept.on_disk = true;
    desk.tell(StoreBehind{true}, kept, Desk::job(2));
    desk.arrive(0);
    EXPECT_TRUE(desk.dispatched().empty());
    EXPECT_EQ(desk.scheduler.why(JobId{1}).kind, Why::Kind::store_behind);
    desk.tell(StoreBehind{false}, StoreChanged{false});
    EXPECT_TRUE(desk.dispatched().empty());
    desk.tell(SubmitRequested{1, JobPoolId{0}, 1, false});
    EXPECT_EQ(desk.all<SubmitAdmitted>().size(), 1U) << "what comes now is kept in memory";
    desk.tell(CancelRequested{JobId{1}});
    EXPECT_TRUE(desk.dispatched().empty()) << "its end is on its way";
    desk.tell(FinishPersisted{JobId{1}});
    EXPECT_THAT(desk.dispatched(), ElementsAre(2));
}

TEST(Memory, AMillionQueuedJobsTakeLessThanFortyBytesEach) {
    Desk desk;
    desk.pool(0, memory_pool());
    std::vector<JobEvent> events;
    double worst = 0;
    for (std::uint64_t id = 1; id <= 1'000'000; ++id) {
        events.emplace_back(Desk::job(id, 1 + id % 100));
        if (events.size() < 1000) continue;
        desk.turn(events);
        events.clear();
        if (id < 500'000) continue;
        const auto view = desk.scheduler.snapshot();
        worst = std::max(worst, static_cast<double>(view.memory_bytes) / static_cast<double>(view.jobs));
    }
    EXPECT_EQ(desk.scheduler.snapshot().jobs, 1'000'000U);
    EXPECT_LE(worst, 40);
    RecordProperty("bytes_per_job", std::to_string(worst));
}

}  // namespace
}  // namespace pinion::jobs
