// SPDX-License-Identifier: Apache-2.0
// A machine that lets the daemon down: no processes, no descriptors, no space, no folder, nobody who reads its log. It
// says so, goes on with what it can, and ends when it is told to.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "harness.h"

namespace pinion::test {
namespace {

using Words = std::vector<std::string>;

std::string pools(const std::string& text) { return "version: 1\npools:\n" + text; }

Words daemon_command(const ScratchFolder& folder, const std::string& runtime, const std::string& state) {
    return {binary("piniond"), "--config", folder / "pinion.yaml", "--runtime-dir", runtime, "--state-dir", state,
            "--log",           "console"};
}

// Whether this user may make a mount namespace of its own.
bool can_mount() { return run({"unshare", "-m", "mount", "-t", "tmpfs", "none", "/tmp"}).code == 0; }

// Starts the command that follows as a user who has no other process. The words after are piniond's: the configuration
// is the third, and its folder is given to that user.
Words as_nobody_else(const std::string& limit) {
    return {"sh", "-c",
            "chown -R 61234:61234 \"$(dirname \"$3\")\" && exec prlimit " + limit +
                " setpriv --reuid=61234 --regid=61234 --clear-groups \"$@\"",
            "sh"};
}

// --- Processes

TEST(Surroundings, AForkThatFailsIsToldAndTriedAgain) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can start it as a user who has no other process";
    // The daemon has two threads, a third while it loads.
    DaemonRun daemon(pools("  many: {command: [/bin/sleep, 1000], workers: 8, stop: {signal: SIGKILL}, "
                           "restart: {delay: 10ms, max_delay: 20ms}}\n"),
                     {.prefix = as_nobody_else("--nproc=5")});
    const auto line = daemon.wait_for("cannot start: fork");
    EXPECT_NE(line.find("resource temporarily unavailable"), std::string::npos) << line;
    EXPECT_NE(line.find("restarting"), std::string::npos) << line;
    EXPECT_EQ(daemon.ctl({"status"}).code, 0);
    // A place becomes free: another worker takes it.
    const auto before = daemon.count("started as pid");
    EXPECT_GE(before, 1);
    daemon.wait_for("in a row)");
    ASSERT_EQ(daemon.ctl({"stop", "many/0"}).code, 0);
    daemon.wait_for(": started as pid");
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Surroundings, AReloadWithoutAThreadToSpareIsAnsweredAllTheSame) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can start it as a user who has no other process";
    const std::string text =
        "  many: {command: [/bin/sleep, 1000], workers: 8, stop: {signal: SIGKILL}, "
        "restart: {delay: 10ms, max_delay: 20ms}}\n";
    DaemonRun daemon(pools(text), {.prefix = as_nobody_else("--nproc=5")});
    daemon.wait_for("cannot start: fork");
    for (int i = 0; i < 5; ++i) {
        const auto reload = daemon.ctl({"reload"});
        EXPECT_EQ(reload.code, 0) << reload.err;
    }
    EXPECT_EQ(daemon.stop(), 0);
}

// --- Descriptors

TEST(Surroundings, WithoutDescriptorsItSaysSoAndStillAnswers) {
    DaemonRun daemon(
        pools("  many: {command: [/bin/sleep, 1000], workers: 30, restart: {delay: 20ms, max_delay: 50ms}}\n"),
        {.prefix = {"prlimit", "--nofile=52:52"}});
    const auto line = daemon.wait_for("cannot start");
    EXPECT_NE(line.find("too many open files"), std::string::npos) << line;
    EXPECT_NE(line.find("restarting"), std::string::npos) << line;
    daemon.wait_for("(4 in a row)");
    for (int i = 0; i < 5; ++i) {
        const auto status = daemon.ctl({"status"});
        EXPECT_EQ(status.code, 0) << status.err;
    }
    EXPECT_GE(daemon.count("started as pid"), 3);
    // With fewer workers wanted there is enough.
    EXPECT_EQ(daemon.ctl({"scale", "many", "2"}).code, 0);
    EXPECT_EQ(daemon.ctl({"wait", "--ready", "many"}).code, 0);
    const auto reload = daemon.ctl({"reload"});
    EXPECT_EQ(reload.code, 0) << reload.err;
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Surroundings, EveryNumberOfDescriptorsIsEnoughOrRefusedWithAReason) {
    for (const int limit : {4, 6, 8, 10, 12, 14, 16, 18, 20, 24}) {
        const auto word = "--nofile=" + std::to_string(limit) + ":" + std::to_string(limit);
        DaemonRun daemon(
            pools("  w: {command: [/bin/sleep, 1000], workers: 2, restart: {delay: 10s, max_delay: 10s}}\n"),
            {.prefix = {"prlimit", word}, .wait_ready = false});
        // Whether it got as far as its loop or not, it must end by itself or by the signal, and never by a fault.
        daemon.signal(SIGTERM);
        const int code = daemon.wait_exit();
        EXPECT_TRUE(code == 0 || code == 1 || code == 78 || code == 127 || code == 128 + SIGTERM)
            << limit << " descriptors: exit " << code << "\n"
            << daemon.log();
    }
}

// --- Disks

TEST(Surroundings, AFullDiskCostsLinesNotWorkers) {
    DaemonRun daemon(pools("  w: {command: " + test_worker({"priorities"}) + ", log: {stdout: \"file:/dev/full\"}}\n"));
    const auto line = daemon.wait_for("could not be written");
    EXPECT_NE(line.find("workers are not slowed"), std::string::npos) << line;
    EXPECT_EQ(daemon.ctl({"is-healthy"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Surroundings, ALogThatFillsItsDiskIsToldAndTheWorkerLivesOn) {
    if (!can_mount()) GTEST_SKIP() << "this user may not mount a small file system";
    const ScratchFolder small;
    const auto mount = "mount -t tmpfs -o size=64k none '" + small.path().string() + "' && exec \"$@\"";
    DaemonRun daemon("version: 1\ndaemon: {log_lines_per_second: 100000}\npools:\n  w: {command: " +
                         test_worker({"big-line", "500000"}) + ", log: {stdout: \"file:" + (small / "log") + "\"}}\n",
                     {.prefix = {"unshare", "-m", "sh", "-c", mount, "sh"}});
    daemon.wait_for("could not be written");
    EXPECT_EQ(daemon.ctl({"is-healthy"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Surroundings, ADiskFullFromTheStartIsAClearRefusal) {
    if (!can_mount()) GTEST_SKIP() << "this user may not mount a small file system";
    const ScratchFolder folder;
    const ScratchFolder full;
    write_text(folder / "pinion.yaml", pools("  w: {command: [/bin/sleep, 1000]}\n"));
    const auto mount = "mount -t tmpfs -o size=8k none '" + full.path().string() + "'; cat /dev/zero > '" +
                       (full / "filler") + "' 2>/dev/null; exec \"$@\"";
    Words command{"unshare", "-m", "sh", "-c", mount, "sh"};
    for (const auto& word : daemon_command(folder, full / "run", full / "state")) command.push_back(word);
    const auto started = run(command);
    EXPECT_EQ(started.code, 1) << started.err;
    EXPECT_NE(started.err.find("no space left on device"), std::string::npos) << started.err;
}

// --- Folders

TEST(Surroundings, AMissingRuntimeFolderIsMade) {
    DaemonRun daemon("version: 1\n");
    EXPECT_TRUE(std::filesystem::is_socket(daemon.runtime_dir() + "/control.sock"));
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_FALSE(std::filesystem::exists(daemon.runtime_dir() + "/control.sock")) << "the socket outlives its daemon";
}

TEST(Surroundings, AnUnusableFolderIsNamed) {
    const ScratchFolder folder;
    write_text(folder / "pinion.yaml", pools("  w: {command: [/bin/sleep, 1000]}\n"));
    write_text(folder / "file", "");
    const auto refused = [&](const std::string& runtime, const std::string& state, const std::string& why) {
        const auto started = run(daemon_command(folder, runtime, state));
        EXPECT_EQ(started.code, 1) << started.err;
        EXPECT_NE(started.err.find(why), std::string::npos) << started.err;
        EXPECT_EQ(started.err.find("started as pid"), std::string::npos) << started.err;
    };
    refused(folder / "file", folder / "state", folder / "file");
    refused(folder / "file/run", folder / "state", folder / "file/run");
    refused(folder / "run", folder / "file", folder / "file");
    refused("/proc/nosuch/run", folder / "state", "/proc/nosuch");
    refused(folder / ("run" + std::string(120, 'n')), folder / "state", "at most");
}

TEST(Surroundings, AReadOnlyFolderIsNamed) {
    const ScratchFolder folder;
    write_text(folder / "pinion.yaml", pools("  w: {command: [/bin/sleep, 1000]}\n"));
    Words command;
    std::filesystem::create_directories(folder / "ro");
    if (::geteuid() != 0) {
        std::filesystem::create_directories(folder / "ro/run");
        std::filesystem::permissions(folder / "ro", std::filesystem::perms(0555));
    } else {
        if (!can_mount()) GTEST_SKIP() << "this user may not mount a read-only file system";
        command = {
            "unshare", "-m", "sh", "-c", "mount -t tmpfs -o ro,size=64k none '" + (folder / "ro") + "' && exec \"$@\"",
            "sh"};
    }
    for (const auto& word : daemon_command(folder, folder / "ro/new", folder / "state")) command.push_back(word);
    const auto started = run(command);
    EXPECT_EQ(started.code, 1) << started.err;
    EXPECT_NE(started.err.find(folder / "ro"), std::string::npos) << started.err;
}

TEST(Surroundings, ARuntimeFolderThatVanishesDoesNotHurt) {
    DaemonRun daemon(pools("  w: {command: " + test_worker({"run"}) +
                           ", restart: {delay: 1ms, max_delay: 1ms}}\n"
                           "  n: {command: " +
                           test_worker({"ready"}) +
                           ", start: {ready: notify}, "
                           "restart: {delay: 5ms, max_delay: 5ms}}\n"));
    EXPECT_EQ(daemon.ctl({"wait", "--ready"}).code, 0);
    const auto pid = daemon.pid_of("w", 0);
    std::filesystem::remove_all(daemon.runtime_dir());
    EXPECT_EQ(daemon.ctl({"status"}).code, 5);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    daemon.wait_for("w/0: SIGKILL after");
    daemon.wait_for("w/0: started");
    EXPECT_EQ(daemon.stop(), 0);
}

// --- Its own output

TEST(Surroundings, StandardStreamsThatAreClosedDoNotHurt) {
    DaemonRun daemon(pools("  w: {command: " + test_worker({"priorities"}) + "}\n"),
                     {.prefix = {"sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"}});
    EXPECT_EQ(daemon.ctl({"wait", "--ready"}).code, 0);
    EXPECT_EQ(daemon.ctl({"restart", "w"}).code, 0);
    const auto pid = daemon.pid_of("w", 0);
    ASSERT_NE(pid, 0);
    // The worker's own streams are its pipes all the same, and its input is empty.
    const auto link = [&](int fd) {
        std::error_code ignored;
        return std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd), ignored)
            .string();
    };
    EXPECT_EQ(link(0), "/dev/null");
    EXPECT_TRUE(link(1).starts_with("pipe:")) << link(1);
    EXPECT_TRUE(link(2).starts_with("pipe:")) << link(2);
    EXPECT_EQ(open_fds(pid), 3U) << "something of the daemon's leaks into its workers";
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Surroundings, AWorkerHasThreeDescriptorsAndNoBlockedSignals) {
    DaemonRun daemon(pools("  w: {command: " + test_worker({"run"}) + ", workers: 3}\n"));
    EXPECT_EQ(daemon.ctl({"wait", "--ready"}).code, 0);
    for (int slot = 0; slot < 3; ++slot) {
        const auto pid = daemon.pid_of("w", slot);
        EXPECT_EQ(open_fds(pid), 3U);
        const auto status = read_file("/proc/" + std::to_string(pid) + "/status", 1 << 16).value_or("");
        EXPECT_NE(status.find("SigBlk:\t0000000000000000"), std::string::npos) << status;
        EXPECT_NE(status.find("SigIgn:\t0000000000000000"), std::string::npos) << status;
    }
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Surroundings, ALogThatNobodyReadsStallsNothing) {
    DaemonRun daemon("version: 1\ndaemon: {log_lines_per_second: 100000}\npools:\n  flood: {command: " +
                     test_worker({"flood"}) + "}\n  calm: {command: " + test_worker({"run"}) + "}\n");
    // Its pipe is full within milliseconds; from here on nobody reads it. All that is asked is still done.
    const auto before = daemon.pid_of("calm", 0);
    EXPECT_EQ(daemon.ctl({"restart", "calm"}).code, 0);
    EXPECT_NE(daemon.pid_of("calm", 0), before);
    EXPECT_EQ(daemon.ctl({"restart", "flood"}).code, 0);
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    daemon.signal(SIGTERM);
    EXPECT_TRUE(wait_gone(daemon.pid()));
    EXPECT_EQ(daemon.wait_exit(), 0);
}

TEST(Surroundings, ALogWhoseReaderWentAwayEndsNothing) {
    // The reader ends after the first line; the next write has none.
    DaemonRun daemon(pools("  w: {command: " + test_worker({"priorities"}) + "}\n"),
                     {.prefix = {"bash", "-c", "exec \"$@\" 2> >(head -n 1 >/dev/null)", "bash"}});
    EXPECT_EQ(daemon.ctl({"wait", "--ready"}).code, 0);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(daemon.ctl({"restart", "w"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Surroundings, AServiceManagerThatReadsNothingStallsNothing) {
    DaemonRun daemon("version: 1\n", {.read_notifications = false});
    // Its socket takes some ten messages; each reload sends two.
    for (int i = 0; i < 12; ++i) EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Surroundings, WithoutAJournalTheWorkersRunOn) {
    if (std::filesystem::exists("/run/systemd/journal/socket")) GTEST_SKIP() << "this machine has a journal";
    DaemonRun daemon("version: 1\ndaemon: {log_lines_per_second: 100000}\npools:\n  flood: {command: " +
                         test_worker({"flood"}) + "}\n  calm: {command: " + test_worker({"run"}) + "}\n",
                     {.log = "journal"});
    EXPECT_EQ(daemon.ctl({"wait", "--ready"}).code, 0);
    EXPECT_EQ(daemon.ctl({"restart", "calm"}).code, 0);
    EXPECT_NE(daemon.ctl({"events"}).out.find("calm/0: started"), std::string::npos);
    EXPECT_EQ(daemon.stop(), 0);
}

}  // namespace
}  // namespace pinion::test
