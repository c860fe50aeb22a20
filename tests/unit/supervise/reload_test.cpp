// SPDX-License-Identifier: Apache-2.0
// What a changed declaration does to running workers, and what it leaves alone.
#include "harness.h"

namespace pinion::supervise {
namespace {

class Reload : public testing::Test, public Harness {
protected:
    PoolSpec text(int nice) {
        auto spec = service("web");
        spec.nice = nice;
        return spec;
    }
};

TEST_F(Reload, MoreWorkersStartOnlyTheNewSlots) {
    declare_and_run(service("web"), 2);
    declare(service("web"), 4);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{2, 3}));
    EXPECT_EQ(count<Signal>(), 0U);
    EXPECT_EQ(facts<PoolChanged>().at(0).workers, 4U);
}

TEST_F(Reload, FewerWorkersStopOnlyTheLastSlotsAndRemoveThem) {
    declare_and_run(service("web"), 4);
    declare(service("web"), 2);
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{2, 3}));
    EXPECT_EQ(pool_state("web"), PoolState::running);
    die("web", 2);
    ASSERT_EQ(count<SlotRemoved>(), 1U);
    EXPECT_EQ(all<SlotRemoved>()[0].slot, Slot{2});
    EXPECT_TRUE(std::holds_alternative<SlotRemoved>(effects.back())) << "after the reports";
    EXPECT_FALSE(supervisor.has_slot("web", Slot{2}));
    EXPECT_TRUE(supervisor.has_slot("web", Slot{3}));
    die("web", 3);
    EXPECT_EQ(count<SlotRemoved>(), 1U);
    EXPECT_EQ(supervisor.workers("web").size(), 2U);
}

TEST_F(Reload, AFailedSurplusSlotIsRemovedAtOnce) {
    auto spec = service("web");
    spec.restart.policy = RestartWhen::never;
    declare_and_run(spec, 2);
    die("web", 1);
    declare(spec, 1);
    EXPECT_EQ(count<SlotRemoved>(), 1U);
    EXPECT_FALSE(supervisor.has_slot("web", Slot{1}));
}

TEST_F(Reload, ASlotThatComesBackGoesOnWithLaterGenerations) {
    declare_and_run(service("web"), 2);
    declare(service("web"), 1);
    die("web", 1);
    declare(service("web"), 2);
    ASSERT_EQ(count<Spawn>(), 1U);
    EXPECT_EQ(all<Spawn>()[0].worker.generation, Generation{2});
}

TEST_F(Reload, ASlotThatComesBackWhileItStopsIsReplaced) {
    declare_and_run(service("web"), 2);
    declare(service("web"), 1);
    declare(service("web"), 2);
    EXPECT_EQ(count<Spawn>(), 0U);
    die("web", 1);
    EXPECT_EQ(count<SlotRemoved>(), 0U);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
}

TEST_F(Reload, ARespawnRollsTheWorkersWithTheNewText) {
    declare_and_run(text(1), 2);
    declare(text(2), 2, true);
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{0}));
    EXPECT_EQ(facts<WorkerStopping>().at(0).reason, "its configuration changed");
    die("web", 0);
    EXPECT_EQ(all<Spawn>().at(0).spec->nice, 2);
    spawn_succeeds("web", 0);
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(count<Retune>(), 0U);
}

TEST_F(Reload, WorkersAtRestTakeTheNewTextAtOnceWithCountersCleared) {
    auto spec = text(1);
    spec.restart.policy = RestartWhen::on_failure;
    spec.restart.fatal = {{ExitPattern::Kind::code, 78}};
    declare_and_run(spec, 4);
    die("web", 0, exit_with(0));
    die("web", 1, exit_with(78));
    die("web", 2, exit_with(1));
    spawn_fails("web", 2);
    spec.nice = 2;
    declare(spec, 4, true);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0, 1, 2}));
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{3}));
    EXPECT_EQ(view("web", 2).failures_in_row, 0U);
}

TEST_F(Reload, WorkersAtRestAreLeftAloneByOtherChanges) {
    auto spec = text(1);
    spec.restart.policy = RestartWhen::on_failure;
    spec.restart.fatal = {{ExitPattern::Kind::code, 78}};
    declare_and_run(spec, 2);
    die("web", 0, exit_with(0));
    die("web", 1, exit_with(78));
    spec.stop.timeout = 3s;
    declare(spec, 2);
    EXPECT_EQ(count<Spawn>(), 0U);
    declare(spec, 3);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{2}));
}

TEST_F(Reload, AFurtherRespawnMidRollReplacesOnlyWhatIsNotOnTheNewestText) {
    declare_and_run(text(1), 3);
    declare(text(2), 3, true);
    die("web", 0);
    spawn_succeeds("web", 0);  // 0 runs text 2, 1 is being replaced, 2 runs text 1
    declare(text(1), 3, true);
    die("web", 1);
    EXPECT_EQ(all<Spawn>().at(0).spec->nice, 1);
    spawn_succeeds("web", 1);
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{0})) << "2 has run this text all along";
    die("web", 0);
    spawn_succeeds("web", 0);
    EXPECT_EQ(count<Signal>(), 0U);
    EXPECT_EQ(pool_state("web"), PoolState::running);
}

TEST_F(Reload, ALiveChangeMidRollDoesNotEndTheRoll) {
    declare_and_run(text(1), 2);
    declare(text(2), 2, true);
    auto tuned = text(2);
    tuned.stop.timeout = 1s;
    declare(tuned, 2);
    die("web", 0);
    spawn_succeeds("web", 0);
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(facts<WorkerStopping>().at(0).timeout, 1s);
}

TEST_F(Reload, AfterALiveChangeBackAndForthNothingNeedsToRoll) {
    declare_and_run(text(1), 1);
    auto tuned = text(1);
    tuned.stop.timeout = 1s;
    declare(tuned, 1);
    declare(tuned, 1, true);  // the shell thinks so; the text is the one that runs
    EXPECT_EQ(count<Signal>(), 0U);
}

TEST_F(Reload, ALiveChangeRetunesThoseThatLiveAndSignalsNobody) {
    declare_and_run(service("web"), 2);
    stop("web", 1);
    die("web", 1);
    auto tuned = service("web");
    tuned.log.out = LogToJournal{7};
    declare(tuned, 2);
    EXPECT_EQ(slots<Retune>(), (std::vector<std::uint32_t>{0}));
    EXPECT_EQ(count<Signal>() + count<Spawn>() + count<KillTree>(), 0U);
}

TEST_F(Reload, AChangeWhileSpawningReachesTheWorkerOnceItIsThere) {
    declare(service("web"), 1);
    auto tuned = service("web");
    tuned.log.out = LogToJournal{7};
    send(PoolDeclared{std::make_shared<const PoolSpec>(tuned), seats(1, 5), false});
    EXPECT_EQ(count<Repin>() + count<Retune>(), 0U);
    spawn_succeeds("web");
    EXPECT_EQ(all<Repin>().at(0).seat, seats(1, 5)[0]);
    EXPECT_EQ(count<Retune>(), 1U);
}

TEST_F(Reload, ChangedSeatsRepinThoseWhoseSeatDiffers) {
    declare_and_run(service("web"), 3);
    auto moved = seats(3);
    moved[1].cpus = moved[1].mask = {9};
    send(PoolDeclared{supervisor.spec("web"), moved, false});
    EXPECT_EQ(slots<Repin>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(all<Repin>()[0].seat, moved[1]);
    EXPECT_EQ(count<Retune>() + count<Signal>(), 0U);
    die("web", 1);
    EXPECT_EQ(all<Spawn>().at(0).seat, moved[1]);
}

TEST_F(Reload, AShorterResetAfterAppliesToALifeThatGoesOn) {
    declare_and_run(service("web"), 1);
    die("web");
    spawn_succeeds("web");
    auto tuned = service("web");
    tuned.restart.reset_after = 1s;
    declare(tuned, 1);
    wait(2s);
    die("web");
    EXPECT_EQ(decision().failures_in_row, 1U);
}

TEST_F(Reload, AWorkerInBackOffGetsTheNewDelayCountedFromItsEnd) {
    declare_and_run(service("web"), 1);
    die("web");
    spawn_succeeds("web");
    die("web");
    const auto ended = now;
    wait(20ms);
    auto tuned = service("web");
    tuned.restart.delay = 50ms;
    declare(tuned, 1);
    EXPECT_EQ(view("web").next_retry, ended + 50ms);
    tuned.restart.delay = 20ms;
    declare(tuned, 1);
    EXPECT_EQ(count<Spawn>(), 1U) << "that has passed";
}

TEST_F(Reload, ANewPolicyJudgesAnewWhatRests) {
    auto spec = service("web");
    spec.restart.policy = RestartWhen::never;
    spec.restart.fatal = {{ExitPattern::Kind::code, 78}};
    declare_and_run(spec, 3);
    die("web", 0, exit_with(0));
    die("web", 1, exit_with(1));
    die("web", 2, exit_with(78));
    spec.restart.policy = RestartWhen::on_failure;
    declare(spec, 3);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(state("web", 0), WorkerState::completed);
    EXPECT_EQ(state("web", 2), WorkerState::failed);
    spec.restart.success = {};
    spec.restart.fatal = {};
    declare(spec, 3);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0, 2}));
}

TEST_F(Reload, ANewPolicyMayCompleteAWorkerInBackOff) {
    declare_and_run(service("web"), 1);
    die("web", 0, exit_with(0));
    spawn_succeeds("web");
    die("web", 0, exit_with(0));
    ASSERT_EQ(state("web"), WorkerState::backoff);
    auto spec = service("web");
    spec.restart.policy = RestartWhen::on_failure;
    declare(spec, 1);
    EXPECT_EQ(state("web"), WorkerState::completed);
    EXPECT_EQ(pool_state("web"), PoolState::completed);
    EXPECT_EQ(view("web").failures_in_row, 0U);
    EXPECT_EQ(view("web").note, "exit 0");
}

TEST_F(Reload, ANewPolicyChangesADecisionWhoseTreeIsStillCleared) {
    declare_and_run(service("web"), 1);
    const auto worker = id("web");
    send(WorkerExited{worker, exit_with(1)});
    auto spec = service("web");
    spec.restart.policy = RestartWhen::never;
    declare(spec, 1);
    send(TreeEmptied{worker});
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_EQ(state("web"), WorkerState::failed);
}

TEST_F(Reload, AStopUnderWayKeepsItsDeadline) {
    declare_and_run(service("web"), 1);
    stop("web");
    const auto deadline = supervisor.next_deadline();
    auto tuned = service("web");
    tuned.stop.timeout = 1s;
    declare(tuned, 1);
    EXPECT_EQ(supervisor.next_deadline(), deadline);
}

TEST_F(Reload, AWithdrawnPoolStopsAndIsForgotten) {
    declare_and_run(service("web"), 2);
    send(PoolWithdrawn{"web"});
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{0, 1}));
    EXPECT_TRUE(supervisor.pool("web")->withdrawn);
    die("web", 0);
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_TRUE(supervisor.has_pool("web"));
    die("web", 1);
    EXPECT_EQ(count<SlotRemoved>(), 2U);
    EXPECT_EQ(count<PoolRemoved>(), 1U);
    EXPECT_EQ(facts<PoolLeft>().size(), 1U);
    EXPECT_FALSE(supervisor.has_pool("web"));
    EXPECT_EQ(supervisor.next_deadline(), no_deadline);
}

TEST_F(Reload, AWithdrawnPoolAtRestIsForgottenAtOnce) {
    declare_and_run(service("web"), 1);
    stop("web");
    die("web");
    send(PoolWithdrawn{"web"});
    EXPECT_EQ(count<PoolRemoved>(), 1U);
    EXPECT_FALSE(supervisor.has_pool("web"));
}

TEST_F(Reload, APoolDeclaredAgainWhileItStopsStartsAnew) {
    declare_and_run(text(1), 2);
    send(PoolWithdrawn{"web"});
    die("web", 0);
    declare(text(2), 2);
    EXPECT_EQ(facts<PoolAppeared>().size(), 1U);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0}));
    die("web", 1);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(all<Spawn>()[0].spec->nice, 2);
    spawn_all("web");
    EXPECT_EQ(pool_state("web"), PoolState::running);
    EXPECT_EQ(count<PoolRemoved>(), 0U);
}

TEST_F(Reload, GenerationsGoOnWhereAPoolComesBack) {
    declare_and_run(service("web"), 1);
    die("web");
    spawn_succeeds("web");
    send(PoolWithdrawn{"web"});
    die("web");
    declare(service("web"), 1);
    EXPECT_EQ(all<Spawn>().at(0).worker.generation, Generation{3});
    declare(service("other"), 1);
    EXPECT_EQ(all<Spawn>().at(0).worker.generation, Generation{1});
}

TEST_F(Reload, AStoppedPoolThatLeavesAndComesBackIsANewOne) {
    declare_and_run(service("web"), 1);
    stop("web");
    send(PoolWithdrawn{"web"});
    declare(service("web"), 1);
    die("web");
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Reload, APoolOfNoWorkersIsRunning) {
    declare(service("web"), 0);
    EXPECT_EQ(pool_state("web"), PoolState::running);
    declare(service("web"), 1);
    EXPECT_EQ(count<Spawn>(), 1U);
}

}  // namespace
}  // namespace pinion::supervise
