// SPDX-License-Identifier: Apache-2.0
// When an order counts as carried out.
#include "ctl/waiting.h"

#include <gtest/gtest.h>

namespace pinion::ctl {
namespace {

WorkerRow worker(std::uint64_t slot, std::string state, std::uint64_t generation = 1) {
    const bool alive = state == "running" || state == "starting" || state == "stopping";
    return {.pool = "web", .slot = slot, .state = std::move(state), .pid = alive ? 9U : 0U, .generation = generation};
}

Snapshot with(std::vector<WorkerRow> workers, PoolRow pool = {.name = "web", .state = "running", .wanted = 2}) {
    return {.pools = {std::move(pool)}, .workers = std::move(workers)};
}

const std::vector<Target> web{{"web", std::nullopt}};
const std::vector<std::string> web_name{"web"};

TEST(Targets, AreAPoolOrASlot) {
    EXPECT_EQ(parse_target("web"), (Target{"web", std::nullopt}));
    EXPECT_EQ(parse_target("web/3"), (Target{"web", 3}));
    for (const char* wrong : {"", "Web", "web/", "web/x", "web/-1", "web/1/2", "../x", "web/99999999999999999999"})
        EXPECT_EQ(parse_target(wrong).error().exit, Exit::usage) << wrong;
}

TEST(TowardRunning, WaitsForEveryWantedWorker) {
    EXPECT_TRUE(toward_running(with({worker(0, "running"), worker(1, "running")}), web, nullptr).done);
    EXPECT_TRUE(toward_running(with({worker(0, "running"), worker(1, "completed")}), web, nullptr).done);
    for (const char* state : {"idle", "starting", "stopping"})
        EXPECT_FALSE(toward_running(with({worker(0, "running"), worker(1, state)}), web, nullptr).done) << state;
    EXPECT_TRUE(
        toward_running(with({worker(0, "running"), worker(1, "running"), worker(2, "idle")}), web, nullptr).done);
}

TEST(TowardRunning, IsDoneWithATroubleWhereAWorkerGaveUp) {
    for (const char* state : {"failed", "backoff"}) {
        const Progress progress = toward_running(with({worker(0, "running"), worker(1, state)}), web, nullptr);
        EXPECT_TRUE(progress.done);
        EXPECT_EQ(progress.troubles.size(), 1U);
    }
}

TEST(TowardRunning, WantsALaterGenerationAfterARestart) {
    const Generations before{{"web/0", 4}, {"web/1", 1}};
    EXPECT_FALSE(toward_running(with({worker(0, "running", 4), worker(1, "running", 2)}), web, &before).done);
    EXPECT_TRUE(toward_running(with({worker(0, "running", 5), worker(1, "running", 2)}), web, &before).done);
}

TEST(TowardRunning, EndsWhenThePoolHasGone) {
    const Progress progress = toward_running({}, web, nullptr);
    EXPECT_TRUE(progress.done);
    EXPECT_EQ(progress.troubles, std::vector<std::string>{"pool 'web' has left the configuration"});
}

TEST(TowardStopped, IsDoneWithTheLastProcess) {
    EXPECT_FALSE(toward_stopped(with({worker(0, "idle"), worker(1, "stopping")}), web).done);
    EXPECT_TRUE(toward_stopped(with({worker(0, "idle"), worker(1, "failed")}), web).done);
    EXPECT_TRUE(toward_stopped({}, web).done);
    const std::vector<Target> slot{{"web", 0}};
    EXPECT_TRUE(toward_stopped(with({worker(0, "idle"), worker(1, "running")}), slot).done);
}

TEST(TowardScale, WaitsForNewSlotsAndForTheEndOfOldOnes) {
    EXPECT_FALSE(toward_scale(with({worker(0, "running")}), "web", 2).done);
    EXPECT_TRUE(toward_scale(with({worker(0, "running"), worker(1, "running")}), "web", 2).done);
    EXPECT_FALSE(toward_scale(with({worker(0, "running"), worker(1, "stopping")}), "web", 1).done);
    EXPECT_TRUE(toward_scale(with({}), "web", 0).done);
    const PoolRow stopped{.name = "web", .state = "stopped", .stopped_by_operator = true};
    EXPECT_TRUE(toward_scale(with({worker(0, "idle"), worker(1, "idle")}, stopped), "web", 2).done);
}

TEST(TowardRest, JoinsOnlyWhatIsAtRest) {
    const PoolRow completed{.name = "web", .state = "completed"};
    EXPECT_TRUE(toward_rest(with({worker(0, "completed"), worker(1, "idle")}, completed), {}).done);
    EXPECT_FALSE(toward_rest(with({worker(0, "completed"), worker(1, "backoff")}, completed), {}).done);
    // Idle because it waits for another pool.
    EXPECT_FALSE(toward_rest(with({worker(0, "idle")}, {.name = "web", .state = "starting"}), {}).done);
    const Progress failed = toward_rest(with({worker(0, "failed")}, {.name = "web", .state = "failed"}), web_name);
    EXPECT_TRUE(failed.done);
    EXPECT_EQ(failed.troubles, std::vector<std::string>{"worker 'web/0' has failed"});
}

TEST(Health, IsRunningOrCompletedOrNothingWanted) {
    EXPECT_TRUE(is_healthy({.state = "running", .wanted = 1}));
    EXPECT_TRUE(is_healthy({.state = "completed"}));
    EXPECT_TRUE(is_healthy({.state = "stopped", .wanted = 0}));
    EXPECT_FALSE(is_healthy({.state = "stopped", .wanted = 0, .stopped_by_operator = true}));
    for (const char* state : {"starting", "degraded", "paused", "stopping", "failed", ""})
        EXPECT_FALSE(is_healthy({.state = state})) << state;
}

TEST(Rows, AreSortedWorstFirstOnRequest) {
    std::vector<PoolRow> pools{{.name = "b", .state = "running"},
                               {.name = "c", .state = "failed"},
                               {.name = "a", .state = "running"},
                               {.name = "d", .state = "degraded"}};
    sort_by_state(pools);
    std::string order;
    for (const PoolRow& pool : pools) order += pool.name;
    EXPECT_EQ(order, "cdab");
}

}  // namespace
}  // namespace pinion::ctl
