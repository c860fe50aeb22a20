// SPDX-License-Identifier: Apache-2.0
#include "cpu/machine.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <latch>
#include <thread>

#include "cpu/quota.h"
#include "machines.h"

namespace pinion::cpu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Quota, FindsTheOwnCgroupInBothHierarchies) {
    EXPECT_EQ(parse_self_cgroup("0::/user.slice/a:b\n"), (CgroupPlace{.unified = "/user.slice/a:b", .cpu_v1 = {}}));
    EXPECT_EQ(parse_self_cgroup("9:name=systemd:/\n4:memory:/m\n3:cpuset:/no\n2:cpu,cpuacct:/x\n0::/y\n"),
              (CgroupPlace{.unified = "/y", .cpu_v1 = "/x"}));
    EXPECT_EQ(parse_self_cgroup("junk\n::\n1:cpuacct:/\n"), CgroupPlace{});
}

TEST(Quota, ReadsCgroupMountsOnly) {
    const auto mounts = parse_cgroup_mounts(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
        "33 31 0:30 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
        "41 31 0:38 /a\\040b /sys/fs/cgroup/uni\\134fied rw shared:4 master:2 - cgroup2 cgroup2 rw,nsdelegate\n"
        "broken - cgroup2\n");
    EXPECT_EQ(mounts,
              (std::vector<CgroupMount>{{.unified = false, .root = "/", .folder = "/sys/fs/cgroup/cpu"},
                                        {.unified = true, .root = "/a b", .folder = "/sys/fs/cgroup/uni\\fied"}}));
}

TEST(Quota, WalksFromTheOwnCgroupToTheMount) {
    EXPECT_THAT(cgroup_folders({true, "/", "/c"}, "/a/b"), ElementsAre("/c/a/b", "/c/a", "/c"));
    EXPECT_THAT(cgroup_folders({true, "/", "/c"}, "/"), ElementsAre("/c"));
    EXPECT_THAT(cgroup_folders({true, "/docker/1", "/c"}, "/docker/1/x"), ElementsAre("/c/x", "/c"));
    EXPECT_THAT(cgroup_folders({true, "/docker/1", "/c"}, "/docker/1"), ElementsAre("/c"));
    EXPECT_THAT(cgroup_folders({true, "/docker/1", "/c"}, "/docker/12/x"), ElementsAre("/c"));
}

TEST(Quota, ParsesWhatTheKernelWrites) {
    EXPECT_EQ(parse_cpu_max("250000 100000\n"), 2.5);
    EXPECT_EQ(parse_cpu_max("max 100000\n"), std::nullopt);
    EXPECT_EQ(parse_cpu_max(""), std::nullopt);
    EXPECT_EQ(parse_cpu_max("1 0\n"), std::nullopt);
    EXPECT_EQ(parse_cfs_quota("-1\n", "100000\n"), std::nullopt);
    EXPECT_EQ(parse_cfs_quota("50000\n", "100000\n"), 0.5);
}

// A /proc and a cgroup tree in a folder of our own.
class FakeRoot {
public:
    FakeRoot() {
        std::string name = std::filesystem::temp_directory_path() / "pinion-quota-XXXXXX";
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    ~FakeRoot() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    FakeRoot(const FakeRoot&) = delete;
    FakeRoot& operator=(const FakeRoot&) = delete;
    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(folder_ + path).parent_path());
        std::ofstream(folder_ + path) << text;
    }
    [[nodiscard]] const std::string& path() const { return folder_; }

private:
    std::string folder_;
};

TEST(Quota, TheTightestAncestorCounts) {
    const FakeRoot root;
    root.write("/proc/self/cgroup", "2:cpu,cpuacct:/x\n0::/a/b\n");
    root.write("/proc/self/mountinfo",
               "32 31 0:29 / /cg/cpu rw - cgroup cgroup rw,cpu\n41 31 0:38 / /cg/uni rw - cgroup2 cgroup2 rw\n");
    EXPECT_EQ(read_quota(root.path()).value(), std::nullopt);
    root.write("/cg/uni/a/b/cpu.max", "400000 100000\n");
    EXPECT_EQ(read_quota(root.path()).value(), 4.0);
    root.write("/cg/uni/a/cpu.max", "150000 100000\n");
    EXPECT_EQ(read_quota(root.path()).value(), 1.5);
    root.write("/cg/cpu/x/cpu.cfs_quota_us", "120000\n");
    root.write("/cg/cpu/x/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(read_quota(root.path()).value(), 1.2);
    root.write("/cg/uni/other/cpu.max", "1000 100000\n");
    EXPECT_EQ(read_quota(root.path()).value(), 1.2);
}

TEST(EffectiveCpus, AreThoseOfTheNearestCgroupThatTells) {
    const FakeRoot root;
    root.write("/proc/self/cgroup", "3:cpuset:/v1\n0::/a/b\n");
    root.write("/proc/self/mountinfo",
               "32 31 0:29 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n41 31 0:38 / /cg/uni rw - cgroup2 cgroup2 rw\n");
    EXPECT_EQ(read_effective_cpus(root.path()).value(), std::nullopt);
    root.write("/cg/uni/cpuset.cpus.effective", "0-63\n");
    root.write("/cg/uni/a/cpuset.cpus.effective", "0-15\n");
    EXPECT_EQ(read_effective_cpus(root.path()).value()->to_list(), "0-15");
    root.write("/cg/uni/a/b/cpuset.cpus.effective", "2-7\n");
    EXPECT_EQ(read_effective_cpus(root.path()).value()->to_list(), "2-7");
    root.write("/cg/cpuset/v1/cpuset.effective_cpus", "4-31\n");
    EXPECT_EQ(read_effective_cpus(root.path()).value()->to_list(), "4-7");
    root.write("/cg/uni/a/b/cpuset.cpus.effective", "some\n");
    EXPECT_FALSE(read_effective_cpus(root.path()));
}

TEST(Quota, ASystemWithoutCgroupsHasNone) {
    const FakeRoot root;
    EXPECT_EQ(read_quota(root.path()).value(), std::nullopt);
    root.write("/proc/self/cgroup", "0::/\n");
    EXPECT_FALSE(read_quota(root.path()));  // a /proc without mountinfo is none
}

TEST(Machine, ReadsItsOwnLimits) {
    const auto limits = read_limits();
    ASSERT_TRUE(limits) << limits.error().message;
    EXPECT_FALSE(limits->inherited.empty());
    EXPECT_EQ(limits->inherited, read_affinity(static_cast<int>(gettid())).value());
}

TEST(Machine, ReadsItsOwnTopology) {
    const auto topology = read_machine();
    ASSERT_TRUE(topology) << topology.error().message;
    EXPECT_TRUE(read_limits()->inherited.is_subset_of(topology->root.cpus));
    CpuSet in_cores;
    for (const CpuSet& core : topology->cores) {
        EXPECT_FALSE(core.intersects(in_cores));
        in_cores |= core;
    }
    EXPECT_EQ(in_cores, topology->root.cpus);
}

TEST(Machine, AThreadThatIsGoneHasNoMask) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_EQ(read_affinity(child).error().code, ESRCH);
    const auto pinned = pin_process(child, CpuSet{0});
    ASSERT_FALSE(pinned);
    EXPECT_EQ(pinned.error().code, ESRCH);
    EXPECT_THAT(pinned.error().message, HasSubstr("pin process " + std::to_string(child) + " to the CPUs '0': "));
}

TEST(Machine, PinsEveryThreadAndReadsTheMasksBack) {
    const CpuSet before = read_affinity(0).value();
    const CpuSet one{before.first()};
    std::latch started(3);
    std::latch done(1);
    std::vector<int> tids(3);
    std::vector<std::thread> threads;
    for (int& tid : tids)
        threads.emplace_back([&started, &done, &tid] {
            tid = static_cast<int>(gettid());
            started.count_down();
            done.wait();
        });
    started.wait();
    const auto pinned = pin_process(getpid(), one);
    EXPECT_TRUE(pinned) << pinned.error().message;
    EXPECT_EQ(read_affinity(0).value(), one);
    for (const int tid : tids) EXPECT_EQ(read_affinity(tid).value(), one);
    EXPECT_TRUE(pin_process(getpid(), before));
    for (const int tid : tids) EXPECT_EQ(read_affinity(tid).value(), before);
    done.count_down();
    for (std::thread& thread : threads) thread.join();
}

TEST(Machine, ACpuThatIsOfflineIsLeftOutOfAMaskButNotAllOfThem) {
    const CpuSet before = read_affinity(0).value();
    const auto pinned = pin_process(getpid(), CpuSet{before.first(), 4095});
    EXPECT_TRUE(pinned) << pinned.error().message;
    EXPECT_EQ(read_affinity(0).value(), CpuSet{before.first()});
    EXPECT_FALSE(pin_process(getpid(), CpuSet{4095}));
    EXPECT_FALSE(pin_process(getpid(), CpuSet{}));
    EXPECT_TRUE(pin_process(getpid(), before));
}

}  // namespace
}  // namespace pinion::cpu::testing
