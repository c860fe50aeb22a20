// SPDX-License-Identifier: Apache-2.0
// What pools are to each other: start.after, stagger, the order of leaving, and shutdown.
#include "harness.h"
#include "model/limits.h"

namespace pinion::supervise {
namespace {

class Order : public testing::Test, public Harness {
protected:
    static PoolSpec after(const std::string& name, std::vector<std::string> others) {
        auto spec = service(name);
        spec.start.after = std::move(others);
        return spec;
    }
    void shut_down(Duration timeout = 90s) { send(ShutdownRequested{timeout, "SIGTERM"}); }
};

TEST_F(Order, APoolStartsWhenThoseItNamesAreReady) {
    declare(after("web", {"db", "cache"}), 1);
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_EQ(facts<PoolWaits>().at(0).for_pools, (std::vector<std::string>{"db", "cache"}));
    EXPECT_EQ(pool_state("web"), PoolState::starting);
    EXPECT_EQ(supervisor.pool("web")->note, "waits for 'db' (not there), 'cache' (not there)");
    declare(notifying("db"), 2);
    spawn_succeeds("db", 0);
    spawn_succeeds("db", 1);
    send(WorkerReady{id("db", 0)});
    declare_and_run(service("cache"), 1);
    EXPECT_EQ(state("web"), WorkerState::idle);
    EXPECT_EQ(supervisor.pool("web")->note, "waits for 'db' (starting)");
    send(WorkerReady{id("db", 1)});
    ASSERT_EQ(count<Spawn>(), 1U);
    EXPECT_EQ(all<Spawn>()[0].worker.pool, "web");
    EXPECT_EQ(supervisor.pool("web")->note, "");
}

TEST_F(Order, CompletedAndEmptyPoolsAreReady) {
    auto once = service("setup");
    once.restart.policy = RestartWhen::never;
    declare_and_run(once, 1);
    die("setup", 0, exit_with(0));
    declare(service("empty"), 0);
    declare(after("web", {"setup", "empty"}), 1);
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Order, AFailedOrStoppedPoolKeepsOthersWaiting) {
    auto once = service("setup");
    once.restart.policy = RestartWhen::never;
    declare_and_run(once, 1);
    die("setup", 0, exit_with(1));
    declare(after("web", {"setup"}), 1);
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_EQ(supervisor.pool("web")->note, "waits for 'setup' (failed)");
    stop("setup");
    EXPECT_EQ(supervisor.pool("web")->note, "waits for 'setup' (stopped)");
    start("setup");
    spawn_succeeds("setup");
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Order, AnOperatorsStartDoesNotWait) {
    declare(after("web", {"db"}), 2);
    start("web", 1);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
    start("web");
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0}));
}

TEST_F(Order, ASlotThatAnOperatorStartedIsRestartedWithoutWaiting) {
    declare(after("web", {"db"}), 2);
    start("web", 1);
    spawn_succeeds("web", 1);
    die("web", 1);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(view("web", 0).note, "waits for other pools (start.after)");
}

TEST_F(Order, OnlyTheFirstStartWaits) {
    declare_and_run(service("db"), 1);
    declare_and_run(after("web", {"db"}), 1);
    stop("db");
    die("db");
    die("web");
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Order, AChangedAfterOpensTheGate) {
    declare(after("web", {"db"}), 1);
    declare(after("web", {}), 1);
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Order, APoolMayNameItself) {
    declare(after("web", {"web"}), 1);
    EXPECT_EQ(count<Spawn>(), 1U);
    spawn_all("web");
    shut_down();
    die("web");
    EXPECT_EQ(count<ShutdownComplete>(), 1U);
}

TEST_F(Order, StaggerSpacesTheStartsOfAPool) {
    auto spec = service("web");
    spec.start.stagger = 100ms;
    declare(spec, 3);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0}));
    EXPECT_EQ(view("web", 1).note, "waits for its turn (start.stagger)");
    spawn_all("web");
    EXPECT_EQ(fire(), 100ms);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(fire(), 100ms);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{2}));
    EXPECT_EQ(supervisor.next_deadline(), no_deadline);
}

TEST_F(Order, StaggerIsFirstComeFirstServed) {
    auto spec = service("web");
    spec.start.stagger = 100ms;
    declare(spec, 3);
    spawn_all("web");
    die("web", 0);  // its restart queues behind 1 and 2
    fire();
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
    fire();
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{2}));
    fire();
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0}));
}

TEST_F(Order, AStopEmptiesTheQueue) {
    auto spec = service("web");
    spec.start.stagger = 100ms;
    declare(spec, 3);
    stop("web");
    spawn_succeeds("web");
    die("web");
    EXPECT_EQ(supervisor.next_deadline(), no_deadline);
    EXPECT_EQ(pool_state("web"), PoolState::stopped);
}

TEST_F(Order, ShutdownStopsEverythingAndCompletesOnce) {
    declare_and_run(service("web"), 2);
    declare_and_run(service("db"), 1);
    shut_down();
    EXPECT_EQ(count<Signal>(), 3U);
    EXPECT_TRUE(supervisor.shutting_down());
    die("web", 0);
    die("web", 1);
    EXPECT_EQ(count<ShutdownComplete>(), 0U);
    die("db", 0);
    ASSERT_EQ(count<ShutdownComplete>(), 1U);
    EXPECT_TRUE(std::holds_alternative<ShutdownComplete>(effects.back()));
    EXPECT_EQ(supervisor.next_deadline(), no_deadline);
    shut_down();
    send(TimerFired{});
    EXPECT_EQ(count<ShutdownComplete>(), 0U);
}

// A wait that nothing interrupts, not even SIGKILL: a dead file server's.
TEST_F(Order, ShutdownIsNotKeptByWhatSigkillDoesNotEnd) {
    declare_and_run(service("web"), 2);
    shut_down(5s);
    die("web", 0);
    fire_after(5s);
    EXPECT_EQ(slots<KillTree>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(count<ShutdownComplete>(), 0U);
    shut_down(0s);
    fire_after(limits::shutdown_patience - 1us);
    EXPECT_EQ(count<ShutdownComplete>(), 0U);
    fire_after(1us);
    EXPECT_EQ(count<ShutdownComplete>(), 1U);
    die("web", 1);
    EXPECT_EQ(count<ShutdownComplete>(), 0U);
}

TEST_F(Order, ShutdownOfNothingCompletesAtOnce) {
    shut_down();
    EXPECT_EQ(count<ShutdownComplete>(), 1U);
}

TEST_F(Order, ShutdownGoesInReverseOrder) {
    declare_and_run(service("db"), 1);
    declare_and_run(after("api", {"db"}), 1);
    declare_and_run(after("web", {"api"}), 1);
    shut_down();
    ASSERT_EQ(count<Signal>(), 1U);
    EXPECT_EQ(all<Signal>()[0].worker.pool, "web");
    EXPECT_EQ(pool_state("db"), PoolState::stopping);
    die("web");
    EXPECT_EQ(all<Signal>().at(0).worker.pool, "api");
    die("api");
    EXPECT_EQ(all<Signal>().at(0).worker.pool, "db");
    die("db");
    EXPECT_EQ(count<ShutdownComplete>(), 1U);
}

TEST_F(Order, NothingIsSpawnedAfterShutdownWasAskedFor) {
    declare_and_run(service("db"), 2);
    declare_and_run(after("web", {"db"}), 1);
    die("db", 1);
    spawn_fails("db", 1);
    ASSERT_EQ(state("db", 1), WorkerState::backoff);
    shut_down();
    die("db", 0);  // while it still serves web
    EXPECT_EQ(decision().kind, Decision::Kind::stopped);
    EXPECT_EQ(count<Spawn>(), 0U);
    start("db");
    EXPECT_TRUE(effects.empty());
    restart("web");
    EXPECT_TRUE(effects.empty());
    declare(service("new"), 1);
    EXPECT_TRUE(effects.empty());
    die("web");
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_EQ(count<ShutdownComplete>(), 1U);
}

TEST_F(Order, WhatIsLeftAtTheShutdownTimeoutIsKilled) {
    declare_and_run(service("db"), 1);
    declare_and_run(after("web", {"db"}), 1);
    declare(service("new"), 1);  // its spawn is not answered yet
    shut_down(3s);
    fire_after(3s - 1us);
    EXPECT_EQ(count<KillTree>(), 0U);
    fire_after(1us);
    EXPECT_EQ(count<KillTree>(), 3U);
    spawn_succeeds("new");
    EXPECT_EQ(count<KillTree>(), 1U);
    EXPECT_EQ(count<Signal>(), 0U);
    for (const auto* pool : {"db", "web", "new"}) die(pool, 0, killed_by(9));
    EXPECT_EQ(count<ShutdownComplete>(), 1U);
}

TEST_F(Order, ASecondShutdownMayOnlyShortenTheTime) {
    declare_and_run(service("web"), 1);
    shut_down(3s);
    shut_down(90s);
    EXPECT_EQ(supervisor.next_deadline(), now + 3s);
    shut_down(0s);
    EXPECT_EQ(supervisor.next_deadline(), now);
    send(TimerFired{});
    EXPECT_EQ(count<KillTree>(), 1U);
}

TEST_F(Order, WithdrawnPoolsLeaveInReverseOrder) {
    declare_and_run(service("db"), 1);
    declare_and_run(after("web", {"db"}), 1);
    send(PoolWithdrawn{"db"});
    EXPECT_EQ(count<Signal>(), 0U);
    send(PoolWithdrawn{"web"});
    EXPECT_EQ(all<Signal>().at(0).worker.pool, "web");
    die("web");
    EXPECT_EQ(count<PoolRemoved>(), 1U);
    EXPECT_EQ(all<Signal>().at(0).worker.pool, "db");
    die("db");
    EXPECT_EQ(count<PoolRemoved>(), 1U);
    EXPECT_TRUE(supervisor.pools().empty());
}

TEST_F(Order, AWithdrawnPoolStopsOnceNobodyNamesItAnyMore) {
    declare_and_run(service("db"), 1);
    declare_and_run(after("web", {"db"}), 1);
    send(PoolWithdrawn{"db"});
    declare(after("web", {}), 1);
    EXPECT_EQ(all<Signal>().at(0).worker.pool, "db");
}

TEST_F(Order, AHeldPoolThatComesBackWithTheSameTextIsNotTouched) {
    declare_and_run(service("db"), 1);
    declare_and_run(after("web", {"db"}), 1);
    send(PoolWithdrawn{"db"});
    declare(service("db"), 1);
    EXPECT_EQ(count<Signal>() + count<Spawn>() + count<KillTree>(), 0U);
    die("db");
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Order, AHeldPoolThatComesBackWithAnotherTextRolls) {
    declare_and_run(service("db"), 2);
    declare_and_run(after("web", {"db"}), 1);
    send(PoolWithdrawn{"db"});
    auto changed = service("db");
    changed.nice = 5;
    declare(changed, 2);
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{0}));
    die("db", 0);
    EXPECT_EQ(all<Spawn>().at(0).spec->nice, 5);
}

TEST_F(Order, TiesOfDeadlinesAllFireInOneTurn) {
    declare_and_run(notifying("b"), 2);
    declare_and_run(notifying("a"), 2);
    fire_after(30s);
    ASSERT_EQ(count<Signal>(), 4U);
    EXPECT_EQ(all<Signal>()[0].worker, id("b", 0)) << "the pool that came first";
    EXPECT_GT(supervisor.next_deadline(), now);
}

TEST_F(Order, PoolsAreListedByName) {
    declare(service("b"), 1);
    declare(service("a"), 1);
    const auto pools = supervisor.pools();
    ASSERT_EQ(pools.size(), 2U);
    EXPECT_EQ(pools[0].name, "a");
    EXPECT_FALSE(supervisor.pool("nosuch").has_value());
    EXPECT_EQ(supervisor.spec("nosuch"), nullptr);
    EXPECT_TRUE(supervisor.workers("nosuch").empty());
    EXPECT_TRUE(supervisor.history("nosuch", Slot{0}).empty());
}

}  // namespace
}  // namespace pinion::supervise
