// SPDX-License-Identifier: Apache-2.0
// What a worker has not been handed yet, since its payload is being read, is neither timed nor charged.
#include "harness.h"

namespace pinion::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Payloads : public ::testing::Test {
protected:
    Payloads() {
        JobPoolSpec spec = memory_pool();
        spec.prefetch = 2;
        spec.job.timeout = 1s;
        desk.pool(0, spec);
        desk.arrive(0);
    }
    void await(std::uint64_t job) { desk.tell(PayloadAwaited{Desk::worker(0), desk.last(job).attempt, true}); }
    void hand_over(std::uint64_t job) { desk.tell(PayloadAwaited{Desk::worker(0), desk.last(job).attempt, false}); }

    Desk desk;
};

TEST_F(Payloads, TheTimeoutOfAJobBeginsWhenItsWorkerWasHandedIt) {
    desk.tell(Desk::job(1));
    await(1);
    desk.advance(3s);
    EXPECT_THAT(desk.all<KillTree>(), IsEmpty()) << "the worker never saw it";
    hand_over(1);
    EXPECT_EQ(desk.scheduler.running(JobPoolId{0}).at(0).since, desk.now);
    desk.advance(999ms);
    EXPECT_THAT(desk.all<KillTree>(), IsEmpty());
    EXPECT_LE(desk.scheduler.next_deadline(), desk.now + 1ms);
    desk.advance(1ms);
    ASSERT_EQ(desk.all<KillTree>().size(), 1U);
    EXPECT_EQ(desk.all<KillTree>()[0].why, Outcome::timeout);
}

TEST_F(Payloads, OneThatIsAwaitedWhenItsTurnComesIsNotTimedEither) {
    desk.tell(Desk::job(1), Desk::job(2));
    await(2);
    desk.advance(500ms);
    desk.answer(1);
    desk.advance(2s);
    EXPECT_THAT(desk.all<KillTree>(), IsEmpty());
    hand_over(2);
    desk.advance(1s);
    EXPECT_EQ(desk.all<KillTree>().size(), 1U);
}

TEST_F(Payloads, OneThatWasHandedOverInThePipeIsTimedFromItsTurn) {
    desk.tell(Desk::job(1), Desk::job(2));
    await(2);
    hand_over(2);
    desk.advance(900ms);
    desk.answer(1);
    desk.advance(900ms);
    EXPECT_THAT(desk.all<KillTree>(), IsEmpty());
    desk.advance(100ms);
    EXPECT_EQ(desk.all<KillTree>().size(), 1U);
}

TEST_F(Payloads, ADeathBeforeItIsNotCharged) {
    desk.tell(Desk::job(1));
    await(1);
    desk.tell(WorkerGone{Desk::worker(0), Departure::crash, {}});
    EXPECT_THAT(desk.all<Retry>(), IsEmpty());
    EXPECT_EQ(desk.phase(1), JobPhase::ready);
    desk.arrive(0, 2);
    EXPECT_THAT(desk.dispatched(), ElementsAre(1U));
    EXPECT_EQ(desk.last(1).number, 1U);
}

TEST_F(Payloads, AWordAboutWhatIsGoneChangesNothing) {
    desk.tell(Desk::job(1));
    const auto gone = desk.last(1);
    desk.answer(1);
    desk.tell(PayloadAwaited{gone.worker, gone.attempt, false}, PayloadAwaited{Desk::worker(7), gone.attempt, false});
    EXPECT_THAT(desk.effects, IsEmpty());
    desk.advance(2s);
    EXPECT_THAT(desk.effects, IsEmpty());
}

}  // namespace
}  // namespace pinion::jobs
