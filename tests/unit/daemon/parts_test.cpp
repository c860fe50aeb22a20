// SPDX-License-Identifier: Apache-2.0
// The small pure parts of the daemon: targets, access, options, usage, the watch's filter, kept lines, STATUS=.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <vector>

#include "daemon/access.h"
#include "daemon/control.h"
#include "daemon/options.h"
#include "daemon/output.h"
#include "daemon/placement.h"
#include "daemon/usage.h"
#include "daemon/views.h"
#include "daemon/watch.h"
#include "model/limits.h"

namespace pinion::daemon {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(Target, IsAPoolOrAPoolAndASlot) {
    EXPECT_EQ(parse_target("web"), (Target{"web", std::nullopt}));
    EXPECT_EQ(parse_target("web/3"), (Target{"web", Slot{3}}));
    EXPECT_EQ(parse_target("web/999")->slot, Slot{999});
}

TEST(Target, RefusesWhatNamesNothing) {
    for (const char* text :
         {"", "/", "web/", "/3", "Web", "web/x", "web/-1", "web/1000", "web/3/4", "we b", "web/99999999999999999999"}) {
        const auto target = parse_target(text);
        ASSERT_FALSE(target) << text;
        EXPECT_EQ(target.error().kind, Refusal::Kind::invalid);
    }
}

TEST(Access, IsByCredentialsOnly) {
    const gid_t readers = 60;
    EXPECT_EQ(access_of({0, {}}, 1000, readers), Access::change);
    EXPECT_EQ(access_of({1000, {}}, 1000, readers), Access::change);
    EXPECT_EQ(access_of({1001, {5, 60}}, 1000, readers), Access::read);
    EXPECT_EQ(access_of({1001, {5, 6}}, 1000, readers), Access::none);
    EXPECT_EQ(access_of({1001, {5, 60}}, 1000, std::nullopt), Access::none);
    EXPECT_EQ(access_of({}, 1000, readers), Access::none);
}

TEST(Options, OfRootAreTheSystemsFolders) {
    const auto options = with_defaults({}, {.root = true});
    EXPECT_EQ(options.config, "/etc/pinion");
    EXPECT_EQ(options.runtime_dir, "/run/pinion");
    EXPECT_EQ(options.state_dir, "/var/lib/pinion");
    EXPECT_TRUE(options.default_runtime_dir);
}

TEST(Options, OfAUserFollowTheBaseDirectories) {
    const auto options = with_defaults({}, {.home = "/home/ann", .xdg_runtime_dir = "/run/user/1000"});
    EXPECT_EQ(options.config, "/home/ann/.config/pinion");
    EXPECT_EQ(options.runtime_dir, "/run/user/1000/pinion");
    EXPECT_EQ(options.state_dir, "/home/ann/.local/state/pinion");
    const auto xdg = with_defaults({}, {.home = "/home/ann", .xdg_config_home = "/c", .xdg_state_home = "/s"});
    EXPECT_EQ(xdg.config, "/c/pinion");
    EXPECT_EQ(xdg.state_dir, "/s/pinion");
}

TEST(Options, TheServiceManagersFoldersWinAndGivenOnesWinOverAll) {
    const Surroundings unit{.root = true, .runtime_directory = "/run/other", .state_directory = "/var/lib/other"};
    const auto options = with_defaults({}, unit);
    EXPECT_EQ(options.runtime_dir, "/run/other");
    EXPECT_EQ(options.state_dir, "/var/lib/other");
    EXPECT_FALSE(options.default_runtime_dir);  // a second instance takes no bus name
    Options given;
    given.runtime_dir = "/r";
    EXPECT_EQ(with_defaults(given, unit).runtime_dir, "/r");
}

TEST(Usage, CountsFieldsFromTheEndOfTheName) {
    const char* stat =
        "4711 (a ) b (c) S 1 4711 4711 0 -1 4194304 100 0 0 0 150 50 20 10 20 0 1 0 12345 10000000 256 "
        "18446744073709551615 0 0 0";
    const auto usage = parse_stat(stat, 100, 4096);
    ASSERT_TRUE(usage);
    EXPECT_EQ(usage->cpu, 2300ms);
    EXPECT_EQ(usage->memory_bytes, 256U * 4096);
}

TEST(Usage, RefusesWhatIsNoStat) {
    EXPECT_FALSE(parse_stat("", 100, 4096));
    EXPECT_FALSE(parse_stat("1 (a", 100, 4096));
    EXPECT_FALSE(parse_stat("1 (a) S 1 2 3", 100, 4096));
    EXPECT_TRUE(process_usage(::getpid()));
    EXPECT_FALSE(process_usage(-1));
}

TEST(Usage, ReadsThePeakOfAProcess) {
    EXPECT_EQ(parse_peak("Name:\tx\nVmPeak:\t   9999 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 1 kB\n"), 1234U * 1024);
    EXPECT_EQ(parse_peak("Name:\tVmHWM: 5 kB\nState:\tZ (zombie)\n"), std::nullopt);
    EXPECT_EQ(parse_peak("VmHWM:\tmuch kB\n"), std::nullopt);
    EXPECT_EQ(parse_peak(""), std::nullopt);
}

TEST(Usage, OfATreeIsTheTimeOfAllAndTheLargestPeak) {
    const pid_t self = ::getpid();
    const auto alone = process_usage(self);
    const auto of_tree = tree_usage(std::vector{self, pid_t{-1}, self});
    ASSERT_TRUE(alone && of_tree);
    EXPECT_GE(of_tree->cpu, alone->cpu * 2);
    EXPECT_GE(of_tree->peak_bytes, alone->memory_bytes / 2);
    EXPECT_EQ(tree_usage({}), std::nullopt);
    EXPECT_EQ(tree_usage(std::vector{pid_t{-1}}), std::nullopt) << "gone";
    const std::vector<pid_t> flood(most_looked_at, -1);
    auto more = flood;
    more.push_back(self);
    EXPECT_EQ(tree_usage(more), std::nullopt) << "one past the bound";
}

TEST(WatchFilter, SeesPoolFilesAndSwappedFoldersOnly) {
    for (const char* name : {"web.yaml", "pinion.yaml", "pools.d", "..data", ""})
        EXPECT_TRUE(concerns_configuration(name, "")) << name;
    for (const char* name : {".web.yaml.swp", "web.yaml~", "4913", "notes.txt"})
        EXPECT_FALSE(concerns_configuration(name, "")) << name;
    EXPECT_TRUE(concerns_configuration("my.conf", "my.conf"));
    EXPECT_FALSE(concerns_configuration("other.yaml", "my.conf"));
}

TEST(KeptLines, AreBoundedByNumberAndBytes) {
    LastLines lines;
    for (std::size_t i = 0; i <= limits::last_lines; ++i) lines.add({{}, log::Priority::info, std::to_string(i)});
    EXPECT_EQ(lines.lines().size(), limits::last_lines);
    EXPECT_EQ(lines.lines().front().text, "1");
    LastLines big;
    big.add({{}, log::Priority::info, std::string(limits::last_lines_bytes - 1, 'a')});
    big.add({{}, log::Priority::info, "b"});
    EXPECT_EQ(big.lines().size(), 2U);
    big.add({{}, log::Priority::info, "c"});
    EXPECT_EQ(big.lines().size(), 2U);
    EXPECT_EQ(big.lines().back().text, "c");
}

TEST(Scales, HoldUntilTheFilesCountChanges) {
    const Scales scales{{"kept", 3}, {"recounted", 3}, {"removed", 3}, {"tuned", 3}};
    const auto left = surviving(scales, {{config::ChangeKind::resized, "recounted", {"workers"}, {}},
                                         {config::ChangeKind::removed, "removed", {}, {}},
                                         {config::ChangeKind::tuned, "tuned", {"restart.delay"}, {}}});
    EXPECT_EQ(left, (Scales{{"kept", 3}, {"tuned", 3}}));
}

TEST(StatusLine, CountsAndNamesTheWorst) {
    using supervise::PoolState;
    using supervise::PoolView;
    PoolView good{.name = "web", .state = PoolState::running, .wanted = 4, .running = 4};
    PoolView degraded{.name = "mail", .state = PoolState::degraded, .wanted = 2, .running = 1};
    PoolView failed{.name = "thumbs", .state = PoolState::failed, .wanted = 1, .note = "exit 127"};
    EXPECT_EQ(status_line({good}, false, ""), "1 pool, 4 of 4 workers running");
    EXPECT_EQ(status_line({degraded, failed, good}, false, ""),
              "3 pools, 5 of 7 workers running; thumbs failed: exit 127");
    EXPECT_THAT(status_line({good}, true, ""), HasSubstr("stopping: 1 pool"));
    EXPECT_THAT(status_line({good}, false, "web.yaml:3:1: error: x"), HasSubstr("refused: web.yaml:3:1"));
}

}  // namespace
}  // namespace pinion::daemon
