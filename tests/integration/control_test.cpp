// SPDX-License-Identifier: Apache-2.0
// Operators' words and their exit codes, order and readiness at start, and the end of the daemon in all its forms.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "harness.h"
#include "wire/json.h"

namespace pinion::test {
namespace {

std::string pools(const std::string& text) { return "version: 1\npools:\n" + text; }
std::string pool(const std::string& name, const std::string& more = "", const std::string& mode = "run") {
    return "  " + name + ": {command: " + test_worker({mode}) + (more.empty() ? "" : ", " + more) + "}\n";
}

void become_ready(DaemonRun& daemon) { ASSERT_EQ(daemon.ctl({"wait", "--ready", "--timeout", "25s"}).code, 0); }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

UniqueFd connect_to(const DaemonRun& daemon) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = daemon.runtime_dir() + "/control.sock";
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << std::strerror(errno);
    return socket;
}

// --- Words

TEST(Control, StopHoldsAndStartEndsIt) {
    DaemonRun daemon(pools(pool("a", "workers: 2") + pool("b")));
    become_ready(daemon);
    const auto before = daemon.pid_of("a", 0);
    const auto bystander = daemon.pid_of("b", 0);
    EXPECT_EQ(daemon.ctl({"stop", "a"}).code, 0);
    EXPECT_TRUE(wait_gone(before)) << "stop returns when it is done";
    EXPECT_EQ(daemon.pid_of("a", 0), 0);
    EXPECT_EQ(daemon.ctl({"stop", "a"}).code, 0) << "twice is no mistake";
    EXPECT_EQ(daemon.ctl({"start", "a"}).code, 0);
    const auto after = daemon.pid_of("a", 0);
    EXPECT_NE(after, 0);
    EXPECT_EQ(daemon.ctl({"start", "a"}).code, 0);
    EXPECT_EQ(daemon.pid_of("a", 0), after) << "a start of what runs does nothing";
    EXPECT_EQ(daemon.pid_of("b", 0), bystander);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Control, OneWorkerIsStoppedAndStartedAlone) {
    DaemonRun daemon(pools(pool("a", "workers: 3")));
    become_ready(daemon);
    const auto zero = daemon.pid_of("a", 0);
    EXPECT_EQ(daemon.ctl({"stop", "a/1"}).code, 0);
    EXPECT_EQ(daemon.pid_of("a", 1), 0);
    EXPECT_EQ(daemon.pid_of("a", 0), zero);
    EXPECT_EQ(daemon.ctl({"start", "a/1"}).code, 0);
    EXPECT_NE(daemon.pid_of("a", 1), 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Control, RestartReplacesEveryWorker) {
    DaemonRun daemon(pools(pool("a", "workers: 3")));
    become_ready(daemon);
    std::vector<pid_t> before;
    for (int slot = 0; slot < 3; ++slot) before.push_back(daemon.pid_of("a", slot));
    EXPECT_EQ(daemon.ctl({"restart", "a"}).code, 0);
    for (int slot = 0; slot < 3; ++slot) {
        EXPECT_NE(daemon.pid_of("a", slot), before[static_cast<std::size_t>(slot)]);
        EXPECT_TRUE(wait_gone(before[static_cast<std::size_t>(slot)]));
    }
    EXPECT_EQ(daemon.ctl({"is-healthy"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Control, KillSendsTheSignalAndTheDeathIsNoStop) {
    DaemonRun daemon(pools(pool("a", "limits: {core: 0}, restart: {delay: 1ms, max_delay: 1ms}")));
    become_ready(daemon);
    daemon.wait_for("a/0 | up");
    EXPECT_EQ(daemon.ctl({"kill", "-s", "USR1", "a"}).code, 0);
    daemon.wait_for("a/0: SIGUSR1 after");
    daemon.wait_for("a/0 | up");
    EXPECT_EQ(daemon.ctl({"kill", "-s", "9", "a/0"}).code, 0);
    daemon.wait_for("a/0: SIGKILL after");
    daemon.wait_for("a/0: started");
    EXPECT_EQ(daemon.ctl({"kill", "-s", "NOSUCH", "a"}).code, 2);
    EXPECT_EQ(daemon.ctl({"kill", "-s", "0", "a"}).code, 2);
    EXPECT_EQ(daemon.ctl({"kill", "-s", "65", "a"}).code, 2);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Control, ScaleChangesTheNumberAndKeepsItsBounds) {
    DaemonRun daemon(pools(pool("a", "cpu: none")));
    become_ready(daemon);
    const auto zero = daemon.pid_of("a", 0);
    EXPECT_EQ(daemon.ctl({"scale", "a", "4"}).code, 0);
    EXPECT_NE(daemon.pid_of("a", 3), 0);
    EXPECT_EQ(daemon.ctl({"scale", "a", "1"}).code, 0);
    EXPECT_EQ(daemon.pid_of("a", 1), 0);
    EXPECT_EQ(daemon.pid_of("a", 0), zero);
    EXPECT_NE(daemon.ctl({"scale", "a", "1001"}).code, 0);
    EXPECT_EQ(daemon.ctl({"scale", "a", "-1"}).code, 2);
    EXPECT_EQ(daemon.ctl({"scale", "a", "x"}).code, 2);
    EXPECT_EQ(daemon.ctl({"scale", "nosuch", "1"}).code, 4);
    EXPECT_EQ(daemon.ctl({"scale", "a", "0"}).code, 0);
    EXPECT_EQ(daemon.pid_of("a", 0), 0);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Control, WaitIsJoinAndTellsOfFailure) {
    DaemonRun daemon(pools("  good: {command: " + test_worker({"exit", "0"}) + ", restart: {policy: on_failure}}\n" +
                           "  bad: {command: " + test_worker({"exit", "7"}) + ", restart: {policy: never}}\n" +
                           pool("service")));
    EXPECT_EQ(daemon.ctl({"wait", "good"}).code, 0);
    const auto bad = daemon.ctl({"wait", "bad"});
    EXPECT_EQ(bad.code, 3);
    EXPECT_TRUE(contains(bad.err, "exit 7")) << bad.err;
    EXPECT_EQ(daemon.ctl({"wait", "service", "--timeout", "50ms"}).code, 3);
    EXPECT_EQ(daemon.ctl({"wait", "nosuch"}).code, 4);
    EXPECT_EQ(daemon.ctl({"wait", "--timeout", "x"}).code, 2);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Control, AFatalCodeIsNotRestartedUntilSomebodyStartsIt) {
    DaemonRun daemon(pools("  f: {command: " + test_worker({"exit", "78"}) + ", restart: {fatal: [78]}}\n"));
    daemon.wait_for("not restarted: its restart.fatal lists this");
    EXPECT_EQ(daemon.ctl({"is-healthy"}).code, 3);
    daemon.ctl({"start", "f"});
    daemon.wait_for("not restarted: its restart.fatal lists this");
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Control, ALimitThatIsExceededIsSaidAndAStartClearsIt) {
    DaemonRun daemon(pools("  l: {command: " + test_worker({"exit", "1"}) +
                           ", restart: {delay: 1ms, max_delay: 1ms, limit: {count: 3, within: 60s}}}\n"));
    daemon.wait_for("not restarted: restart.limit is exceeded");
    EXPECT_EQ(daemon.count("l/0: exit 1"), 4);
    EXPECT_NE(daemon.ctl({"start", "l"}).code, 124);
    daemon.wait_for("not restarted: restart.limit is exceeded");
    EXPECT_EQ(daemon.count("l/0: exit 1"), 8);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Control, IsHealthyIsSilentAndCountsStartingAsIll) {
    DaemonRun daemon(pools(pool("good") + pool("waiting", "start: {ready: notify}")));
    const auto ill = daemon.ctl({"is-healthy"});
    EXPECT_EQ(ill.code, 3);
    EXPECT_EQ(ill.out + ill.err, "");
    EXPECT_EQ(daemon.ctl({"is-healthy", "good"}).code, 0);
    EXPECT_EQ(daemon.ctl({"is-healthy", "waiting"}).code, 3);
    EXPECT_EQ(daemon.ctl({"is-healthy", "nosuch"}).code, 4);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Control, ExplainShowEventsAndCatTellWhatTheyKnow) {
    DaemonRun daemon(pools("  e: {command: " + test_worker({"say-exit", "farewell", "3"}) +
                           ", restart: {delay: 1h, max_delay: 1h}}\n" + pool("ok")));
    daemon.wait_for("(2 in a row)");
    const auto explained = daemon.ctl({"explain", "e/0"});
    EXPECT_EQ(explained.code, 0);
    for (const char* words : {"backoff", "exit 3", "farewell", "generation 1", "generation 2", "always"})
        EXPECT_TRUE(contains(explained.out, words)) << words << " in:\n" << explained.out;
    EXPECT_EQ(daemon.ctl({"explain", "e/1"}).code, 4);
    EXPECT_EQ(daemon.ctl({"explain", "e/x"}).code, 2);

    const auto show = daemon.ctl({"show", "ok/0", "-p", "Pid,State"});
    EXPECT_EQ(show.code, 0);
    EXPECT_TRUE(contains(show.out, "Pid=" + std::to_string(daemon.pid_of("ok", 0)) + "\n")) << show.out;
    EXPECT_TRUE(contains(show.out, "State=running\n")) << show.out;
    EXPECT_EQ(daemon.ctl({"show", "nosuch"}).code, 4);

    const auto events = daemon.ctl({"events", "--json"});
    EXPECT_EQ(events.code, 0);
    int lines = 0;
    for (std::size_t at = 0, end; (end = events.out.find('\n', at)) != std::string::npos; at = end + 1, ++lines)
        EXPECT_TRUE(wire::Json::parse(events.out.substr(at, end - at))) << events.out.substr(at, end - at);
    EXPECT_GE(lines, 5);
    EXPECT_TRUE(contains(events.out, "worker-died"));

    // The record of a death names the process that died, though its successor may run by then.
    const auto pid = daemon.pid_of("ok", 0);
    EXPECT_EQ(daemon.ctl({"kill", "-s", "KILL", "ok/0"}).code, 0);
    daemon.wait_for("ok/0: started as pid");
    const auto all = daemon.ctl({"events", "--json"}).out;
    const auto died = all.find("\"message\":\"ok/0: SIGKILL");
    ASSERT_NE(died, std::string::npos) << all;
    const auto death = all.substr(died, all.find('\n', died) - died);
    EXPECT_TRUE(contains(death, "\"OBJECT_PID\":\"" + std::to_string(pid) + "\"")) << death;

    const auto cat = run({binary("pinionctl"), "--config", daemon.config_path(), "cat"});
    EXPECT_EQ(cat.code, 0) << cat.err;
    EXPECT_TRUE(contains(cat.out, "max_delay")) << cat.out;
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Control, StatusIsATableOrOneDocument) {
    DaemonRun daemon(pools(pool("a", "workers: 2") + pool("z")));
    become_ready(daemon);
    const auto table = daemon.ctl({"status"});
    EXPECT_EQ(table.code, 0);
    EXPECT_TRUE(table.out.starts_with("POOL")) << table.out;
    EXPECT_FALSE(contains(table.out, "\x1b"));
    const auto status = wire::Json::parse(daemon.status_json());
    ASSERT_TRUE(status);
    EXPECT_EQ(status->find("version")->as_int(), 1);
    EXPECT_EQ(status->find("pools")->items().size(), 2U);
    EXPECT_EQ(daemon.ctl({"status", "nosuch"}).code, 4);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Control, AnUnknownNameIsFourAndChangesNothing) {
    DaemonRun daemon(pools(pool("web")));
    become_ready(daemon);
    const auto before = daemon.pid_of("web", 0);
    for (const char* verb : {"stop", "start", "restart"}) {
        const auto answer = daemon.ctl({verb, "web", "wbe"});
        EXPECT_EQ(answer.code, 4) << verb;
        EXPECT_TRUE(contains(answer.err, "did you mean 'web'?")) << answer.err;
        EXPECT_EQ(daemon.ctl({verb, "web/1"}).code, 4) << verb;
        EXPECT_EQ(daemon.ctl({verb, "We b"}).code, 2) << verb;
        EXPECT_EQ(daemon.ctl({verb}).code, 2) << verb;
    }
    EXPECT_EQ(daemon.pid_of("web", 0), before) << "a half-carried-out order";
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.ctl({"status"}).code, 5) << "nobody is there any more";
    EXPECT_EQ(daemon.ctl({"is-healthy"}).code, 5);
    EXPECT_EQ(daemon.ctl({"stop", "web"}).code, 5);
}

// --- Order and readiness

TEST(Start, AfterWaitsUntilTheOtherIsReady) {
    const ScratchFolder folder;
    ASSERT_EQ(run({"mkfifo", folder / "gate"}).code, 0);
    // `first` says READY only when somebody opens the gate.
    DaemonRun daemon(pools("  first:\n    command: [sh, -c, 'read x < " + (folder / "gate") + "; exec " +
                           binary("test_worker") + " ready']\n    start: {ready: notify}\n" +
                           pool("second", "start: {after: [first]}") + pool("third", "start: {after: [second]}")));
    daemon.wait_for("second: starts when first is ready");
    EXPECT_EQ(daemon.pid_of("second", 0), 0);
    write_text(folder / "gate", "open\n");
    daemon.wait_for("third/0: started");
    EXPECT_EQ(daemon.stop(), 0);
    const auto& log = daemon.log();
    EXPECT_LT(log.find("first/0: ready after"), log.find("second/0: started"));
    EXPECT_LT(log.find("second/0: started"), log.find("third/0: started"));
}

TEST(Start, TheTextOfAReadyWorkerIsSeen) {
    DaemonRun daemon(pools(pool("n", "start: {ready: notify}", "ready")));
    become_ready(daemon);
    EXPECT_TRUE(contains(daemon.ctl({"show", "n/0"}).out, "StatusText=serving 7 clients\n"));
    const auto status = daemon.ctl({"status", "n"});
    EXPECT_TRUE(contains(status.out, "serving 7 clients")) << status.out;
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Start, AWorkerThatIsNotReadyInTimeIsReplaced) {
    DaemonRun daemon(
        pools(pool("mute", "start: {ready: notify, timeout: 50ms}, restart: {delay: 1ms, max_delay: 1ms}")));
    daemon.wait_for("mute/0: not ready within start.timeout, after 5");
    daemon.wait_for("mute/0: started");
    daemon.wait_for("mute/0: not ready within start.timeout, after 5");
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Start, OneThatExitsBeforeItIsReadyIsToldSo) {
    DaemonRun daemon(pools("  n: {command: " + test_worker({"exit", "1"}) + ", start: {ready: notify}}\n"));
    daemon.wait_for("while starting");
    EXPECT_EQ(daemon.stop(), 0);
}

// --- Two of them

TEST(Life, ASecondDaemonRefusesAndNamesTheFirst) {
    DaemonRun daemon(pools(pool("a")));
    become_ready(daemon);
    const auto before = daemon.pid_of("a", 0);
    const auto second = run({binary("piniond"), "--config", daemon.config_path(), "--runtime-dir", daemon.runtime_dir(),
                             "--state-dir", daemon.folder() / "other", "--log", "console"});
    EXPECT_EQ(second.code, 1);
    EXPECT_TRUE(contains(second.err, "pid " + std::to_string(daemon.pid()))) << second.err;
    const auto third =
        run({binary("piniond"), "--config", daemon.config_path(), "--runtime-dir", daemon.folder() / "elsewhere",
             "--state-dir", daemon.folder() / "state", "--log", "console"});
    EXPECT_EQ(third.code, 1);
    EXPECT_TRUE(contains(third.err, "pid " + std::to_string(daemon.pid()))) << third.err;
    EXPECT_EQ(daemon.pid_of("a", 0), before) << "the first answers as before";
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Life, WorkersDieWithAKilledDaemonAndANewOneStartsInItsFolders) {
    const auto mark = unique_mark();
    const auto text = pools(pool("a", "workers: 3, env: {MARK: " + mark + "}") +
                            pool("n", "start: {ready: notify}, env: {MARK: " + mark + "}", "ready"));
    DaemonRun daemon(text);
    become_ready(daemon);
    // Right after exec the kernel has not laid out the environment yet, by which they are found.
    daemon.wait_for_times(" | up", 4);
    std::vector<pid_t> workers = processes_with(mark);
    EXPECT_EQ(workers.size(), 4U);
    daemon.signal(SIGKILL);
    EXPECT_EQ(daemon.wait_exit(), 128 + SIGKILL);
    for (const auto pid : workers) EXPECT_TRUE(wait_gone(pid));
    // Its socket and its lock are still there.
    EXPECT_EQ(daemon.ctl({"status"}).code, 5);
    const auto successor =
        run({"sh", "-c",
             "\"$@\" & until \"$PINIONCTL\" --runtime-dir \"$RUN\" wait --ready --timeout 20s 2>/dev/null; "
             "do [ $? = 5 ] || exit 9; done; kill $!; wait $!",
             "sh", binary("piniond"), "--config", daemon.config_path(), "--runtime-dir", daemon.runtime_dir(),
             "--state-dir", daemon.folder() / "state", "--log", "console"},
            "", {"PINIONCTL=" + binary("pinionctl"), "RUN=" + daemon.runtime_dir()});
    EXPECT_EQ(successor.code, 0) << successor.err;
    EXPECT_TRUE(contains(successor.err, "nothing is left behind")) << successor.err;
    EXPECT_TRUE(processes_with(mark).empty());
}

// --- The end

TEST(Life, ASecondSigtermKillsAtOnce) {
    DaemonRun daemon(pools(pool("deaf", "stop: {timeout: 1h}", "ignore-term")));
    daemon.wait_for("deaf/0 | up");
    daemon.signal(SIGTERM);
    daemon.wait_for("deaf/0: stopping with SIGTERM");
    EXPECT_EQ(daemon.ctl({"start", "deaf"}).code, 1) << "nothing starts any more";
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait_exit(), 0);
    EXPECT_EQ(daemon.count("deaf/0: SIGKILL"), 2);
}

TEST(Life, TheShutdownTimeoutEndsTheMostPatientWorker) {
    DaemonRun daemon("version: 1\ndaemon: {shutdown_timeout: 200ms}\npools:\n" +
                     pool("deaf", "stop: {timeout: 1h}", "ignore-term") + pool("linger", "", "linger"));
    daemon.wait_for_times("/0 | up", 2);
    daemon.signal(SIGINT);
    EXPECT_EQ(daemon.wait_exit(), 0);
    EXPECT_EQ(daemon.count("linger/0: exit 0"), 1) << "who ends by itself is not killed";
}

TEST(Life, AShutdownIsNotARestart) {
    DaemonRun daemon(pools(pool("a", "workers: 5, restart: {delay: 1ms, max_delay: 1ms}")));
    become_ready(daemon);
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_EQ(daemon.count("a/0: started"), 1);
    EXPECT_EQ(daemon.count(": started as pid"), 5);
    EXPECT_EQ(daemon.count("stopped as asked"), 5);
}

TEST(Life, AStopAmidACrashStormEnds) {
    DaemonRun daemon(pools("  storm: {command: " + test_worker({"exit", "1"}) +
                           ", workers: 20, cpu: none, restart: {delay: 1ms, max_delay: 1ms}}\n"));
    daemon.wait_for_times("exit 1", 100);
    EXPECT_EQ(daemon.ctl({"status"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_TRUE(contains(daemon.log(), "nothing is left behind"));
}

// --- Clients that misbehave

TEST(Clients, GarbageAndSilenceDisturbNobody) {
    DaemonRun daemon(pools(pool("a")));
    become_ready(daemon);
    const auto before = daemon.pid_of("a", 0);
    std::vector<UniqueFd> clients;
    const std::string huge(1 << 20, 'A');
    for (const std::string& words :
         {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(1, '\0') + "AUTH EXTERNAL\r\n",
          std::string("\0AUTH\r\nBEGIN\r\n\xff\xff", 17), std::string(100, '\0'), huge, std::string(1, '\0') + huge,
          std::string(1, '\0') + "AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nl\x01\0\x01\xff\xff\xff\xff"}) {
        clients.push_back(connect_to(daemon));
        ::fcntl(clients.back().fd(), F_SETFL, O_NONBLOCK);
        static_cast<void>(::send(clients.back().fd(), words.data(), words.size(), MSG_NOSIGNAL));
        EXPECT_EQ(daemon.ctl({"status"}).code, 0);
    }
    clients.clear();
    EXPECT_EQ(daemon.ctl({"restart", "a"}).code, 0);
    EXPECT_NE(daemon.pid_of("a", 0), before);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Clients, OneThatNeverReadsDoesNotHoldTheDaemon) {
    DaemonRun daemon(pools("  storm: {command: " + test_worker({"exit", "1"}) +
                           ", workers: 10, cpu: none, restart: {delay: 1ms, max_delay: 1ms}}\n"));
    // `events -f` that is stopped when its first lines have come.
    const auto file = daemon.runtime_dir() + "/events";
    const auto words = "'" + binary("pinionctl") + "' --runtime-dir '" + daemon.runtime_dir() + "' events -f";
    const auto client = run({"sh", "-c",
                             words + " >'" + file + "' 2>&1 & until [ -s '" + file +
                                 "' ]; do kill -0 $! || exit 1; sleep 0.01; done; kill -STOP $!; echo $!"});
    ASSERT_EQ(client.code, 0) << client.err;
    const pid_t stopped = std::atoi(client.out.c_str());
    ASSERT_GT(stopped, 0);
    daemon.wait_for_times("exit 1", 500);
    EXPECT_EQ(daemon.ctl({"status"}).code, 0);
    EXPECT_EQ(daemon.stop(), 0);
    ::kill(stopped, SIGKILL);
}

TEST(Clients, EightyIdleOnesLeaveRoomOrAreTurnedAway) {
    DaemonRun daemon(pools(pool("a")));
    become_ready(daemon);
    const auto before = open_fds(daemon.pid());
    {
        std::vector<UniqueFd> idle;
        for (int i = 0; i < 80; ++i) idle.push_back(connect_to(daemon));
        // The bound is 64, and 8 more for those who may change things: what comes beyond is told so at once, instead of
        // waiting.
        const auto answer = daemon.ctl({"status"});
        EXPECT_TRUE(answer.code == 0 || answer.code == 5) << answer.code << answer.err;
        EXPECT_LE(open_fds(daemon.pid()), before + 72);
    }
    // They are gone, and so is the crowd.
    int code = 5;
    for (int i = 0; i < 50 && code == 5; ++i) code = daemon.ctl({"status"}).code;
    EXPECT_EQ(code, 0);
    EXPECT_EQ(daemon.ctl({"stop", "a"}).code, 0);
    EXPECT_EQ(open_fds(daemon.pid()), before - 3) << "a worker's pidfd and two pipes are closed, the clients' too";
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Clients, AStrangerMayNotTouchAnything) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    DaemonRun daemon(pools(pool("a")));
    become_ready(daemon);
    const auto before = daemon.pid_of("a", 0);
    std::filesystem::permissions(daemon.folder().path(), std::filesystem::perms(0755));
    for (const char* verb : {"stop", "status", "explain"}) {
        const auto answer =
            run({"setpriv", "--reuid=61234", "--regid=61234", "--clear-groups", binary("pinionctl"), "--runtime-dir",
                 daemon.runtime_dir(), verb, std::string(verb) == "explain" ? "a/0" : "a"});
        EXPECT_EQ(answer.code, 6) << verb << ": " << answer.err;
    }
    EXPECT_EQ(daemon.pid_of("a", 0), before);
    EXPECT_EQ(daemon.stop(), 0);
}

}  // namespace
}  // namespace pinion::test
