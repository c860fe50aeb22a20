// SPDX-License-Identifier: Apache-2.0
// A changed configuration: what is unchanged is never touched, what is wrong changes nothing.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "harness.h"

namespace pinion::test {
namespace {

// A pool as text; `more` stands behind its command.
std::string pool(const std::string& name, const std::string& more, const std::string& mode = "run") {
    return "  " + name + ": {command: " + test_worker({mode}) + (more.empty() ? "" : ", " + more) + "}\n";
}

std::string config(const std::string& pools, const std::string& head = "") {
    return "version: 1\n" + head + "pools:\n" + pools;
}

std::vector<pid_t> pids(DaemonRun& daemon, const std::string& name, int workers) {
    std::vector<pid_t> found;
    for (int slot = 0; slot < workers; ++slot) found.push_back(daemon.pid_of(name, slot));
    return found;
}

void become_ready(DaemonRun& daemon) { ASSERT_EQ(daemon.ctl({"wait", "--ready", "--timeout", "25s"}).code, 0); }

// The change is written without the watch noticing, so that the trigger under test is the only one.
const std::string unwatched = "daemon: {watch: false}\n";

TEST(Reload, SighupAppliesTheChange) {
    DaemonRun daemon(config(pool("a", ""), unwatched));
    become_ready(daemon);
    const auto before = daemon.pid_of("a", 0);
    daemon.save(config(pool("a", "") + pool("b", ""), unwatched));
    daemon.signal(SIGHUP);
    daemon.wait_for("b/0: started");
    EXPECT_EQ(daemon.pid_of("a", 0), before);
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.count("a/0: started"), 1);
}

TEST(Reload, ASavedFileAppliesTheChange) {
    DaemonRun daemon(config(pool("a", "")));
    become_ready(daemon);
    const auto before = daemon.pid_of("a", 0);
    daemon.save(config(pool("a", "") + pool("b", "")));  // by a rename, as editors do
    daemon.wait_for("b/0: started");
    write_text(daemon.config_path(), config(pool("a", "") + pool("c", "")));  // in place
    daemon.wait_for("c/0: started");
    EXPECT_EQ(daemon.pid_of("a", 0), before);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, AFileThatAppearsInPoolsDIsNoticed) {
    // A folder stands in for the file of the harness.
    DaemonRun daemon("", {.prefix = {"sh", "-c", "rm \"$3\"; mkdir \"$3\"; exec \"$@\"", "sh"}});
    std::filesystem::create_directories(daemon.config_path() + "/pools.d");
    write_text(daemon.config_path() + "/pools.d/b.yaml", config(pool("b", "")));
    daemon.wait_for("b/0: started");
    write_text(daemon.config_path() + "/pools.d/.swp", "nothing of ours");
    write_text(daemon.config_path() + "/pools.d/a.yaml", config(pool("a", "")));
    daemon.wait_for("a/0: started");
    std::filesystem::remove(daemon.config_path() + "/pools.d/b.yaml");
    daemon.wait_for("b: removed");
    std::filesystem::remove_all(daemon.config_path() + "/pools.d");
    daemon.wait_for("a: removed");
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, AFolderThatIsReplacedIsWatchedOn) {
    DaemonRun daemon("", {.prefix = {"sh", "-c", "rm \"$3\"; mkdir \"$3\"; exec \"$@\"", "sh"}});
    const std::string next = daemon.folder() / "next";
    std::filesystem::create_directories(next + "/pools.d");
    write_text(next + "/pools.d/b.yaml", config(pool("b", "")));
    std::filesystem::rename(daemon.config_path(), daemon.folder() / "old");
    daemon.wait_for("keeping the previous configuration");
    std::filesystem::rename(next, daemon.config_path());
    daemon.wait_for("b/0: started");
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, PinionctlReloadReturnsWhenItIsApplied) {
    DaemonRun daemon(config(pool("a", ""), unwatched));
    become_ready(daemon);
    const auto same = daemon.ctl({"reload"});
    EXPECT_EQ(same.code, 0) << same.err;
    EXPECT_NE(same.out.find("nothing changed"), std::string::npos) << same.out;
    daemon.save(config(pool("a", "") + pool("b", ""), unwatched));
    const auto reload = daemon.ctl({"reload"});
    EXPECT_EQ(reload.code, 0) << reload.err;
    EXPECT_NE(reload.out.find("b added"), std::string::npos) << reload.out;
    EXPECT_EQ(daemon.ctl({"show", "b"}).code, 0) << "it is known when reload has returned";
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, ATouchedFileTouchesNoWorker) {
    DaemonRun daemon(config(pool("a", "workers: 2") + pool("b", "")));
    become_ready(daemon);
    const auto before = pids(daemon, "a", 2);
    for (int i = 0; i < 3; ++i)
        daemon.save("# edited " + std::to_string(i) + "\n" + config(pool("b", "") + pool("a", "workers: 2")));
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    EXPECT_EQ(pids(daemon, "a", 2), before);
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.count(": started as pid"), 3);
}

TEST(Reload, APolicyIsChangedInALivingWorker) {
    DaemonRun daemon(config(pool("a", "restart: {delay: 1h, max_delay: 1h}"), unwatched));
    become_ready(daemon);
    const auto before = daemon.pid_of("a", 0);
    daemon.save(
        config(pool("a", "restart: {delay: 7ms, max_delay: 7ms, jitter: 0%}, stop: {timeout: 123ms}"), unwatched));
    const auto reload = daemon.ctl({"reload"});
    EXPECT_EQ(reload.code, 0);
    EXPECT_NE(reload.out.find("restart.delay"), std::string::npos) << reload.out;
    EXPECT_EQ(daemon.pid_of("a", 0), before);
    // And it holds for the worker that was there before: the second death in a row waits by the new policy.
    ASSERT_EQ(::kill(before, SIGKILL), 0);
    daemon.wait_for("restarting at once");
    const auto next = pid_in(daemon.wait_for("a/0: started as pid "));
    EXPECT_NE(next, before);
    ASSERT_EQ(::kill(next, SIGKILL), 0);
    daemon.wait_for("(2 in a row)");
    daemon.wait_for("a/0: started as pid ");
    EXPECT_EQ(daemon.ctl({"stop", "a"}).code, 0);
    EXPECT_FALSE(daemon.wait_for("SIGKILL in 123ms").empty());
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, AChangedCommandRollsOneAtATimeEachAfterTheOneBeforeIsReady) {
    const auto text = [](const std::string& variable) {
        return config(
            pool("a", "workers: 3, start: {ready: notify}, env: {V: " + variable + "}", "ready") + pool("b", ""),
            unwatched);
    };
    DaemonRun daemon(text("one"));
    become_ready(daemon);
    const auto before = pids(daemon, "a", 3);
    const auto bystander = daemon.pid_of("b", 0);
    daemon.wait_for_times(": ready after", 3);
    daemon.save(text("two"));
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    daemon.wait_for("a: 3 of 3 workers replaced");
    const auto after = pids(daemon, "a", 3);
    for (int i = 0; i < 3; ++i) EXPECT_NE(before[i], after[i]);
    EXPECT_EQ(daemon.pid_of("b", 0), bystander);
    EXPECT_EQ(daemon.stop(), 0);
    // Never two of them away: after each stop of the roll comes the ready of its successor.
    const auto roll = daemon.log().substr(daemon.log().find("a: changed"));
    int away = 0;
    for (std::size_t at = 0, end; (end = roll.find('\n', at)) != std::string::npos; at = end + 1) {
        const auto line = roll.substr(at, end - at);
        if (line.find("piniond: stopping") != std::string::npos) break;
        if (line.find(": stopping with") != std::string::npos) ++away;
        if (line.find(": ready after") != std::string::npos) --away;
        ASSERT_TRUE(away == 0 || away == 1) << roll;
    }
}

TEST(Reload, ABadEditKeepsEverythingAndSaysWhere) {
    const auto good = config(pool("a", ""), unwatched);
    DaemonRun daemon(good);
    become_ready(daemon);
    const auto before = daemon.pid_of("a", 0);
    daemon.save(config(pool("a", "comand: [x]") + pool("b", "workers: yes"), unwatched));
    const auto reload = daemon.ctl({"reload"});
    EXPECT_EQ(reload.code, 1);
    EXPECT_EQ(reload.out, "");
    EXPECT_NE(reload.err.find("pinion.yaml:4:"), std::string::npos) << reload.err;
    EXPECT_NE(reload.err.find("pinion.yaml:5:"), std::string::npos) << "all errors at once: " << reload.err;
    EXPECT_NE(reload.err.find("did you mean 'command'?"), std::string::npos) << reload.err;
    daemon.wait_for("keeping the previous configuration");
    EXPECT_EQ(daemon.pid_of("a", 0), before);
    EXPECT_EQ(daemon.ctl({"show", "b"}).code, 4);
    // It stays refused until it is mended, and then works.
    EXPECT_EQ(daemon.ctl({"reload"}).code, 1);
    daemon.save(good);
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    EXPECT_EQ(daemon.pid_of("a", 0), before);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, AConfigurationThatVanishesKeepsEverything) {
    DaemonRun daemon(config(pool("a", "")));
    become_ready(daemon);
    const auto before = daemon.pid_of("a", 0);
    std::filesystem::remove(daemon.config_path());
    daemon.wait_for("keeping the previous configuration");
    EXPECT_EQ(daemon.ctl({"reload"}).code, 1);
    EXPECT_EQ(daemon.pid_of("a", 0), before);
    daemon.save(config(pool("a", "") + pool("b", "")));
    daemon.wait_for("b/0: started");
    EXPECT_EQ(daemon.pid_of("a", 0), before);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, AnImpossiblePlacementIsRefusedAndChangesNothing) {
    DaemonRun daemon(config(pool("a", ""), unwatched));
    become_ready(daemon);
    const auto before = daemon.pid_of("a", 0);
    daemon.save(config(pool("a", "") + pool("huge", "workers: 500, cpu: 2 cores"), unwatched));
    const auto reload = daemon.ctl({"reload"});
    EXPECT_EQ(reload.code, 1);
    EXPECT_NE(reload.err.find("huge"), std::string::npos) << reload.err;
    EXPECT_EQ(daemon.pid_of("a", 0), before);
    EXPECT_EQ(daemon.ctl({"show", "huge"}).code, 4);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, ACountTouchesOnlyTheSlotsAtTheEnd) {
    const auto text = [](int workers) {
        return config(pool("a", "cpu: none, workers: " + std::to_string(workers)), unwatched);
    };
    DaemonRun daemon(text(2));
    become_ready(daemon);
    const auto before = pids(daemon, "a", 2);
    daemon.save(text(4));
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    become_ready(daemon);
    auto now = pids(daemon, "a", 4);
    EXPECT_EQ((std::vector<pid_t>{now[0], now[1]}), before);
    daemon.save(text(1));
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    daemon.wait_for("a/3: started");
    EXPECT_TRUE(wait_gone(now[1]));
    EXPECT_TRUE(wait_gone(now[2]));
    EXPECT_TRUE(wait_gone(now[3]));
    EXPECT_EQ(daemon.pid_of("a", 0), before[0]);
    daemon.save(text(0));
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    EXPECT_TRUE(wait_gone(before[0]));
    EXPECT_EQ(daemon.ctl({"status", "a"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, APoolThatIsRemovedAndAddedBackStartsAnew) {
    DaemonRun daemon(config(pool("a", "") + pool("b", ""), unwatched));
    become_ready(daemon);
    const auto kept = daemon.pid_of("a", 0);
    const auto gone = daemon.pid_of("b", 0);
    daemon.save(config(pool("a", ""), unwatched));
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    EXPECT_TRUE(wait_gone(gone));
    daemon.wait_for("b: removed");
    EXPECT_EQ(daemon.ctl({"show", "b"}).code, 4);
    daemon.save(config(pool("a", "") + pool("b", ""), unwatched));
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    become_ready(daemon);
    EXPECT_NE(daemon.pid_of("b", 0), gone);
    EXPECT_EQ(daemon.pid_of("a", 0), kept);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, APoolAddedBackWhileItsWorkersStillEndGetsNewOnes) {
    const auto with = config(pool("slow", "stop: {timeout: 300ms}", "ignore-term"), unwatched);
    DaemonRun daemon(with);
    daemon.wait_for("slow/0 | up");
    const auto old = daemon.pid_of("slow", 0);
    daemon.save("version: 1\n" + unwatched);
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    daemon.wait_for("slow/0: stopping with SIGTERM");
    daemon.save(with);
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    daemon.wait_for("slow/0: SIGKILL after");
    const auto successor = pid_in(daemon.wait_for("slow/0: started as pid"));
    EXPECT_NE(successor, old);
    EXPECT_NE(successor, 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, AScaleHoldsUntilTheFileSaysAnotherNumber) {
    const auto text = [](const std::string& more) { return config(pool("a", "cpu: none, " + more), unwatched); };
    DaemonRun daemon(text("workers: 1"));
    become_ready(daemon);
    EXPECT_EQ(daemon.ctl({"scale", "a", "3"}).code, 0);
    const auto scaled = pids(daemon, "a", 3);
    EXPECT_NE(scaled[2], 0);
    daemon.save(text("workers: 1, restart: {delay: 3s}"));
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    EXPECT_EQ(pids(daemon, "a", 3), scaled);
    daemon.save(text("workers: 2, restart: {delay: 3s}"));
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    EXPECT_TRUE(wait_gone(scaled[2]));
    EXPECT_EQ(pids(daemon, "a", 2), (std::vector<pid_t>{scaled[0], scaled[1]}));
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, AStopHoldsOverAReload) {
    DaemonRun daemon(config(pool("a", "") + pool("b", ""), unwatched));
    become_ready(daemon);
    EXPECT_EQ(daemon.ctl({"stop", "a"}).code, 0);
    daemon.save(config(pool("a", "env: {V: other}, workers: 2") + pool("b", "nice: 1"), unwatched));
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    daemon.wait_for("b: 1 of 1 worker replaced");
    EXPECT_EQ(daemon.pid_of("a", 0), 0);
    EXPECT_EQ(daemon.pid_of("a", 1), 0);
    EXPECT_EQ(daemon.ctl({"start", "a"}).code, 0);
    EXPECT_NE(daemon.pid_of("a", 1), 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, WatchFalseNoticesNothingUntilItIsAsked) {
    DaemonRun daemon(config(pool("a", ""), unwatched));
    become_ready(daemon);
    daemon.save(config(pool("a", "") + pool("b", ""), unwatched));
    // Nothing can be waited for that must not happen: that no watch of the folder exists is seen in what the daemon
    // holds open. (It watches cpusets, too.)
    struct stat folder{};
    ASSERT_EQ(::stat(std::filesystem::path(daemon.config_path()).parent_path().c_str(), &folder), 0);
    const std::string watch = fmt::format(" ino:{:x} ", folder.st_ino);
    bool watches = false;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(daemon.pid()) + "/fd")) {
        const auto info =
            read_file("/proc/" + std::to_string(daemon.pid()) + "/fdinfo/" + entry.path().filename().string(), 4096);
        watches = watches || (info && info->find(watch) != std::string::npos);
    }
    EXPECT_FALSE(watches);
    EXPECT_EQ(daemon.ctl({"show", "b"}).code, 4);
    // The reload that takes the change in may also turn the watch on.
    daemon.save(config(pool("a", "")));
    EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    daemon.save(config(pool("a", "") + pool("c", "")));
    daemon.wait_for("c/0: started");
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, ManyReloadsAtOnceAreAllAnswered) {
    DaemonRun daemon(config(pool("a", ""), unwatched));
    become_ready(daemon);
    const auto before = daemon.pid_of("a", 0);
    std::string words;
    for (int i = 0; i < 12; ++i)
        words += "'" + binary("pinionctl") + "' --runtime-dir '" + daemon.runtime_dir() + "' reload & p" +
                 std::to_string(i) + "=$!; ";
    for (int i = 0; i < 12; ++i) words += "wait $p" + std::to_string(i) + " || exit 9; ";
    for (int i = 0; i < 5; ++i) daemon.signal(SIGHUP);
    EXPECT_EQ(run({"sh", "-c", words}).code, 0);
    EXPECT_EQ(daemon.pid_of("a", 0), before);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Reload, AStopDuringAReloadEndsTheDaemon) {
    DaemonRun daemon(config(pool("a", "")));
    daemon.signal(SIGHUP);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait_exit(), 0);
}

}  // namespace
}  // namespace pinion::test
