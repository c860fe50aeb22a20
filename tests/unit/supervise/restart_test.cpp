// SPDX-License-Identifier: Apache-2.0
// One worker's lives: starts, ends, back-off, limits, and what an operator's word does to them.
#include "harness.h"
#include "model/limits.h"

namespace pinion::supervise {
namespace {

using Kind = Decision::Kind;

class Restarts : public testing::Test, public Harness {};

TEST_F(Restarts, ADeclaredWorkerIsSpawnedWithGenerationOneAndItsSeat) {
    declare(service("web"), 2);
    const auto spawns = all<Spawn>();
    ASSERT_EQ(spawns.size(), 2U);
    EXPECT_EQ(spawns[1].worker, (WorkerId{"web", Slot{1}, Generation{1}}));
    EXPECT_EQ(spawns[1].seat, seats(2)[1]);
    EXPECT_EQ(state("web"), WorkerState::starting);
    spawn_succeeds("web");
    EXPECT_EQ(state("web"), WorkerState::running);
    EXPECT_EQ(facts<WorkerStarting>().size(), 1U);
    EXPECT_EQ(supervisor.next_deadline(), no_deadline);
}

TEST_F(Restarts, ANotifyingWorkerRunsOnceItSaysSo) {
    declare_and_run(notifying("web"), 1);
    EXPECT_EQ(state("web"), WorkerState::starting);
    wait(2s);
    send(WorkerReady{id("web")});
    EXPECT_EQ(state("web"), WorkerState::running);
    EXPECT_EQ(facts<WorkerIsReady>().at(0).after, 2s);
    EXPECT_EQ(supervisor.next_deadline(), no_deadline);
    send(WorkerReady{id("web")});
    EXPECT_TRUE(effects.empty());
}

TEST_F(Restarts, ReadinessThatOvertakesTheAnswerIsKept) {
    declare(notifying("web"), 1);
    send(WorkerReady{id("web")});
    EXPECT_EQ(state("web"), WorkerState::starting);
    spawn_succeeds("web");
    EXPECT_EQ(state("web"), WorkerState::running);
    EXPECT_EQ(facts<WorkerIsReady>().size(), 1U);
}

TEST_F(Restarts, AfterAStableLifeTheSuccessorStartsAtOnceAndBeforeAnythingIsReported) {
    declare_and_run(service("web"), 1);
    wait(2min);
    const auto worker = id("web");
    send(WorkerExited{worker, exit_with(1)});
    ASSERT_EQ(effects.size(), 2U);
    EXPECT_TRUE(std::holds_alternative<KillTree>(effects[0]));
    EXPECT_EQ(facts<WorkerDied>().at(0).uptime, 2min);
    EXPECT_EQ(facts<WorkerDied>().at(0).phase, Phase::running);
    send(TreeEmptied{worker});
    ASSERT_EQ(count<Spawn>(), 1U);
    EXPECT_TRUE(std::holds_alternative<Spawn>(effects[0]));
    EXPECT_EQ(all<Spawn>()[0].worker.generation, Generation{2});
}

TEST_F(Restarts, NothingIsSpawnedBeforeTheTreeIsEmpty) {
    declare_and_run(service("web"), 1);
    const auto worker = id("web");
    send(WorkerExited{worker, exit_with(1)});
    EXPECT_EQ(state("web"), WorkerState::stopping);
    EXPECT_EQ(count<Spawn>(), 0U);
    start("web");
    EXPECT_EQ(count<Spawn>(), 0U);
    restart("web");
    EXPECT_EQ(count<Spawn>(), 0U);
    send(TreeEmptied{worker});
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Restarts, BackOffCountsFromTheExitAndNotFromTheEmptiedTree) {
    declare_and_run(service("web"), 1);
    die("web");
    spawn_succeeds("web");
    const auto worker = id("web");
    send(WorkerExited{worker, exit_with(1)});
    EXPECT_EQ(decision().delay, 100ms);
    wait(60ms);
    send(TreeEmptied{worker});
    EXPECT_EQ(state("web"), WorkerState::backoff);
    EXPECT_EQ(view("web").next_retry, now + 40ms);
    EXPECT_EQ(fire(), 40ms);
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Restarts, ATreeThatEmptiesAfterTheDelayStartsTheSuccessorAtOnce) {
    declare_and_run(service("web"), 1);
    die("web");
    spawn_succeeds("web");
    const auto worker = id("web");
    send(WorkerExited{worker, exit_with(1)});
    wait(100ms);
    send(TreeEmptied{worker});
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Restarts, QuickSuccessfulExitsBackOffToo) {
    declare_and_run(service("web"), 1);
    die("web", 0, exit_with(0));
    EXPECT_EQ(decision().delay, 0ms);
    spawn_succeeds("web");
    die("web", 0, exit_with(0));
    EXPECT_EQ(decision().delay, 100ms);
    EXPECT_EQ(state("web"), WorkerState::backoff);
    EXPECT_EQ(pool_state("web"), PoolState::degraded);
}

TEST_F(Restarts, UptimeCountsFromReadiness) {
    declare_and_run(notifying("web"), 1);
    wait(20s);
    send(WorkerReady{id("web")});
    wait(50s);
    die("web");
    EXPECT_EQ(facts<WorkerDied>().at(0).uptime, 50s);
    EXPECT_EQ(decision().failures_in_row, 1U);
    spawn_succeeds("web");
    send(WorkerReady{id("web")});
    wait(60s - 1us);
    die("web");
    EXPECT_EQ(decision().failures_in_row, 2U);
}

TEST_F(Restarts, ByDefaultItNeverGivesUpAndProbesAtMaxDelay) {
    declare_and_run(service("web"), 1);
    for (int end = 0; end < 50; ++end) {
        die("web");
        if (state("web") == WorkerState::backoff) fire();
        spawn_succeeds("web");
    }
    die("web");
    EXPECT_EQ(decision().kind, Kind::restart);
    EXPECT_EQ(decision().delay, 30s);
}

TEST_F(Restarts, GivesUpAfterTooManyRestarts) {
    auto spec = service("web");
    spec.restart.limit = {.count = 2, .within = 1min};
    declare_and_run(spec, 1);
    for (int end = 0; end < 2; ++end) {
        die("web");
        if (state("web") == WorkerState::backoff) fire();
        spawn_succeeds("web");
    }
    die("web", 0, exit_with(3));
    EXPECT_EQ(decision().kind, Kind::give_up_limit);
    EXPECT_EQ(state("web"), WorkerState::failed);
    EXPECT_EQ(pool_state("web"), PoolState::failed);
    EXPECT_EQ(facts<PoolReached>().at(0).state, "failed");
    EXPECT_EQ(view("web").note, "exit 3, 3 times in a row; not restarted: restart.limit exceeded");
    EXPECT_EQ(supervisor.next_deadline(), no_deadline);
}

TEST_F(Restarts, AManualStartClearsTheCountersOfAFailedWorker) {
    auto spec = service("web");
    spec.restart.limit = {.count = 1, .within = 1min};
    declare_and_run(spec, 1);
    die("web");
    spawn_succeeds("web");
    die("web");
    ASSERT_EQ(state("web"), WorkerState::failed);
    start("web");
    EXPECT_EQ(count<Spawn>(), 1U);
    EXPECT_EQ(view("web").failures_in_row, 0U);
    EXPECT_EQ(view("web").restarts, 0U);
    spawn_succeeds("web");
    die("web");
    EXPECT_EQ(decision().kind, Kind::restart);
}

TEST_F(Restarts, AManualStartEndsBackOffAtOnce) {
    declare_and_run(service("web"), 1);
    die("web");
    spawn_succeeds("web");
    die("web");
    ASSERT_EQ(state("web"), WorkerState::backoff);
    start("web", 0);
    EXPECT_EQ(count<Spawn>(), 1U);
    EXPECT_EQ(view("web").next_retry, no_deadline);
}

TEST_F(Restarts, AFatalExitIsFinalUntilSomebodyStartsIt) {
    auto spec = service("web");
    spec.restart.fatal = {{ExitPattern::Kind::code, 78}};
    declare_and_run(spec, 1);
    auto death = exit_with(78);
    death.last_lines = {"first", "no such port"};
    die("web", 0, death);
    EXPECT_EQ(decision().kind, Kind::give_up_fatal);
    EXPECT_EQ(view("web").note, "exit 78 (no such port); not restarted: listed in restart.fatal");
    start("web");
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Restarts, OnFailureCompletesOnSuccess) {
    auto spec = service("web");
    spec.restart.policy = RestartWhen::on_failure;
    declare_and_run(spec, 1);
    die("web", 0, exit_with(0));
    EXPECT_EQ(decision().kind, Kind::complete);
    EXPECT_EQ(state("web"), WorkerState::completed);
    EXPECT_EQ(pool_state("web"), PoolState::completed);
    EXPECT_EQ(facts<PoolReached>().at(0).state, "completed");
}

TEST_F(Restarts, NeverFailsOnFailure) {
    auto spec = service("web");
    spec.restart.policy = RestartWhen::never;
    declare_and_run(spec, 2);
    die("web", 0, exit_with(0));
    EXPECT_EQ(state("web", 0), WorkerState::completed);
    die("web", 1, killed_by(11));
    EXPECT_EQ(state("web", 1), WorkerState::failed);
    EXPECT_EQ(decision().kind, Kind::give_up_policy);
    EXPECT_EQ(pool_state("web"), PoolState::degraded);
    EXPECT_EQ(supervisor.pool("web")->note, "web/1: SIGSEGV; not restarted: restart.policy is never");
}

TEST_F(Restarts, ASpawnThatFailsFollowsThePolicyAndWaitsForNoTree) {
    declare(service("web"), 1);
    spawn_fails("web");
    EXPECT_EQ(facts<WorkerNotSpawned>().size(), 1U);
    EXPECT_EQ(count<Spawn>(), 1U) << "the first restart is immediate";
    spawn_fails("web");
    EXPECT_EQ(decision().delay, 100ms);
    EXPECT_EQ(state("web"), WorkerState::backoff);
    EXPECT_EQ(view("web").note, "exec '/bin/worker': no such file or directory, 2 times in a row");
    EXPECT_EQ(supervisor.history("web", Slot{0}).at(1).failure->error, 2);
}

TEST_F(Restarts, ASpawnThatFailsUnderNeverIsFailed) {
    auto spec = service("web");
    spec.restart.policy = RestartWhen::never;
    declare(spec, 1);
    spawn_fails("web");
    EXPECT_EQ(state("web"), WorkerState::failed);
}

TEST_F(Restarts, AWorkerThatIsNotReadyInTimeIsStoppedAndCountsAsFailed) {
    auto spec = notifying("web");
    spec.restart.policy = RestartWhen::on_failure;
    spec.restart.success = {{ExitPattern::Kind::signal, 15}};
    declare_and_run(spec, 1);
    fire_after(30s - 1us);
    EXPECT_TRUE(effects.empty());
    EXPECT_EQ(fire(), 1us);
    EXPECT_EQ(facts<WorkerStartTimedOut>().at(0).after, 30s);
    EXPECT_EQ(all<Signal>().at(0).signal, 15);
    EXPECT_EQ(view("web").note, "not ready in time");
    send(WorkerReady{id("web")});
    EXPECT_EQ(state("web"), WorkerState::stopping) << "too late";
    die("web", 0, killed_by(15));
    EXPECT_EQ(decision().kind, Kind::restart) << "although SIGTERM is listed as success";
    EXPECT_EQ(decision().failures_in_row, 1U);
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Restarts, AnExitWhileStartingCountsAsFailed) {
    declare_and_run(notifying("web"), 1);
    die("web");
    EXPECT_EQ(facts<WorkerDied>().at(0).phase, Phase::starting);
    EXPECT_EQ(facts<WorkerDied>().at(0).uptime, 0s);
    EXPECT_EQ(decision().failures_in_row, 1U);
}

TEST_F(Restarts, EventsOfOtherGenerationsAreDropped) {
    declare_and_run(service("web"), 1);
    const auto first = id("web");
    die("web");
    spawn_succeeds("web");
    for (const Event& late :
         {Event{WorkerExited{first, exit_with(1)}}, Event{TreeEmptied{first}}, Event{SpawnSucceeded{first}},
          Event{SpawnFailed{first, {}}}, Event{WorkerReady{first}}, Event{WorkerStatus{first, "late"}}}) {
        send(late);
        EXPECT_TRUE(effects.empty());
    }
    EXPECT_EQ(state("web"), WorkerState::running);
    EXPECT_EQ(view("web").status_text, "");
    send(WorkerExited{{"web", Slot{0}, Generation{99}}, exit_with(1)});
    send(WorkerExited{{"web", Slot{7}, Generation{1}}, exit_with(1)});
    send(WorkerExited{{"nosuch", Slot{0}, Generation{1}}, exit_with(1)});
    EXPECT_TRUE(effects.empty());
}

TEST_F(Restarts, AnExitOrAnEmptiedTreeIsCountedOnce) {
    declare_and_run(service("web"), 1);
    const auto worker = id("web");
    send(WorkerExited{worker, exit_with(1)});
    send(WorkerExited{worker, exit_with(1)});
    EXPECT_TRUE(effects.empty());
    send(TreeEmptied{worker});
    send(TreeEmptied{worker});
    EXPECT_TRUE(effects.empty());
}

TEST_F(Restarts, ATreeThatWillNotEmptyIsKilledAgainEverMoreSeldom) {
    declare_and_run(service("web"), 1);
    send(WorkerExited{id("web"), exit_with(1)});
    EXPECT_EQ(fire(), 1s);
    EXPECT_EQ(count<KillTree>(), 1U);
    EXPECT_EQ(facts<WorkerKilled>().size(), 1U);
    EXPECT_EQ(fire(), 2s);
    EXPECT_EQ(facts<WorkerKilled>().size(), 0U) << "said once";
    for (int again = 0; again < 10; ++again) fire();
    EXPECT_EQ(fire(), 60s);
}

TEST_F(Restarts, StatusTextIsShownWhileTheWorkerLives) {
    declare_and_run(service("web"), 1);
    send(WorkerStatus{id("web"), "42 requests"});
    EXPECT_EQ(view("web").status_text, "42 requests");
    die("web");
    EXPECT_EQ(view("web").status_text, "");
    spawn_succeeds("web");
    EXPECT_EQ(view("web").status_text, "");
}

TEST_F(Restarts, HistoryKeepsTheLastDeathsAndNoMore) {
    declare_and_run(service("web"), 1);
    for (int end = 0; end < static_cast<int>(limits::death_history) + 1; ++end) {
        if (end == static_cast<int>(limits::death_history)) {
            EXPECT_EQ(supervisor.history("web", Slot{0}).front().death->status, 0);
        }
        die("web", 0, exit_with(end));
        if (state("web") == WorkerState::backoff) fire();
        spawn_succeeds("web");
    }
    const auto history = supervisor.history("web", Slot{0});
    ASSERT_EQ(history.size(), limits::death_history);
    EXPECT_EQ(history.front().death->status, 1);
    EXPECT_EQ(history.back().death->status, static_cast<int>(limits::death_history));
    EXPECT_EQ(history.back().generation, Generation{limits::death_history + 1});
}

TEST_F(Restarts, SinceTellsWhenTheVisibleStateBegan) {
    declare(service("web"), 1);
    const auto declared = now;
    wait(1s);
    EXPECT_EQ(view("web").since, declared);
    spawn_succeeds("web");
    EXPECT_EQ(view("web").since, declared + 1s);
    EXPECT_EQ(supervisor.pool("web")->since, declared + 1s);
}

TEST_F(Restarts, TheEndOfABackOffIsNoNewsOfThePool) {
    declare_and_run(service("web"), 2);
    EXPECT_TRUE(facts<PoolReached>().empty()) << "coming up for the first time is no news";
    die("web");
    spawn_succeeds("web");
    die("web");
    ASSERT_EQ(pool_state("web"), PoolState::degraded);
    fire();
    spawn_succeeds("web");
    ASSERT_EQ(pool_state("web"), PoolState::running);
    EXPECT_TRUE(facts<PoolReached>().empty()) << "the worker's own records tell it";
}

TEST_F(Restarts, ThatAFailedPoolRunsAgainIsReportedOnce) {
    auto spec = service("web");
    spec.restart.fatal = {{ExitPattern::Kind::code, 78}};
    declare_and_run(spec, 1);
    die("web", 0, exit_with(78));
    ASSERT_EQ(facts<PoolReached>().at(0).state, "failed");
    start("web");
    spawn_succeeds("web");
    ASSERT_EQ(facts<PoolReached>().size(), 1U);
    EXPECT_EQ(facts<PoolReached>()[0].state, "running");
    die("web");
    spawn_succeeds("web");
    EXPECT_TRUE(facts<PoolReached>().empty());
}

TEST_F(Restarts, CompletedWorkersAreNotWantedAnyMore) {
    auto spec = service("web");
    spec.restart.policy = RestartWhen::on_failure;
    declare_and_run(spec, 2);
    die("web", 0, exit_with(0));
    EXPECT_EQ(supervisor.pool("web")->wanted, 1U);
    EXPECT_EQ(supervisor.pool("web")->running, 1U);
    die("web", 1, exit_with(0));
    EXPECT_EQ(supervisor.pool("web")->wanted, 0U);
}

TEST_F(Restarts, WorkersOfAPoolDoNotBackOffInStep) {
    auto spec = service("web");
    spec.restart.jitter = 0.1;
    declare_and_run(spec, 2);
    std::vector<Duration> delays;
    for (std::uint32_t slot : {0U, 1U}) {
        die("web", slot);
        spawn_succeeds("web", slot);
        die("web", slot);
        delays.push_back(decision().delay);
    }
    EXPECT_NE(delays[0], delays[1]);
}

TEST_F(Restarts, TheSameSeedRepeatsTheSameRun) {
    const auto delay = [](std::uint64_t seed) {
        Harness run(seed);
        auto spec = service("web");
        spec.restart.jitter = 0.1;
        run.declare_and_run(spec, 1);
        run.die("web");
        run.spawn_succeeds("web");
        run.die("web");
        return run.decision().delay;
    };
    EXPECT_EQ(delay(7), delay(7));
    EXPECT_NE(delay(7), delay(8));
}

}  // namespace
}  // namespace pinion::supervise
