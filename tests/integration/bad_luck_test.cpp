// SPDX-License-Identifier: Apache-2.0
// Workers that misbehave: whatever they do, the daemon answers, stops them and leaves nothing of theirs.
#include <gtest/gtest.h>
#include <signal.h>

#include "harness.h"
#include "tests/hung_mount.h"

namespace pinion::test {
namespace {

std::string pools(const std::string& text) { return "version: 1\npools:\n" + text; }

TEST(BadLuck, AMissingBinaryNamesStagePathAndReasonAndIsTriedAgain) {
    DaemonRun daemon(pools("  gone:\n    command: [/nosuch/program]\n    restart: {delay: 5ms, max_delay: 5ms}\n"));
    const auto first = daemon.wait_for("gone/0: cannot start");
    EXPECT_NE(first.find("exec '/nosuch/program': no such file or directory"), std::string::npos) << first;
    EXPECT_NE(first.find("restarting"), std::string::npos) << first;
    daemon.wait_for("(3 in a row)");
    EXPECT_EQ(daemon.ctl({"is-healthy", "gone"}).code, 3);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(BadLuck, AMissingBinaryOfPolicyNeverFails) {
    DaemonRun daemon(pools("  gone: {command: [/nosuch/program], restart: {policy: never}}\n"));
    daemon.wait_for("not restarted: restart.policy is never");
    EXPECT_EQ(daemon.ctl({"wait", "gone"}).code, 3);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(BadLuck, ABinaryThatAppearsIsStartedByTheNextTry) {
    const ScratchFolder folder;
    const auto program = folder / "late";
    DaemonRun daemon(pools("  late: {command: [" + program + "], restart: {delay: 5ms, max_delay: 5ms}}\n"));
    daemon.wait_for("(2 in a row)");
    write_text(program + ".tmp", "#!/bin/sh\nexec sleep 1000\n");
    std::filesystem::permissions(program + ".tmp", std::filesystem::perms(0755));
    std::filesystem::rename(program + ".tmp", program);
    daemon.wait_for("late/0: started as pid");
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(BadLuck, EveryStageOfAFailedStartIsNamed) {
    const ScratchFolder folder;
    write_text(folder / "plain", "not a program");
    std::string text;
    text += "  denied: {command: [" + (folder / "plain") + "], restart: {policy: never}}\n";
    text += "  cwd: {command: [/bin/true], cwd: /nosuch/folder, restart: {policy: never}}\n";
    text += "  interpreter: {command: [" + (folder / "script") + "], restart: {policy: never}}\n";
    write_text(folder / "script", "#!/nosuch/interpreter\n");
    std::filesystem::permissions(folder / "script", std::filesystem::perms(0755));
    DaemonRun daemon(pools(text));
    EXPECT_EQ(daemon.ctl({"wait"}).code, 3);
    EXPECT_EQ(daemon.stop(), 0);
    const auto has = [&](const std::string& words) {
        EXPECT_EQ(daemon.count(words), 1) << words << " in:\n" << daemon.log();
    };
    has("denied/0: cannot start: exec '" + (folder / "plain") + "': permission denied");
    has("cwd/0: cannot start: cwd '/nosuch/folder': no such file or directory");
    has("interpreter/0: cannot start: exec '/nosuch/interpreter (interpreter of " + (folder / "script") +
        ")': no such file or directory");
}

TEST(BadLuck, ABinaryThatExitsAtOnceIsSlowedDown) {
    DaemonRun daemon(pools("  quick:\n    command: " + test_worker({"exit", "3"}) +
                           "\n    restart: {delay: 10ms, factor: 4, max_delay: 10s, jitter: 0%}\n"));
    EXPECT_NE(daemon.wait_for("quick/0: exit 3").find("restarting at once"), std::string::npos);
    for (const char* row : {"(2 in a row)", "(3 in a row)", "(4 in a row)"}) daemon.wait_for(row);
    EXPECT_EQ(daemon.stop(), 0);
    // The n-th delay is at most its rank's, and grows.
    EXPECT_EQ(daemon.count("restarting in 10ms (2 in a row)") + daemon.count("restarting in 9ms (2 in a row)"), 1);
    EXPECT_EQ(daemon.count("restarting in 40ms (3 in a row)") + daemon.count("restarting in 39ms (3 in a row)"), 1);
    EXPECT_EQ(daemon.count("restarting in 160ms (4 in a row)") + daemon.count("restarting in 159ms (4 in a row)"), 1);
}

// A child that ends while others are still on their way to their programs has its own end told, not that of a stray.
TEST(BadLuck, ManyWorkersThatEndAtOnceAreEachSeenToExit) {
    DaemonRun daemon(
        "version: 1\npools:\n  a: {command: [/bin/true], workers: 400, cpu: none, restart: {policy: never}}\n");
    EXPECT_EQ(daemon.ctl({"wait", "a", "--timeout", "25s"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.count(": exit 0 after "), 400);
    EXPECT_EQ(daemon.count(": SIGKILL after "), 0);
}

TEST(BadLuck, AProgramOnAFileSystemThatHangsHoldsUpNobodyAndCanBeStopped) {
    // Of two that look into one folder the kernel has the second wait for the first, which no signal ends.
    const ScratchFolder folder;
    const ScratchFolder other_folder;
    const HungMount hung(folder.path());
    const HungMount late(other_folder.path());
    if (!hung.mounted() || !late.mounted()) GTEST_SKIP() << "needs root and FUSE";
    DaemonRun daemon(pools("  hung:\n    command: ['" + hung.path("worker") + "']\n    stop: {timeout: 100ms}\n" +
                           "  late:\n    command: ['" + late.path("worker") +
                           "']\n  live:\n    command: " + test_worker({"run"}) + "\n"));
    EXPECT_EQ(daemon.ctl({"wait", "--ready", "live", "--timeout", "25s"}).code, 0);
    EXPECT_NE(daemon.status_json().find(R"("starting")"), std::string::npos);
    EXPECT_EQ(daemon.ctl({"stop", "hung"}).code, 0);
    EXPECT_EQ(daemon.ctl({"wait", "hung", "--timeout", "25s"}).code, 0);
    daemon.signal(SIGTERM);
    daemon.wait_for("piniond: stopping on SIGTERM");
    EXPECT_EQ(daemon.stop(), 0) << "the second word: at once";
    EXPECT_EQ(daemon.count("stopped; nothing is left behind"), 1);
}

TEST(BadLuck, AServiceThatExitsWithSuccessIsSlowedDownToo) {
    DaemonRun daemon(pools("  quick:\n    command: " + test_worker({"exit", "0"}) +
                           "\n    restart: {delay: 20ms, max_delay: 20ms}\n"));
    daemon.wait_for_times("quick/0: exit 0", 4);
    EXPECT_GE(daemon.count("in a row)"), 2);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(BadLuck, AWorkerThatClosesItsOutputLivesOn) {
    DaemonRun daemon(pools("  closer: {command: " + test_worker({"close-output"}) + "}\n"));
    daemon.wait_for("closer/0 | closing");
    const auto pid = daemon.pid_of("closer", 0);
    EXPECT_NE(pid, 0);
    EXPECT_EQ(daemon.ctl({"is-healthy"}).code, 0);
    EXPECT_EQ(daemon.pid_of("closer", 0), pid);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(BadLuck, ATenMegabyteLineIsCutAndTheNextLineComesThrough) {
    DaemonRun daemon("version: 1\ndaemon: {log_lines_per_second: 100000}\npools:\n  big: {command: " +
                     test_worker({"big-line", "10000000"}) + "}\n");
    daemon.wait_for("big/0 | xxxx");
    daemon.wait_for("big/0 | up");
    EXPECT_EQ(daemon.ctl({"is-healthy"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(BadLuck, AFloodIsBoundedCountedAndSlowsNobody) {
    DaemonRun daemon("version: 1\ndaemon: {log_lines_per_second: 50}\npools:\n  flood: {command: " +
                     test_worker({"flood"}) + "}\n  calm: {command: " + test_worker({"run"}) + "}\n");
    daemon.wait_for("flood/0: dropped ");
    EXPECT_EQ(daemon.ctl({"status"}).code, 0);
    EXPECT_EQ(daemon.ctl({"restart", "calm"}).code, 0);
    EXPECT_EQ(daemon.ctl({"stop", "flood"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_LT(daemon.count("talks too much"), 5000) << "the budget of 50 lines a second does not hold";
}

TEST(BadLuck, BinaryOutputIsEscapedAndPrioritiesAreRead) {
    DaemonRun daemon(pools("  bin: {command: " + test_worker({"binary"}) +
                           "}\n  prio: {command: " + test_worker({"priorities"}) + "}\n"));
    daemon.wait_for_times("/0 | up", 2);
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.log().find('\x1b'), std::string::npos) << "a worker can write to the terminal's soul";
    EXPECT_EQ(daemon.count("err     prio/0 | an error"), 1);
    EXPECT_EQ(daemon.count("info    prio/0 | an info"), 1);
    EXPECT_EQ(daemon.count("info    prio/0 | no prefix"), 1);
    EXPECT_EQ(daemon.count("warning prio/0 | on stderr"), 1);
}

TEST(BadLuck, LastWordsStandBeforeTheDeath) {
    DaemonRun daemon(pools("  w: {command: " + test_worker({"say-exit", "farewell", "5"}) +
                           ", restart: {delay: 1ms, max_delay: 1ms}}\n"));
    daemon.wait_for_times("w/0: exit 5", 20);
    daemon.stop();
    std::size_t words = 0;
    std::size_t deaths = 0;
    for (std::size_t at = 0; at != std::string::npos && at < daemon.log().size(); at = daemon.log().find('\n', at)) {
        if (at > 0) ++at;
        const auto line = daemon.log().substr(at, daemon.log().find('\n', at) - at);
        if (line.find("w/0 | farewell") != std::string::npos) ++words;
        if (line.find("w/0: exit 5") != std::string::npos) {
            ++deaths;
            // One that the stop of the daemon meets is no failure, so that nothing needs to be explained.
            EXPECT_NE(line.find("its last line: farewell") == std::string::npos,
                      line.find("stopped as asked") == std::string::npos)
                << line;
            ASSERT_EQ(words, deaths) << line;
        }
    }
}

TEST(BadLuck, ACrashIsToldBySignal) {
    DaemonRun daemon(
        pools("  crash: {command: " + test_worker({"crash"}) + ", limits: {core: 0}, restart: {policy: never}}\n"));
    daemon.wait_for("crash/0: SIGABRT");
    EXPECT_EQ(daemon.ctl({"wait", "crash"}).code, 3);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(BadLuck, AWorkerThatIgnoresSigtermIsKilledAtItsDeadline) {
    DaemonRun daemon(pools("  deaf: {command: " + test_worker({"ignore-term"}) + ", stop: {timeout: 100ms}}\n"));
    daemon.wait_for("deaf/0 | up");
    const auto pid = daemon.pid_of("deaf", 0);
    EXPECT_EQ(daemon.ctl({"stop", "deaf"}).code, 0);
    daemon.wait_for("deaf/0: SIGKILL to all its processes");
    daemon.wait_for("deaf/0: SIGKILL after");
    EXPECT_TRUE(wait_gone(pid));
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(BadLuck, AWorkerThatStoppedItselfCanBeStopped) {
    DaemonRun daemon(pools("  frozen: {command: " + test_worker({"stop-self"}) + ", stop: {timeout: 100ms}}\n"));
    daemon.wait_for("frozen/0 | stopping myself");
    const auto pid = daemon.pid_of("frozen", 0);
    ASSERT_NE(pid, 0) << "a stopped process is no dead one";
    EXPECT_EQ(daemon.ctl({"stop", "frozen"}).code, 0);
    EXPECT_TRUE(wait_gone(pid));
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(BadLuck, AStoppedWorkerIsRestarted) {
    DaemonRun daemon(pools("  w: {command: " + test_worker({"run"}) + ", stop: {timeout: 100ms}}\n"));
    daemon.wait_for("w/0 | up");
    const auto pid = daemon.pid_of("w", 0);
    ASSERT_EQ(::kill(pid, SIGSTOP), 0);
    EXPECT_EQ(daemon.ctl({"restart", "w"}).code, 0);
    EXPECT_NE(daemon.pid_of("w", 0), pid);
    EXPECT_EQ(daemon.stop(), 0);
}

// --- What leaves the worker's session, group and parent. With and without a cgroup.

enum class Home { group, cgroup };

class Escape : public testing::TestWithParam<Home> {
protected:
    void SetUp() override {
        if (GetParam() == Home::group) return;
        cgroup.emplace();
        if (!cgroup->trouble().empty()) GTEST_SKIP() << cgroup->trouble();
        options.arguments = {"--cgroup", cgroup->path()};
    }
    [[nodiscard]] std::string config(const std::string& mode) const {
        return pools("  esc: {command: " + test_worker({mode, mark}) + ", env: {MARK: " + mark +
                     "}, stop: {timeout: 200ms}, restart: {delay: 1ms, max_delay: 1ms}}\n");
    }

    std::optional<CgroupFolder> cgroup;
    DaemonOptions options;
    std::string mark = unique_mark();
};

TEST_P(Escape, NothingIsLeftAfterAStopOfThePool) {
    DaemonRun daemon(config("escape"), options);
    daemon.wait_for("esc/0 | escaped as");
    EXPECT_EQ(processes_with(mark).size(), 2U);
    EXPECT_EQ(daemon.ctl({"stop", "esc"}).code, 0);
    EXPECT_TRUE(processes_with(mark).empty());
    EXPECT_EQ(daemon.ctl({"start", "esc"}).code, 0);
    daemon.wait_for("esc/0 | escaped as");
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_TRUE(processes_with(mark).empty());
}

TEST_P(Escape, ASuccessorNeverMeetsWhatItsPredecessorLeft) {
    DaemonRun daemon(config("escape"), options);
    daemon.wait_for("esc/0 | escaped as");
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(::kill(daemon.pid_of("esc", 0), SIGKILL), 0);
        daemon.wait_for("esc/0 | escaped as");
        EXPECT_EQ(processes_with(mark).size(), 2U);
    }
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_TRUE(processes_with(mark).empty());
}

TEST_P(Escape, NothingIsLeftOfOneThatAlsoDroppedItsEnvironment) {
    DaemonRun daemon(config("escape-clean"), options);
    daemon.wait_for("esc/0 | escaped");
    EXPECT_EQ(processes_with(mark).size(), 2U);
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_TRUE(processes_with(mark).empty());
}

TEST_P(Escape, AStopOfThePoolFindsOneThatAlsoDroppedItsEnvironment) {
    if (GetParam() == Home::group) GTEST_SKIP() << "without a cgroup it is found when the daemon ends";
    DaemonRun daemon(config("escape-clean"), options);
    daemon.wait_for("esc/0 | escaped");
    EXPECT_EQ(daemon.ctl({"stop", "esc"}).code, 0);
    EXPECT_TRUE(processes_with(mark).empty());
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Escape, ThePoolLeavesTheConfigurationWithAllItsProcesses) {
    DaemonRun daemon(config("escape"), options);
    daemon.wait_for("esc/0 | escaped as");
    daemon.save("version: 1\n");
    daemon.wait_for("esc: removed");
    EXPECT_TRUE(processes_with(mark).empty());
    EXPECT_TRUE(!cgroup || cgroup->folders().empty());
    EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(Escape, ASecondDaemonEndsWhatAKilledOneLeft) {
    if (GetParam() == Home::group) GTEST_SKIP() << "without a cgroup an escaped process outlives a killed daemon";
    {
        DaemonRun daemon(config("escape"), options);
        daemon.wait_for("esc/0 | escaped as");
        daemon.signal(SIGKILL);
        EXPECT_EQ(daemon.wait_exit(), 128 + SIGKILL);
        EXPECT_FALSE(processes_with(mark).empty());
    }
    DaemonRun successor("version: 1\n", options);
    successor.wait_for("killed what a dead piniond had left running in 1 slot: esc/0");
    EXPECT_TRUE(processes_with(mark).empty());
    EXPECT_EQ(successor.stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Homes, Escape, testing::Values(Home::group, Home::cgroup),
                         [](const auto& home) { return home.param == Home::group ? "InAProcessGroup" : "InACgroup"; });

}  // namespace
}  // namespace pinion::test
