// SPDX-License-Identifier: Apache-2.0
// One ordinary day, again and again: the n-th effect fails, for n = 1, 2, 3 … until a run has fewer. A spawn is
// answered by an error, a signal or a SIGKILL is lost, a new seat is not applied. The day must end the same.
#include <gtest/gtest.h>

#include <memory>

#include "checker.h"

namespace pinion::sim {
namespace {

PoolDeclared declaration(PoolSpec spec, std::uint32_t workers, bool respawn = false) {
    PoolDeclared event{.respawn = respawn};
    for (std::uint32_t slot = 0; slot < workers; ++slot) event.seats.push_back({.slot = slot, .cpus = {slot}});
    event.spec = std::make_shared<const PoolSpec>(std::move(spec));
    return event;
}

PoolSpec pool(const std::string& name, std::vector<std::string> after = {}) {
    PoolSpec spec;
    spec.name = name;
    spec.command.argv = {"/bin/worker"};
    spec.start.after = std::move(after);
    spec.start.ready = name == "db" ? StartPolicy::Ready::notify : StartPolicy::Ready::exec;
    return spec;
}

void day(FakeWorld& world, Checker& checker) {
    world.send(declaration(pool("web", {"db"}), 3));
    world.send(declaration(pool("db"), 2));
    world.run_for(2min);
    checker.check_all_running(world);
    auto changed = pool("web", {"db"});
    changed.nice = 5;
    world.send(declaration(changed, 3, true));
    world.run_for(2min);
    world.send(declaration(changed, 2));
    world.send(RestartRequested{"db", std::nullopt, "root"});
    world.run_for(2min);
    world.send(SignalRequested{"web", Slot{0}, 9, "root"});
    world.run_for(2min);
    world.send(StopRequested{"web", Slot{1}, "root"});
    world.run_for(2min);
    world.send(StartRequested{"web", Slot{1}, "root"});
    world.run_for(2min);
    checker.check_all_running(world);
    checker.check_views(world);
    world.send(PoolWithdrawn{"web"});
    world.run_for(2min);
    world.send(ShutdownRequested{90s, "SIGTERM"});
    world.run_for(3min);
}

TEST(Anomalies, WhicheverEffectFailsTheDayEndsTheSame) {
    std::uint64_t n = 1;
    for (;; ++n) {
        Checker checker;
        FakeWorld world(1, &checker);
        world.faults = Faults::none();
        world.fail_effect = n;
        day(world, checker);
        ASSERT_TRUE(checker.violations().empty()) << "effect " << n << ": " << checker.violations().front();
        ASSERT_TRUE(world.violations.empty()) << "effect " << n << ": " << world.violations.front();
        ASSERT_EQ(world.shutdowns_completed, 1U) << "effect " << n;
        ASSERT_TRUE(world.trees().empty()) << "effect " << n;
        if (world.effects_executed < n) break;
    }
    EXPECT_GT(n, 40U) << "the day has become too short to prove anything";
}

}  // namespace
}  // namespace pinion::sim
