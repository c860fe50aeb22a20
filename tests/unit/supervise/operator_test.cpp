// SPDX-License-Identifier: Apache-2.0
// Stopping, starting, restarting and signalling by an operator's word.
#include "harness.h"

namespace pinion::supervise {
namespace {

class Operator : public testing::Test, public Harness {};

TEST_F(Operator, StopSignalsAndThenKillsTheTree) {
    auto spec = service("web");
    spec.stop = {.signal = 2, .timeout = 5s};
    declare_and_run(spec, 1);
    stop("web");
    EXPECT_EQ(all<Signal>().at(0).signal, 2);
    EXPECT_EQ(facts<WorkerStopping>().at(0).timeout, 5s);
    EXPECT_EQ(facts<OperatorActed>().at(0).verb, "stop");
    EXPECT_EQ(facts<OperatorActed>().at(0).by, "root");
    EXPECT_EQ(pool_state("web"), PoolState::stopping);
    fire_after(5s - 1us);
    EXPECT_TRUE(effects.empty());
    fire_after(1us);
    EXPECT_EQ(count<KillTree>(), 1U);
    EXPECT_EQ(facts<WorkerKilled>().size(), 1U);
    die("web", 0, killed_by(9));
    EXPECT_EQ(decision().kind, Decision::Kind::stopped);
    EXPECT_EQ(facts<WorkerDied>().at(0).phase, Phase::stopping);
    EXPECT_EQ(state("web"), WorkerState::idle);
    EXPECT_EQ(pool_state("web"), PoolState::stopped);
    EXPECT_EQ(facts<PoolReached>().at(0).state, "stopped");
    EXPECT_EQ(supervisor.next_deadline(), no_deadline);
}

TEST_F(Operator, AStopTimeoutOfZeroKillsAtOnce) {
    auto spec = service("web");
    spec.stop.timeout = Duration::zero();
    declare_and_run(spec, 1);
    stop("web");
    EXPECT_EQ(count<Signal>(), 0U);
    EXPECT_EQ(count<KillTree>(), 1U);
    EXPECT_EQ(facts<WorkerKilled>().size(), 1U);
}

TEST_F(Operator, AStopWhileSpawningWaitsForTheAnswer) {
    declare(service("web"), 1);
    stop("web");
    EXPECT_EQ(count<Signal>(), 0U);
    EXPECT_EQ(pool_state("web"), PoolState::stopping);
    spawn_succeeds("web");
    EXPECT_EQ(count<Signal>(), 1U);
    EXPECT_EQ(state("web"), WorkerState::stopping);
    die("web");
    EXPECT_EQ(state("web"), WorkerState::idle);
}

TEST_F(Operator, AStopWhileSpawningIsDoneWhereTheSpawnFails) {
    declare(service("web"), 1);
    stop("web");
    spawn_fails("web");
    EXPECT_EQ(decision().kind, Decision::Kind::stopped);
    EXPECT_EQ(state("web"), WorkerState::idle);
    EXPECT_EQ(count<Spawn>(), 0U);
}

TEST_F(Operator, AStartTakesBackAStopWhileSpawning) {
    declare(service("web"), 1);
    stop("web");
    start("web");
    spawn_succeeds("web");
    EXPECT_EQ(state("web"), WorkerState::running);
    EXPECT_EQ(count<Signal>(), 0U);
    die("web");
    EXPECT_EQ(view("web").restarts, 1U);
}

TEST_F(Operator, AStartWhileStoppingBeginsANewLifeAfterwards) {
    declare_and_run(service("web"), 1);
    stop("web");
    start("web");
    EXPECT_EQ(count<Spawn>(), 0U);
    die("web");
    EXPECT_EQ(decision().kind, Decision::Kind::replace);
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Operator, AStopAfterThatStartIsTheLastWord) {
    declare_and_run(service("web"), 1);
    stop("web");
    start("web");
    stop("web");
    die("web");
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_EQ(state("web"), WorkerState::idle);
}

TEST_F(Operator, AStopWhileTheTreeIsClearedCancelsTheRestart) {
    declare_and_run(service("web"), 1);
    const auto worker = id("web");
    send(WorkerExited{worker, exit_with(1)});
    stop("web");
    send(TreeEmptied{worker});
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_EQ(state("web"), WorkerState::idle);
}

TEST_F(Operator, AStopEndsBackOffAndForgetsAFailure) {
    auto spec = service("web");
    spec.restart.fatal = {{ExitPattern::Kind::code, 78}};
    declare_and_run(spec, 2);
    die("web", 0, exit_with(78));
    die("web", 1);
    spawn_succeeds("web", 1);
    die("web", 1);
    ASSERT_EQ(state("web", 1), WorkerState::backoff);
    stop("web");
    EXPECT_EQ(pool_state("web"), PoolState::stopped);
    EXPECT_EQ(supervisor.next_deadline(), no_deadline);
}

TEST_F(Operator, AStopIsRememberedAcrossAReload) {
    declare_and_run(service("web"), 2);
    stop("web");
    die("web", 0);
    die("web", 1);
    auto changed = service("web");
    changed.nice = 3;
    declare(changed, 3, true);
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_EQ(pool_state("web"), PoolState::stopped);
    EXPECT_TRUE(supervisor.pool("web")->stopped_by_operator);
    start("web");
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST_F(Operator, AStoppedSlotStaysStoppedWhileItsPoolGoesOn) {
    declare_and_run(service("web"), 2);
    stop("web", 1);
    die("web", 1);
    EXPECT_EQ(state("web", 1), WorkerState::idle);
    EXPECT_EQ(view("web", 1).note, "stopped by an operator");
    EXPECT_EQ(pool_state("web"), PoolState::running);
    EXPECT_EQ(supervisor.pool("web")->wanted, 1U);
    auto changed = service("web");
    changed.nice = 3;
    declare(changed, 2, true);
    EXPECT_EQ(state("web", 1), WorkerState::idle);
    start("web", 1);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
}

TEST_F(Operator, StartingOneSlotOfAStoppedPoolLeavesTheOthersStopped) {
    declare_and_run(service("web"), 3);
    stop("web");
    for (std::uint32_t slot = 0; slot < 3; ++slot) die("web", slot);
    start("web", 1);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
    spawn_succeeds("web", 1);
    EXPECT_EQ(pool_state("web"), PoolState::running);
    auto changed = service("web");
    changed.nice = 3;
    declare(changed, 3, true);
    EXPECT_EQ(state("web", 0), WorkerState::idle);
    start("web");
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0, 2}));
}

TEST_F(Operator, StartOfARunningPoolChangesNothingButItsCounters) {
    declare_and_run(service("web"), 1);
    die("web");
    spawn_succeeds("web");
    EXPECT_EQ(view("web").restarts, 1U);
    start("web");
    EXPECT_EQ(effects.size(), 1U);
    EXPECT_EQ(view("web").restarts, 0U);
    EXPECT_EQ(view("web").failures_in_row, 0U);
}

TEST_F(Operator, RestartOfAPoolRollsOneAtATimeEachAfterTheOneBeforeIsReady) {
    declare_and_run(notifying("web"), 3);
    for (std::uint32_t slot = 0; slot < 3; ++slot) send(WorkerReady{id("web", slot)});
    restart("web");
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{0}));
    die("web", 0, killed_by(15));
    EXPECT_EQ(decision().kind, Decision::Kind::replace);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0}));
    spawn_succeeds("web", 0);
    EXPECT_EQ(count<Signal>(), 0U) << "not ready yet";
    send(WorkerReady{id("web", 0)});
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(facts<RollProgress>().at(0).done, 1U);
    EXPECT_EQ(facts<RollProgress>().at(0).total, 3U);
    EXPECT_EQ(supervisor.pool("web")->note, "replacing workers one at a time, 1 of 3 done");
    for (std::uint32_t slot = 1; slot < 3; ++slot) {
        die("web", slot, killed_by(15));
        spawn_succeeds("web", slot);
        send(WorkerReady{id("web", slot)});
    }
    EXPECT_EQ(facts<RollProgress>().at(0).done, 3U);
    EXPECT_EQ(count<Signal>(), 0U);
    EXPECT_EQ(pool_state("web"), PoolState::running);
}

TEST_F(Operator, AWorkerThatDiedDuringTheRollNeedsNoReplacing) {
    declare_and_run(service("web"), 3);
    restart("web");
    die("web", 1);
    spawn_succeeds("web", 1);
    die("web", 0);
    spawn_succeeds("web", 0);
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{2}));
}

TEST_F(Operator, ARollHaltsAtAWorkerThatFailsUntilSomebodyStartsIt) {
    auto spec = notifying("web");
    spec.restart.fatal = {{ExitPattern::Kind::code, 78}};
    declare_and_run(spec, 2);
    for (std::uint32_t slot = 0; slot < 2; ++slot) send(WorkerReady{id("web", slot)});
    restart("web");
    die("web", 0);
    spawn_succeeds("web", 0);
    die("web", 0, exit_with(78));
    EXPECT_EQ(state("web", 0), WorkerState::failed);
    EXPECT_EQ(count<Signal>(), 0U);
    start("web", 0);
    spawn_succeeds("web", 0);
    EXPECT_EQ(count<Signal>(), 0U);
    send(WorkerReady{id("web", 0)});
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{1}));
}

TEST_F(Operator, AStopEndsARoll) {
    declare_and_run(service("web"), 2);
    restart("web");
    stop("web");
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{1}));
    EXPECT_TRUE(facts<RollProgress>().empty());
    die("web", 0);
    die("web", 1);
    start("web");
    spawn_all("web");
    EXPECT_EQ(pool_state("web"), PoolState::running);
    EXPECT_EQ(supervisor.pool("web")->note, "");
}

TEST_F(Operator, AStoppedSlotDoesNotHoldUpARoll) {
    declare_and_run(service("web"), 2);
    restart("web");
    stop("web", 0);
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{1}));
}

TEST_F(Operator, RestartOfASlotReplacesThatOneAtOnce) {
    declare_and_run(service("web"), 2);
    restart("web", 1);
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(facts<WorkerStopping>().at(0).reason, "restart requested");
    die("web", 1);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
}

TEST_F(Operator, RestartWhileSpawningReplacesWhatComes) {
    declare(service("web"), 1);
    restart("web", 0);
    spawn_succeeds("web");
    EXPECT_EQ(count<Signal>(), 1U);
    die("web");
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Operator, RestartOfWhatRestsIsAStart) {
    auto spec = service("web");
    spec.restart.policy = RestartWhen::on_failure;
    spec.restart.fatal = {{ExitPattern::Kind::code, 78}};
    declare_and_run(spec, 4);
    die("web", 0, exit_with(0));
    die("web", 1, exit_with(78));
    die("web", 2, exit_with(1));
    spawn_fails("web", 2);
    stop("web", 3);
    die("web", 3);
    ASSERT_EQ(state("web", 2), WorkerState::backoff);
    restart("web");
    EXPECT_EQ(count<Spawn>(), 4U);
    spawn_all("web");
    EXPECT_EQ(pool_state("web"), PoolState::running);
}

TEST_F(Operator, SignalsReachThoseThatLive) {
    declare_and_run(service("web"), 2);
    stop("web", 1);
    die("web", 1);
    send(SignalRequested{"web", std::nullopt, 1, "uid 1000"});
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{0}));
    EXPECT_EQ(all<Signal>().at(0).signal, 1);
    EXPECT_EQ(facts<OperatorActed>().at(0).verb, "kill SIGHUP");
    send(SignalRequested{"web", Slot{1}, 1, "root"});
    EXPECT_EQ(count<Signal>(), 0U);
}

TEST_F(Operator, WordsAboutUnknownPoolsAndSlotsDoNothing) {
    declare_and_run(service("web"), 1);
    start("nosuch");
    EXPECT_TRUE(effects.empty());
    stop("web", 7);
    EXPECT_EQ(count<Signal>(), 0U);
    restart("web", 7);
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_EQ(pool_state("web"), PoolState::running);
}

// Its program may lie on a file system that hangs.
TEST_F(Operator, AStopOfOneThatDoesNotGetToItsProgramKillsIt) {
    auto spec = service("web");
    spec.stop.timeout = 5s;
    declare(spec, 1);
    stop("web");
    EXPECT_EQ(count<KillTree>(), 0U);
    EXPECT_EQ(fire(), 5s);
    EXPECT_EQ(count<KillTree>(), 1U);
    EXPECT_EQ(fire(), 1s) << "once more, and ever more seldom";
    EXPECT_EQ(count<KillTree>(), 1U);
    start("web");
    spawn_succeeds("web");
    EXPECT_EQ(count<KillTree>(), 1U) << "it is being killed: another follows it";
    die("web", 0, killed_by(9));
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Operator, AKillOfOneThatDoesNotGetToItsProgramIsSentAtOnce) {
    declare(service("web"), 1);
    send(SignalRequested{"web", {}, 9, "root"});
    send(ShutdownRequested{0s, "SIGTERM"});
    fire();
    EXPECT_EQ(count<KillTree>(), 1U);
}

TEST_F(Operator, AStartTakesBackTheStopOfOneThatIsOnItsWay) {
    declare(service("web"), 1);
    stop("web");
    start("web");
    EXPECT_EQ(supervisor.next_deadline(), no_deadline);
    spawn_succeeds("web");
    EXPECT_EQ(state("web"), WorkerState::running);
}

}  // namespace
}  // namespace pinion::supervise
