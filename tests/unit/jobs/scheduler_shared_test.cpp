// SPDX-License-Identifier: Apache-2.0
// What jobs share: semaphores, maps, workers that are recycled, pools that leave; and why a job does not run.
#include "harness.h"
#include "model/job_limits.h"

namespace pinion::jobs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

JobPoolSpec needing(std::map<std::string, std::uint32_t> permits) {
    auto spec = memory_pool();
    spec.prefetch = 8;
    spec.job.semaphores = std::move(permits);
    return spec;
}

TEST(Permits, BoundWhatRunsAcrossPools) {
    Desk desk;
    desk.tell(SemaphoresDeclared{{{"gpu", 2}}});
    desk.pool(0, needing({{"gpu", 1}}));
    desk.pool(1, needing({{"gpu", 1}}));
    for (std::uint32_t slot = 0; slot < 2; ++slot) {
        desk.arrive(slot, 1, 0);
        desk.arrive(slot, 1, 1);
    }
    desk.tell(Desk::job(1, 0, 0), Desk::job(2, 0, 0), Desk::job(3, 0, 1));
    EXPECT_THAT(desk.dispatched(), ElementsAre(1, 2));
    desk.answer(1);
    EXPECT_THAT(desk.dispatched(), ElementsAre(3));
}

TEST(Permits, AreHeldUntilTheTreeIsGone) {
    Desk desk;
    desk.tell(SemaphoresDeclared{{{"gpu", 1}}});
    desk.pool(0, needing({{"gpu", 1}}));
    desk.arrive(0);
    desk.arrive(1);
    desk.tell(Desk::job(1), Desk::job(2));
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
    desk.tell(CancelRequested{JobId{1}});
    EXPECT_THAT(desk.dispatched(), IsEmpty());
    desk.tell(WorkerGone{Desk::worker(0), Departure::stopped, {}});
    EXPECT_THAT(desk.dispatched(), ElementsAre(2));
}

TEST(Permits, MeanThatNothingIsPrefetched) {
    Desk desk;
    desk.tell(SemaphoresDeclared{{{"gpu", 5}}});
    desk.pool(0, needing({{"gpu", 1}}));
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2));
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
}

TEST(Permits, WhoeverNeedsManyIsNotStarvedByWhoeverNeedsFew) {
    Desk desk;
    desk.tell(SemaphoresDeclared{{{"db", 2}}});
    desk.pool(0, needing({{"db", 1}}));
    desk.pool(1, needing({{"db", 2}}));
    for (std::uint32_t slot = 0; slot < 2; ++slot) desk.arrive(slot);
    desk.arrive(0, 1, 1);
    std::vector<JobEvent> many;
    for (std::uint64_t id = 1; id <= 10; ++id) many.emplace_back(Desk::job(id));
    desk.turn(many);
    desk.tell(Desk::job(100, 0, 1));
    desk.answer(1);
    EXPECT_THAT(desk.dispatched(), IsEmpty()) << "the free permit is kept for the pool that waits longer";
    desk.answer(2);
    EXPECT_THAT(desk.dispatched(), ElementsAre(100));
    desk.answer(100);
    EXPECT_THAT(desk.dispatched(), ElementsAre(3, 4));
}

TEST(Permits, AnImpossibleNeedHoldsNobodyUp) {
    Desk desk;
    desk.tell(SemaphoresDeclared{{{"gpu", 1}}});
    desk.pool(0, needing({{"gpu", 2}}));
    desk.pool(1, needing({{"gpu", 1}}));
    desk.arrive(0, 1, 0);
    desk.arrive(0, 1, 1);
    desk.tell(Desk::job(1, 0, 0), Desk::job(2, 0, 1));
    EXPECT_THAT(desk.dispatched(), ElementsAre(2));
    const auto text = to_string(desk.scheduler.why(JobId{1}), desk.now, [](JobPoolId) { return std::string("web"); });
    EXPECT_EQ(text, "needs 2 of semaphore 'gpu', which has only 1");
    desk.tell(SemaphoresDeclared{{{"gpu", 3}}});
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
}

TEST(Maps, SettleWhenSealedAndEverythingIsWritten) {
    Desk desk;
    desk.pool(0, memory_pool());
    desk.arrive(0);
    desk.tell(MapOpened{MapId{5}, JobPoolId{0}, false}, Desk::job(1, 5));
    desk.answer(1);
    desk.tell(FinishPersisted{JobId{1}});
    EXPECT_TRUE(desk.all<MapSettled>().empty());
    desk.tell(MapSealed{MapId{5}});
    ASSERT_EQ(desk.all<MapSettled>().size(), 1U);
    EXPECT_EQ(desk.all<MapSettled>()[0].done, 1U);
    EXPECT_FALSE(desk.scheduler.map(MapId{5}).has_value());
}

TEST(Maps, AnEndWhosePushesFailIsAFailure) {
    for (const bool fail_fast : {false, true}) {
        Desk desk;
        desk.pool(0, memory_pool());
        desk.arrive(0);
        desk.tell(MapOpened{MapId{5}, JobPoolId{0}, fail_fast}, Desk::job(1, 5), Desk::job(2, 5), Desk::job(3, 5),
                  MapSealed{MapId{5}, 3});
        desk.answer(1);
        desk.tell(PushesFailed{JobId{1}}, FinishPersisted{JobId{1}}, PushesFailed{JobId{1}});
        const auto queue = desk.scheduler.queue(JobPoolId{0});
        EXPECT_EQ(queue->done, 0U);
        EXPECT_EQ(queue->failed, 1U);
        EXPECT_EQ(desk.all<KeepCancel>().size(), fail_fast ? 1U : 0U);
        EXPECT_EQ(desk.scheduler.map(MapId{5})->cancelled, fail_fast);
        EXPECT_EQ(desk.phase(3) == JobPhase::finishing, fail_fast);
        if (fail_fast) continue;
        for (const std::uint64_t job : {2, 3}) {
            desk.answer(job);
            desk.tell(FinishPersisted{JobId{job}});
        }
        ASSERT_EQ(desk.all<MapSettled>().size(), 1U);
        EXPECT_EQ(desk.all<MapSettled>()[0].done, 2U);
        EXPECT_EQ(desk.all<MapSettled>()[0].failed, 1U);
    }
}

TEST(Maps, AFailureCancelsNobodyUnlessFailFast) {
    for (const bool fail_fast : {false, true}) {
        Desk desk;
        auto spec = memory_pool();
        spec.job.attempts = 1;
        spec.prefetch = 2;
        desk.pool(0, spec);
        desk.arrive(0);
        desk.arrive(1);
        auto delayed = Desk::job(7, 5);
        delayed.not_before = desk.now + 1h;
        desk.tell(MapOpened{MapId{5}, JobPoolId{0}, fail_fast}, Desk::job(1, 5), Desk::job(2, 5), Desk::job(3, 5),
                  Desk::job(4, 5), Desk::job(5, 5), Desk::job(6, 6), delayed);
        desk.answer(1, {.outcome = Outcome::error});
        std::size_t cancelled = 0;
        for (const Finish& end : desk.all<Finish>()) cancelled += end.state == JobState::cancelled ? 1 : 0;
        EXPECT_EQ(cancelled, fail_fast ? 5U : 0U) << "2 to 5, and 7";
        EXPECT_EQ(desk.all<KillTree>().size(), fail_fast ? 1U : 0U) << "for 2, whose turn at its worker came";
        if (!fail_fast) continue;
        desk.tell(Desk::job(8, 5));
        EXPECT_EQ(desk.phase(8), JobPhase::finishing) << "what comes later is cancelled, too";
        EXPECT_NE(desk.phase(6), JobPhase::finishing);
    }
}

TEST(Maps, AHugeCancelIsDoneInSlices) {
    Desk desk;
    desk.pool(0, memory_pool());
    std::vector<JobEvent> events;
    for (std::uint64_t id = 1; id <= limits::cancel_slice + 1; ++id) events.emplace_back(Desk::job(id, 5));
    desk.turn(events);
    desk.tell(MapCancelRequested{MapId{5}});
    EXPECT_EQ(desk.all<Finish>().size(), limits::cancel_slice);
    EXPECT_EQ(desk.scheduler.next_deadline(), desk.now);
    desk.tell(TimerFired{});
    EXPECT_EQ(desk.all<Finish>().size(), 1U);
    EXPECT_EQ(desk.scheduler.next_deadline(), no_deadline);
}

TEST(Turns, ManyThatAreDueAtOnceComeInSlices) {
    Desk desk;
    desk.pool(0, memory_pool());
    std::vector<JobEvent> events;
    for (std::uint64_t id = 1; id <= limits::due_slice + 1; ++id) {
        JobQueued job = Desk::job(id);
        job.not_before = desk.now + 1s;
        events.emplace_back(job);
    }
    desk.turn(events);
    desk.advance(2s);
    EXPECT_EQ(desk.scheduler.queue(JobPoolId{0})->ready, limits::due_slice);
    EXPECT_LE(desk.scheduler.next_deadline(), desk.now) << "the rest is wanted at once";
    desk.tell(TimerFired{});
    EXPECT_EQ(desk.scheduler.queue(JobPoolId{0})->ready, limits::due_slice + 1);
    EXPECT_EQ(desk.scheduler.next_deadline(), no_deadline);
}

TEST(Maps, AHugeCancelWaitsWhileTheStoreIsBehind) {
    for (const bool in_memory_now : {false, true}) {
        Desk desk;
        desk.pool(0, in_memory_now ? memory_pool() : JobPoolSpec{});
        std::vector<JobEvent> events;
        for (std::uint64_t id = 1; id <= limits::cancel_slice + 1; ++id) {
            JobQueued job = Desk::job(id, 5);
            job.on_disk = true;
            events.emplace_back(job);
        }
        desk.turn(events);
        desk.tell(MapCancelRequested{MapId{5}});
        desk.tell(StoreBehind{true});
        EXPECT_TRUE(desk.all<Finish>().empty());
        EXPECT_EQ(desk.scheduler.next_deadline(), no_deadline) << "and not a turn after the other meanwhile";
        desk.tell(StoreBehind{false});
        EXPECT_EQ(desk.all<Finish>().size(), 1U);
    }
}

TEST(Maps, ACancelIsToBeKept) {
    Desk desk;
    desk.pool(0, memory_pool());
    desk.tell(MapOpened{MapId{5}, JobPoolId{0}, false}, Desk::job(1, 5));
    for (int time = 0; time < 2; ++time) {
        desk.tell(MapCancelRequested{MapId{5}});
        ASSERT_EQ(desk.all<KeepCancel>().size(), 1U) << "the second may come before the first is kept";
        EXPECT_EQ(desk.all<KeepCancel>()[0].map, MapId{5});
    }
    desk.tell(FinishPersisted{JobId{1}}, MapSealed{MapId{5}, 1});
    EXPECT_EQ(desk.all<MapSettled>().at(0).items, 1U);
    desk.tell(MapCancelRequested{MapId{5}}, CancelRequested{JobId{1}});
    EXPECT_TRUE(desk.all<KeepCancel>().empty());
    EXPECT_EQ(desk.all<NoSuchMap>().size(), 1U);
    EXPECT_EQ(desk.all<NoSuchJob>().size(), 1U);
}

TEST(Maps, TheFailureThatCancelsSaysSo) {
    for (const bool fail_fast : {false, true}) {
        Desk desk;
        auto spec = memory_pool();
        spec.job.attempts = 1;
        desk.pool(0, spec);
        desk.arrive(0);
        desk.tell(MapOpened{MapId{5}, JobPoolId{0}, fail_fast}, Desk::job(1, 5), Desk::job(2, 5));
        desk.answer(1, {.outcome = Outcome::error});
        ASSERT_FALSE(desk.all<Finish>().empty());
        EXPECT_EQ(desk.all<Finish>()[0].cancels_map, fail_fast);
    }
}

TEST(Maps, OneThatIsGivenAgainWithoutBeingOpenedFailsFastAsItsItemsSay) {
    for (const bool fail_fast : {false, true}) {
        Desk desk;
        auto spec = memory_pool();
        spec.job.attempts = 1;
        desk.pool(0, spec);
        desk.arrive(0);
        auto first = Desk::job(1, 5);
        first.fail_fast = fail_fast;
        auto alone = Desk::job(9);
        alone.fail_fast = fail_fast;
        desk.tell(first, Desk::job(2, 5), alone, Desk::job(10));
        desk.answer(1, {.outcome = Outcome::error});
        EXPECT_EQ(desk.phase(2) == JobPhase::finishing, fail_fast);
        desk.answer(9, {.outcome = Outcome::error});
        EXPECT_NE(desk.phase(10), JobPhase::finishing) << "which is of no map";
    }
}

TEST(Maps, OfOneThatWasCancelledBeforeTheDaemonDiedNothingStartsAgain) {
    Desk desk;
    desk.pool(0, {});
    desk.arrive(0);
    auto waited = Desk::job(1, 5);
    auto delayed = Desk::job(2, 5);
    auto ran = Desk::job(3, 5);
    delayed.not_before = desk.now + 1h;
    ran.interrupted = true;
    waited.cancelled = delayed.cancelled = ran.cancelled = true;
    desk.tell(MapOpened{MapId{5}, JobPoolId{0}, false}, waited, delayed, ran, Desk::job(4, 6));
    EXPECT_EQ(desk.dispatched(), std::vector<std::uint64_t>{4});
    const auto ends = desk.all<Finish>();
    ASSERT_EQ(ends.size(), 3U);
    for (const Finish& end : ends) {
        EXPECT_EQ(end.state, JobState::cancelled);
        EXPECT_EQ(end.attempt.number, end.job == JobId{3} ? 1U : 0U) << "it was executed, and that is on record";
    }
    desk.tell(Desk::job(5, 5));
    EXPECT_EQ(desk.phase(5), JobPhase::finishing) << "its map is known for a cancelled one";
}

TEST(Recycling, AfterSoManyJobsMemoryOrAge) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 8;
    spec.recycle = {.jobs = 2, .memory = 1000, .age = 1h};
    desk.pool(0, spec);
    desk.arrive(0);
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3));
    EXPECT_THAT(desk.dispatched(), ElementsAre(1, 2));
    desk.answer(1);
    EXPECT_TRUE(desk.all<Recycle>().empty());
    desk.answer(2);
    ASSERT_EQ(desk.all<Recycle>().size(), 1U);
    EXPECT_EQ(desk.all<Recycle>()[0].reason, RecycleReason::jobs);
    desk.tell(WorkerGone{Desk::worker(0), Departure::stopped, {}});
    desk.arrive(0, 2);
    EXPECT_THAT(desk.dispatched(), ElementsAre(3));
    desk.tell(WorkerMemory{Desk::worker(0, 2), 1000});
    desk.answer(3);
    EXPECT_TRUE(desk.all<Recycle>().empty()) << "at the bound";
    desk.tell(WorkerMemory{Desk::worker(0, 2), 1001});
    ASSERT_EQ(desk.all<Recycle>().size(), 1U);
    EXPECT_EQ(desk.all<Recycle>()[0].reason, RecycleReason::memory);
    desk.tell(WorkerGone{Desk::worker(0, 2), Departure::stopped, {}});
    desk.arrive(0, 3);
    EXPECT_EQ(desk.scheduler.next_deadline(), desk.now + 1h);
    desk.advance(1h);
    ASSERT_EQ(desk.all<Recycle>().size(), 1U);
    EXPECT_EQ(desk.all<Recycle>()[0].reason, RecycleReason::age);
}

// The store has written all that was asked before the last turn.
void flush(Desk& desk) {
    ASSERT_EQ(desk.all<FlushPool>().size(), 1U);
    const FlushPool asked = desk.all<FlushPool>()[0];
    desk.tell(PoolFlushed{asked.pool, asked.number});
}

TEST(Pools, LeaveWhenTheirLastWorkerIsGone) {
    Desk desk;
    auto spec = memory_pool();
    spec.queue.capacity = 4;
    desk.pool(0, spec);
    desk.arrive(0);
    auto delayed = Desk::job(3);
    delayed.not_before = desk.now + 1h;
    desk.tell(Desk::job(1), Desk::job(2), delayed, Desk::job(9, 4), SubmitRequested{1, JobPoolId{0}, 4, true});
    desk.tell(PoolWithdrawn{JobPoolId{0}});
    EXPECT_TRUE(desk.all<PoolForgotten>().empty());
    desk.answer(1);
    EXPECT_EQ(desk.all<Finish>().size(), 1U) << "an answer counts to the last";
    EXPECT_THAT(desk.dispatched(), IsEmpty());
    desk.tell(WorkerGone{Desk::worker(0), Departure::stopped, {}});
    EXPECT_TRUE(desk.all<PoolForgotten>().empty()) << "an end is on its way to the store";
    desk.tell(FinishPersisted{JobId{1}});
    EXPECT_TRUE(desk.all<PoolForgotten>().empty()) << "what has no answer may be on its way, too";
    flush(desk);
    EXPECT_EQ(desk.all<PoolForgotten>().size(), 1U);
    EXPECT_EQ(desk.scheduler.snapshot().jobs, 0U);
    desk.tell(FinishPersisted{JobId{1}}, Desk::job(4));
    EXPECT_THAT(desk.effects, IsEmpty());
    EXPECT_FALSE(desk.scheduler.queue(JobPoolId{0}).has_value());
    desk.pool(0, memory_pool());
    desk.arrive(0);
    desk.tell(Desk::job(5));
    EXPECT_THAT(desk.dispatched(), ElementsAre(5));
}

// What was admitted is acknowledged by the store. Were the pool forgotten before, the job would wait for the next
// start.
TEST(Pools, ThatComeBackWhileTheirJobsAreWrittenHaveThem) {
    Desk desk;
    desk.pool(0, memory_pool());
    desk.tell(SubmitRequested{1, JobPoolId{0}, 1, false});
    desk.tell(PoolWithdrawn{JobPoolId{0}});
    EXPECT_TRUE(desk.all<PoolForgotten>().empty());
    desk.pool(0, memory_pool());
    desk.arrive(0);
    desk.tell(Desk::job(1), SubmitSettled{JobPoolId{0}, 1});
    EXPECT_THAT(desk.dispatched(), ElementsAre(1));
    desk.tell(SubmitRequested{2, JobPoolId{0}, 1, false});
    desk.tell(PoolWithdrawn{JobPoolId{0}}, WorkerGone{Desk::worker(0), Departure::stopped, {}});
    EXPECT_TRUE(desk.all<FlushPool>().empty());
    desk.tell(SubmitSettled{JobPoolId{0}, 1});
    flush(desk);
    EXPECT_EQ(desk.all<PoolForgotten>().size(), 1U) << "the store refused it";
}

TEST(Pools, AreNotForgottenByAFlushOfWhatWasBefore) {
    Desk desk;
    desk.pool(0, memory_pool());
    desk.tell(MapOpened{MapId{4}, JobPoolId{0}, false}, Desk::job(1, 4), PoolWithdrawn{JobPoolId{0}});
    const auto first = desk.all<FlushPool>().at(0);
    desk.pool(0, memory_pool());
    desk.tell(PoolFlushed{first.pool, first.number});
    EXPECT_TRUE(desk.all<PoolForgotten>().empty()) << "it is back";
    desk.tell(PoolWithdrawn{JobPoolId{0}});
    const auto second = desk.all<FlushPool>().at(0);
    desk.tell(PoolFlushed{first.pool, first.number});
    EXPECT_TRUE(desk.all<PoolForgotten>().empty()) << "it has left once more since";
    desk.tell(MapSealed{MapId{4}});
    const auto third = desk.all<FlushPool>().at(0);
    desk.tell(PoolFlushed{second.pool, second.number});
    EXPECT_TRUE(desk.all<PoolForgotten>().empty()) << "the seal is not written";
    desk.tell(MapCancelRequested{MapId{4}});
    const auto fourth = desk.all<FlushPool>().at(0);
    desk.tell(PoolFlushed{third.pool, third.number}, FinishPersisted{JobId{1}});
    EXPECT_TRUE(desk.all<PoolForgotten>().empty()) << "nor is the cancel";
    desk.tell(PoolFlushed{fourth.pool, fourth.number});
    EXPECT_EQ(desk.all<PoolForgotten>().size(), 1U);
}

std::string why(const Desk& desk, std::uint64_t job) {
    return to_string(desk.scheduler.why(JobId{job}), desk.now,
                     [](JobPoolId pool) { return pool.value == 0 ? "thumbs" : "film"; });
}

TEST(WhyNot, TellsWhatAJobWaitsFor) {
    Desk desk;
    auto spec = memory_pool();
    spec.prefetch = 2;
    desk.pool(0, spec);
    EXPECT_EQ(why(desk, 1), "it is not queued");
    desk.tell(Desk::job(1), Desk::job(2), Desk::job(3), Desk::job(4), Desk::job(5, 3));
    EXPECT_EQ(why(desk, 3), "no worker of pool 'thumbs' is ready; 'pinionctl status thumbs' says why");
    desk.arrive(0);
    desk.now += 3s;
    EXPECT_EQ(why(desk, 1), "nothing: it has been running on thumbs/0 for 3s");
    EXPECT_EQ(why(desk, 5), "it was sent to thumbs/0, where 1 job is ahead of it");
    EXPECT_EQ(why(desk, 2), "it is the next, and all workers are busy");
    EXPECT_EQ(why(desk, 4), "2 jobs are ahead of it, and all workers are busy");
    desk.tell(QueueOrdered{JobPoolId{0}, QueueMode::paused});
    EXPECT_EQ(why(desk, 4),
              "the queue of pool 'thumbs' is paused; 'pinionctl queue resume thumbs' hands jobs out again");
    auto delayed = Desk::job(6);
    delayed.not_before = desk.now + 90s;
    desk.tell(delayed);
    EXPECT_EQ(why(desk, 6), "delayed for another 1m30s");
    desk.answer(1);
    EXPECT_EQ(why(desk, 1), "it has ended, and its end is being written");
}

TEST(WhyNot, NamesWhoHoldsTheSemaphore) {
    Desk desk;
    desk.tell(SemaphoresDeclared{{{"gpu", 1}}});
    desk.pool(0, needing({{"gpu", 1}}));
    desk.pool(1, needing({{"gpu", 1}}));
    desk.arrive(0, 1, 0);
    desk.arrive(2, 1, 1);
    desk.tell(Desk::job(1, 0, 1));
    desk.tell(Desk::job(2, 0, 0));
    EXPECT_EQ(why(desk, 2), "needs 1 of semaphore 'gpu', of which 0 of 1 are free; held by job 1 on film/2");
}

}  // namespace
}  // namespace pinion::jobs
