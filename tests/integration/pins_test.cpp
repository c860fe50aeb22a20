// SPDX-License-Identifier: Apache-2.0
// Pins of real trees at level affinity: what a worker has started is held as the worker itself is, with a cgroup and
// without; it moves along; and a worker that has too much to run for its core is told of.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cpu/machine.h"
#include "harness.h"

namespace pinion::test {
namespace {

// Two CPUs that this process may use; fewer on a machine too small.
std::vector<std::uint32_t> two_cpus() {
    auto cpus = cpu::read_affinity(0).value().members();
    if (cpus.size() > 2) cpus.resize(2);
    return cpus;
}

CpuSet mask_of(pid_t pid) { return cpu::read_affinity(pid).value_or(CpuSet{}); }

std::string pool(std::uint32_t cpu) {
    return "version: 1\nmachine: {enforce: affinity, audit: 100ms, foreign_pins: ignore}\npools:\n  w: {command: " +
           test_worker({"escape", "mark"}) + ", cpu: {seats: [\"" + std::to_string(cpu) + "\"]}}\n";
}

// A grandchild that left parent, session and group is given all CPUs, and gets its own back; then the worker moves.
void hold_a_tree(const DaemonOptions& options) {
    const auto cpus = two_cpus();
    if (cpus.size() < 2) GTEST_SKIP() << "there is but one CPU";
    DaemonRun daemon(pool(cpus[0]), options);
    const std::string line = daemon.wait_for("escaped as ");
    ASSERT_FALSE(line.empty());
    const auto escaped = static_cast<pid_t>(std::atoi(line.c_str() + line.find("escaped as ") + 11));
    ASSERT_GT(escaped, 1) << line;
    EXPECT_EQ(mask_of(escaped), CpuSet{cpus[0]});

    ASSERT_TRUE(cpu::pin_process(escaped, CpuSet{cpus[0], cpus[1]}));
    const std::string drift = daemon.wait_for("set again");
    EXPECT_NE(drift.find("w/0 (process " + std::to_string(escaped) + " of its tree)"), std::string::npos) << drift;
    EXPECT_EQ(mask_of(escaped), CpuSet{cpus[0]});

    const pid_t before = daemon.pid_of("w", 0);
    daemon.save(pool(cpus[1]));
    ASSERT_EQ(daemon.ctl({"reload"}).code, 0);
    EXPECT_EQ(daemon.pid_of("w", 0), before) << "it is moved while it lives";
    EXPECT_EQ(mask_of(before), CpuSet{cpus[1]});
    EXPECT_EQ(mask_of(escaped), CpuSet{cpus[1]}) << "and its tree with it";
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Pins, HoldTheWholeTreeWithoutACgroup) { hold_a_tree({}); }

TEST(Pins, HoldTheWholeTreeInACgroup) {
    const CgroupFolder cgroup;
    if (!cgroup.trouble().empty()) GTEST_SKIP() << cgroup.trouble();
    hold_a_tree({.arguments = {"--cgroup", cgroup.path()}});
}

// Somebody else's process, pinned.
class Stranger {
public:
    explicit Stranger(const CpuSet& cpus) : pid_(::fork()) {
        if (pid_ == 0) {
            ::execl("/bin/sleep", "sleep", "1000", nullptr);
            ::_exit(127);
        }
        EXPECT_TRUE(cpu::pin_process(pid_, cpus));
    }
    ~Stranger() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Stranger(const Stranger&) = delete;
    Stranger& operator=(const Stranger&) = delete;
    // Whether a note is of it, perhaps among others.
    [[nodiscard]] bool named_in(const std::string& note) const {
        return note.find("(pid " + std::to_string(pid_) + ",") != std::string::npos ||
               note.find(" more are pinned") != std::string::npos;
    }

private:
    pid_t pid_;
};

TEST(Pins, AStrangerOnAWorkersCpuIsNamedOrKeepsThePoolFromStarting) {
    const auto cpus = two_cpus();
    if (cpus.size() < 2) GTEST_SKIP() << "there is but one CPU";
    const Stranger stranger(CpuSet{cpus[0]});
    const auto text = [&](const char* foreign) {
        return std::string("version: 1\nmachine: {enforce: affinity, foreign_pins: ") + foreign +
               "}\npools:\n  w: {command: " + test_worker({"run"}) + ", cpu: {seats: [\"" + std::to_string(cpus[0]) +
               "\"]}}\n";
    };
    DaemonRun daemon(text("error"));
    const std::string refused = daemon.wait_for("E_FOREIGN_PIN");
    EXPECT_TRUE(stranger.named_in(refused)) << refused;
    EXPECT_EQ(daemon.pid_of("w", 0), 0);

    daemon.save(text("warn"));
    ASSERT_EQ(daemon.ctl({"reload"}).code, 0);
    const std::string warned = daemon.wait_for("W_FOREIGN_PIN");
    EXPECT_TRUE(stranger.named_in(warned)) << warned;
    daemon.wait_for("w/0");
    EXPECT_EQ(daemon.stop(), 0);
}

// One worker on one thread of two; `within` keeps it on one of them.
std::string one_thread(const std::vector<std::uint32_t>& cpus, const std::string& workers, const std::string& within) {
    return "version: 1\nmachine: {enforce: affinity, foreign_pins: ignore, cpus: \"" + std::to_string(cpus[0]) + "," +
           std::to_string(cpus[1]) + "\"}\npools:\n  w: {command: " + test_worker({"run"}) + ", workers: " + workers +
           ", cpu: {seat: 1 thread" + (within.empty() ? "" : ", within: \"" + within + "\"") + "}}\n";
}

TEST(Pins, AreChosenAnewOnRequestOnly) {
    const auto cpus = two_cpus();
    if (cpus.size() < 2) GTEST_SKIP() << "there is but one CPU";
    DaemonRun daemon(one_thread(cpus, "1", std::to_string(cpus[1])));
    const pid_t pid = daemon.pid_of("w", 0);
    daemon.save(one_thread(cpus, "1", ""));
    ASSERT_EQ(daemon.ctl({"reload"}).code, 0);
    EXPECT_EQ(mask_of(pid), CpuSet{cpus[1]}) << "a seat that is good is kept";

    daemon.save(one_thread(cpus, "3", ""));
    const auto refused = daemon.ctl({"rebalance"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("E_OVERSUBSCRIBED"), std::string::npos) << refused.err;
    EXPECT_EQ(mask_of(pid), CpuSet{cpus[1]}) << "nobody has moved";

    daemon.save(one_thread(cpus, "1", ""));
    const auto moved = daemon.ctl({"rebalance"});
    EXPECT_EQ(moved.code, 0) << moved.err;
    EXPECT_NE(moved.out.find("w/0: from CPUs " + std::to_string(cpus[1]) + " to " + std::to_string(cpus[0])),
              std::string::npos)
        << moved.out;
    EXPECT_EQ(daemon.pid_of("w", 0), pid) << "it is moved while it lives";
    EXPECT_EQ(mask_of(pid), CpuSet{cpus[0]});
    EXPECT_GE(daemon.count("rebalance by "), 1);
    EXPECT_NE(daemon.ctl({"rebalance"}).out.find("nothing changed"), std::string::npos);
    EXPECT_EQ(daemon.stop(), 0);
}

TEST(Pins, ASoftWorkerWithMoreToRunThanItsCoreIsToldOf) {
    // One process more than a core of this machine has threads, all of one worker's tree.
    std::uint32_t room = 0;
    const auto machine = cpu::read_machine().value();
    for (const CpuSet& core : machine.cores) room = std::max(room, core.count());
    const std::string spin = "i=0; while [ $$i -le " + std::to_string(room) +
                             " ]; do sh -c \"while :; do :; done\" & i=$$((i+1)); done; wait";
    DaemonRun daemon(
        "version: 1\nmachine: {enforce: affinity, audit: 5s}\npools:\n  greedy: {command: [/bin/sh, -c, '" + spin +
        "'], nice: 19}\n  idle: {command: " + test_worker({"run"}) + "}\n");
    const std::string line = daemon.wait_for("W_STARVED", std::chrono::seconds(90));
    EXPECT_NE(line.find("greedy/0: for 30s it has had more threads to run"), std::string::npos) << line;
    EXPECT_NE(line.find("cpu: none"), std::string::npos) << line;
    EXPECT_EQ(daemon.count("W_STARVED"), 1);
    EXPECT_EQ(daemon.stop(), 0);
}

}  // namespace
}  // namespace pinion::test
