// SPDX-License-Identifier: Apache-2.0
// After many lives everything is as it was: descriptors, children, cgroups, memory. PINION_KILLS says how many lives.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

#include "harness.h"

namespace pinion::test {
namespace {

constexpr int workers = 4;

int kills() {
    const char* wish = std::getenv("PINION_KILLS");
    return wish != nullptr ? std::atoi(wish) : 1000;
}

// What a daemon holds.
struct Census {
    std::size_t fds = 0;
    std::size_t children = 0;
    std::size_t processes = 0;
    std::size_t cgroups = 0;
    bool operator==(const Census&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Census& census) {
    return out << census.fds << " descriptors, " << census.children << " children, " << census.processes
               << " processes, " << census.cgroups << " cgroups";
}

std::size_t memory_kib(pid_t pid) {
    const auto status = read_file("/proc/" + std::to_string(pid) + "/status", 1 << 16).value_or("");
    const auto at = status.find("VmRSS:");
    return at == std::string::npos ? 0 : static_cast<std::size_t>(std::atol(status.c_str() + at + 6));
}

void live_many_lives(const DaemonOptions& options, const CgroupFolder* cgroup) {
    const auto mark = unique_mark();
    DaemonRun daemon("version: 1\npools:\n  a: {command: " + test_worker({"run"}) +
                         ", workers: " + std::to_string(workers) + ", cpu: none, env: {MARK: " + mark +
                         "}, start: {ready: exec}, restart: {delay: 1ms, max_delay: 1ms}}\n"
                         "  n: {command: " +
                         test_worker({"ready"}) + ", workers: " + std::to_string(workers) +
                         ", cpu: none, env: {MARK: " + mark +
                         "}, start: {ready: notify}, restart: {delay: 1ms, max_delay: 1ms}}\n",
                     options);
    const auto take = [&] {
        EXPECT_EQ(daemon.ctl({"wait", "--ready", "--timeout", "25s"}).code, 0);
        // The client of the wait is gone when the answer to the next has come.
        const auto count = [&] {
            return Census{open_fds(daemon.pid()), children_of(daemon.pid()).size(), processes_with(mark).size(),
                          cgroup != nullptr ? cgroup->folders().size() : 0};
        };
        Census census = count();
        for (int i = 0; i < 20; ++i) {
            daemon.ctl({"is-healthy"});
            const auto again = count();
            if (again == census) break;
            census = again;
        }
        return census;
    };
    std::vector<pid_t> live;
    const auto next_started = [&] { return pid_in(daemon.wait_for(": started as pid")); };
    for (int i = 0; i < 2 * workers; ++i) live.push_back(next_started());
    const auto before = take();
    EXPECT_EQ(before.children, static_cast<std::size_t>(2 * workers));
    EXPECT_EQ(before.processes, static_cast<std::size_t>(2 * workers));
    std::size_t memory = 0;
    for (int i = 0; i < kills(); ++i) {
        auto& victim = live[static_cast<std::size_t>(i) % live.size()];
        ASSERT_NE(victim, 0) << "after " << i << " kills";
        ASSERT_EQ(::kill(victim, SIGKILL), 0) << "after " << i << " kills";
        victim = next_started();
        if (i == kills() / 4) memory = memory_kib(daemon.pid());
    }
    const auto after = take();
    EXPECT_EQ(before, after);
    EXPECT_LE(memory_kib(daemon.pid()), memory + 1024) << "KiB: its memory grows with the lives it has seen";
    for (const auto pid : children_of(daemon.pid())) {
        const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat", 4096).value_or("");
        EXPECT_EQ(stat.find(") Z "), std::string::npos) << "a zombie: " << stat;
    }
    const auto deaths = daemon.count(": SIGKILL after");
    EXPECT_EQ(deaths, kills()) << "every death has its record";
    EXPECT_EQ(daemon.stop(), 0);
    EXPECT_TRUE(processes_with(mark).empty());
    EXPECT_TRUE(std::filesystem::is_empty(daemon.runtime_dir() + "/notify"));
    EXPECT_TRUE(cgroup == nullptr || cgroup->folders().empty());
}

TEST(Census, AThousandLivesLeaveNothing) { live_many_lives({}, nullptr); }

TEST(Census, AThousandLivesInCgroupsLeaveNothing) {
    const CgroupFolder cgroup;
    if (!cgroup.trouble().empty()) GTEST_SKIP() << cgroup.trouble();
    live_many_lives({.arguments = {"--cgroup", cgroup.path()}}, &cgroup);
}

TEST(Census, ReloadsLeaveNothing) {
    const auto text = [](int i) {
        return "version: 1\ndaemon: {watch: " + std::string(i % 2 == 0 ? "true" : "false") +
               "}\npools:\n  a: {command: " + test_worker({"run"}) + "}\n  p" + std::to_string(i % 3) +
               ": {command: " + test_worker({"run"}) + "}\n";
    };
    DaemonRun daemon(text(0));
    const auto settle = [&] {
        EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
        EXPECT_EQ(daemon.ctl({"wait", "--ready"}).code, 0);
        EXPECT_EQ(daemon.ctl({"is-healthy"}).code, 0);
    };
    settle();
    const auto before = open_fds(daemon.pid());
    for (int i = 1; i <= 12; ++i) {
        daemon.save(text(i));
        EXPECT_EQ(daemon.ctl({"reload"}).code, 0);
    }
    settle();
    EXPECT_EQ(open_fds(daemon.pid()), before);
    EXPECT_EQ(children_of(daemon.pid()).size(), 2U);
    EXPECT_EQ(daemon.stop(), 0);
}

}  // namespace
}  // namespace pinion::test
