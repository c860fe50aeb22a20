// SPDX-License-Identifier: Apache-2.0
#include "config/change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch.h"

namespace pinion::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Config config_of(const std::string& pools) {
    auto loaded = load_text("pools: {" + pools + "}");
    EXPECT_TRUE(loaded) << diagnostics_of(loaded);
    return loaded ? std::move(*loaded) : Config{};
}
Config pool_with(const std::string& keys) { return config_of("p: {command: [x], " + keys + "}"); }
// The only change between two versions of a pool.
Change change_of(const std::string& before, const std::string& after) {
    const auto old_config = pool_with(before);
    const auto changes = diff(&old_config, pool_with(after));
    EXPECT_EQ(changes.size(), 1U);
    return changes.empty() ? Change{} : changes.front();
}

TEST(Diff, NothingChangedIsNothing) {
    const auto config = config_of("a: {command: [x]}, b: {command: [y], restart: {delay: 1s}}");
    EXPECT_THAT(diff(&config, config_of("b: {restart: {delay: 1000ms}, command: y}, a: {command: [x], workers: 1}")),
                IsEmpty());
}

TEST(Diff, WithoutAnEarlierConfigurationAllIsAdded) {
    const auto changes = diff(nullptr, config_of("b: {command: [x]}, a: {command: [x]}"));
    EXPECT_THAT(changes, ElementsAre(Change{.kind = ChangeKind::added, .pool = "a"},
                                     Change{.kind = ChangeKind::added, .pool = "b"}));
}

TEST(Diff, NamesPoolsThatCameAndWentByName) {
    const auto before = config_of("a: {command: [x]}, c: {command: [x]}, d: {command: [x]}");
    const auto changes = diff(&before, config_of("b: {command: [x]}, c: {command: [x]}, e: {command: [x]}"));
    EXPECT_THAT(
        changes,
        ElementsAre(Change{.kind = ChangeKind::removed, .pool = "a"}, Change{.kind = ChangeKind::added, .pool = "b"},
                    Change{.kind = ChangeKind::removed, .pool = "d"}, Change{.kind = ChangeKind::added, .pool = "e"}));
}

TEST(Diff, OnlyWorkersIsAResize) {
    const auto change = change_of("workers: 1", "workers: 2");
    EXPECT_EQ(change.kind, ChangeKind::resized);
    EXPECT_THAT(change.fields, ElementsAre("workers"));
    EXPECT_THAT(change.respawn_fields, IsEmpty());
}

TEST(Diff, LiveFieldsTune) {
    const auto change = change_of("workers: 1", "workers: 2, restart: {delay: 1s}, stop: {timeout: 1s}, cpu: none");
    EXPECT_EQ(change.kind, ChangeKind::tuned);
    EXPECT_THAT(change.fields, ElementsAre("workers", "cpu", "restart.delay", "stop.timeout"));
    EXPECT_THAT(change.respawn_fields, IsEmpty());
}

TEST(Diff, OneFieldThatForcesARespawnReplaces) {
    const auto change = change_of("workers: 1", "workers: 2, env: {A: 1}, restart: {delay: 1s}");
    EXPECT_EQ(change.kind, ChangeKind::replaced);
    EXPECT_THAT(change.fields, ElementsAre("workers", "env", "restart.delay"));
    EXPECT_THAT(change.respawn_fields, ElementsAre("env"));
}

TEST(Diff, APriorityChangesLiveAnotherTargetDoesNot) {
    EXPECT_EQ(change_of("log: {stdout: info}", "log: {stdout: debug}").kind, ChangeKind::tuned);
    EXPECT_EQ(change_of("log: {stdout: info}", "log: {stdout: null}").kind, ChangeKind::replaced);
    EXPECT_EQ(change_of("log: {stderr: file:/a}", "log: {stderr: file:/b}").kind, ChangeKind::replaced);
}

TEST(Diff, EveryKeyOfAPoolIsCompared) {
    for (const char* keys : {"workers: 2",
                             "cpu: none",
                             "env: {A: 1}",
                             "cwd: /tmp",
                             "user: root",
                             "group: 54321",
                             "supplementary_groups: [54321]",
                             "umask: 077",
                             "nice: 1",
                             "scheduler: idle",
                             "io: {class: idle}",
                             "oom_score_adj: 1",
                             "limits: {core: 0}",
                             "restart: {policy: never}",
                             "restart: {delay: 1s}",
                             "restart: {max_delay: 1m}",
                             "restart: {factor: 3}",
                             "restart: {jitter: 0%}",
                             "restart: {reset_after: 1s}",
                             "restart: {limit: {count: 1, within: 1m}}",
                             "restart: {success: []}",
                             "restart: {fatal: [1]}",
                             "start: {ready: notify}",
                             "start: {timeout: 1s}",
                             "start: {stagger: 1s}",
                             "stop: {signal: INT}",
                             "stop: {timeout: 1s}",
                             "log: {stdout: err}",
                             "log: {stderr: err}"}) {
        const auto change = change_of("", keys);
        EXPECT_FALSE(change.fields.empty()) << keys;
    }
    const auto before = config_of("p: {command: [x]}");
    EXPECT_THAT(diff(&before, config_of("p: {command: [x, y]}")).at(0).respawn_fields, ElementsAre("command"));
}

}  // namespace
}  // namespace pinion::config
