// SPDX-License-Identifier: Apache-2.0
// Each stage that can fail, with its errno and what it was about, for each way to make a child.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/mempolicy.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>

#include "harness.h"

namespace pinion::process {
namespace {

using test::image_of;
using test::Method;
using test::spec_of;

// A file that goes with the test.
class TemporaryFile {
public:
    TemporaryFile(const std::string& content, unsigned mode) {
        path_ = std::filesystem::temp_directory_path() / ("pinion-spawn-" + std::to_string(::getpid()));
        std::ofstream(path_) << content;
        ::chmod(path_.c_str(), mode);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::filesystem::remove(path_); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

class SpawnFails : public testing::TestWithParam<Method> {
protected:
    SpawnFailure failure_of(const ChildImage& image, int cgroup_fd = -1) {
        auto child = test::spawn_with(GetParam(), image, cgroup_fd);
        if (!child) return child.error();
        test::await_death(*child);
        return {SpawnStage::fork, 0, "did not fail"};
    }
    SpawnFailure failure_of(const PoolSpec& spec) { return failure_of(image_of(spec).image()); }

    // The same in a process of user `nobody`, which may lack what root can do. Empty where it was not so.
    static bool fails_unprivileged(const std::function<SpawnFailure()>& attempt, const SpawnFailure& expected) {
        return test::in_child_process([&] {
                   if (::geteuid() == 0 && (::setgid(65534) < 0 || ::setuid(65534) < 0)) return 2;
                   const SpawnFailure failure = attempt();
                   if (failure == expected) return 0;
                   std::fprintf(stderr, "got: %s\n", to_string(failure).c_str());
                   return 1;
               }) == 0;
    }
};

INSTANTIATE_TEST_SUITE_P(By, SpawnFails, test::all_methods(), test::method_name);

TEST_P(SpawnFails, OnAMissingProgram) {
    const SpawnFailure failure = failure_of(spec_of({"/nonexistent/program", "x"}));
    EXPECT_EQ(failure, (SpawnFailure{SpawnStage::exec, ENOENT, "/nonexistent/program"}));
    EXPECT_EQ(to_string(failure), "exec '/nonexistent/program': no such file or directory");
}

TEST_P(SpawnFails, OnAProgramThatNoFolderOfThePathHas) {
    EXPECT_EQ(failure_of(spec_of({"nosuch-program"})), (SpawnFailure{SpawnStage::exec, ENOENT, "nosuch-program"}));
}

TEST_P(SpawnFails, OnAFileThatIsNotExecutable) {
    const TemporaryFile file("#!/bin/sh\n", 0644);
    EXPECT_EQ(failure_of(spec_of({file.path()})), (SpawnFailure{SpawnStage::exec, EACCES, file.path()}));
}

TEST_P(SpawnFails, PreferringDeniedOverMissingInThePath) {
    const TemporaryFile file("#!/bin/sh\n", 0644);
    const std::filesystem::path path = file.path();
    PoolSpec spec = spec_of({path.filename()});
    spec.env = {{"PATH", "/nonexistent:" + path.parent_path().string() + ":/usr"}};
    EXPECT_EQ(failure_of(spec), (SpawnFailure{SpawnStage::exec, EACCES, file.path()}));
}

TEST_P(SpawnFails, OnATextWithoutInterpreterRatherThanAskingAShell) {
    const TemporaryFile file("echo oops\n", 0755);
    EXPECT_EQ(failure_of(spec_of({file.path()})), (SpawnFailure{SpawnStage::exec, ENOEXEC, file.path()}));
}

TEST_P(SpawnFails, NamingTheMissingInterpreterOfAScript) {
    const TemporaryFile file("#!/bin/sh\r\necho oops\r\n", 0755);
    EXPECT_EQ(failure_of(spec_of({file.path()})),
              (SpawnFailure{SpawnStage::exec, ENOENT, "/bin/sh\\x0d (interpreter of " + file.path() + ")"}));
}

TEST_P(SpawnFails, OnAFolder) {
    EXPECT_EQ(failure_of(spec_of({"/usr/bin"})), (SpawnFailure{SpawnStage::exec, EACCES, "/usr/bin"}));
}

TEST_P(SpawnFails, OnAMissingFolder) {
    PoolSpec spec = spec_of({"/bin/true"});
    spec.cwd = "/nonexistent";
    EXPECT_EQ(failure_of(spec), (SpawnFailure{SpawnStage::cwd, ENOENT, "/nonexistent"}));
}

TEST_P(SpawnFails, OnAnotherUserWithoutTheRight) {
    EXPECT_TRUE(fails_unprivileged(
        [&] {
            PoolSpec spec = spec_of({"/bin/true"});
            spec.identity = Identity{"www-data", "/var/www", 33, 33, {33}};
            return failure_of(spec);
        },
        {SpawnStage::credentials, EPERM, "www-data"}));
}

TEST_P(SpawnFails, OnALimitAboveTheHardOne) {
    EXPECT_TRUE(fails_unprivileged(
        [&] {
            const rlimit low{10, 10};
            ::setrlimit(RLIMIT_CORE, &low);
            PoolSpec spec = spec_of({"/bin/true"});
            spec.limits = {{RLIMIT_STACK, 1 << 20, 1 << 20}, {RLIMIT_CORE, 11, 11}};
            return failure_of(spec);
        },
        {SpawnStage::limits, EPERM, "core"}));
}

TEST_P(SpawnFails, OnAFileLimitAboveTheHardOne) {
    EXPECT_TRUE(fails_unprivileged(
        [&] {
            const rlimit low{50, 50};
            ::setrlimit(RLIMIT_NOFILE, &low);
            PoolSpec spec = spec_of({"/bin/true"});
            spec.limits = {{RLIMIT_NOFILE, 51, 51}};
            return failure_of(spec);
        },
        {SpawnStage::limits, EPERM, "nofile"}));
}

TEST_P(SpawnFails, OnALimitThatDoesNotExist) {
    PoolSpec spec = spec_of({"/bin/true"});
    spec.limits = {{77, 1, 1}};
    EXPECT_EQ(failure_of(spec), (SpawnFailure{SpawnStage::limits, EINVAL, "limit 77"}));
}

TEST_P(SpawnFails, OnANicenessWithoutTheRight) {
    EXPECT_TRUE(fails_unprivileged(
        [&] {
            PoolSpec spec = spec_of({"/bin/true"});
            spec.nice = -5;
            return failure_of(spec);
        },
        {SpawnStage::scheduler, EACCES, "nice -5"}));
}

TEST_P(SpawnFails, OnAnIoPriorityWithoutTheRight) {
    EXPECT_TRUE(fails_unprivileged(
        [&] {
            PoolSpec spec = spec_of({"/bin/true"});
            spec.io = IoPriority{IoClass::realtime, 0};
            return failure_of(spec);
        },
        {SpawnStage::scheduler, EPERM, "io priority"}));
}

TEST_P(SpawnFails, OnAnOomScoreThatDoesNotExist) {
    PoolSpec spec = spec_of({"/bin/true"});
    spec.oom_score_adj = 1001;
    EXPECT_EQ(failure_of(spec), (SpawnFailure{SpawnStage::oom_score, EINVAL, "1001"}));
}

TEST_P(SpawnFails, OnABadDescriptorLowOrHigh) {
    const PoolSpec spec = spec_of({"/bin/true"});
    EXPECT_EQ(failure_of(image_of(spec, 9999).image()), (SpawnFailure{SpawnStage::stdio, EBADF, "stdout"}));
    EXPECT_EQ(failure_of(image_of(spec, -1, 9999).image()), (SpawnFailure{SpawnStage::stdio, EBADF, "stderr"}));
    prepare_spawning();
    const int free_low = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
    ::close(free_low);
    EXPECT_EQ(failure_of(image_of(spec, free_low).image()), (SpawnFailure{SpawnStage::stdio, EBADF, "stdout"}));
}

TEST_P(SpawnFails, OnACpuThatDoesNotExist) {
    const PoolSpec spec = spec_of({"/bin/true"});
    const cpu::Seat seat{.cpus = {4000}, .mask = {4000}};
    EXPECT_EQ(failure_of(image_of(spec, -1, -1, seat).image()), (SpawnFailure{SpawnStage::affinity, EINVAL, "4000"}));
}

TEST_P(SpawnFails, OnAMemoryNodeThatDoesNotExist) {
    const PoolSpec spec = spec_of({"/bin/true"});
    for (const auto& [policy, name] : {std::pair{MemoryPolicy::strict, "strict, nodes 62-63"},
                                       std::pair{MemoryPolicy::interleave, "interleave, nodes 62-63"},
                                       std::pair{MemoryPolicy::near, "near, nodes 62-63"}}) {
        const cpu::Seat seat{.memory = policy, .memory_nodes = {62, 63}};
        EXPECT_EQ(failure_of(image_of(spec, -1, -1, seat).image()),
                  (SpawnFailure{SpawnStage::memory_policy, EINVAL, name}));
    }
}

// False where this process may not bind itself so.
bool bind_to(std::span<sock_filter> code) {
    const sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// As Docker's default profile does.
bool forbid_memory_policies() {
    sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_set_mempolicy, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    return bind_to(code);
}

// As kernels before 5.15 answer, which don't know it.
bool forget_the_policy_of_many_nodes() {
    sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_set_mempolicy, 0, 3),
                          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MPOL_PREFERRED_MANY, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    return bind_to(code);
}

TEST_P(SpawnFails, OnAMemoryPolicyThatASandboxForbidsUnlessItIsAWish) {
    constexpr int not_possible = 77;
    const int code = test::in_child_process([&] {
        if (!forbid_memory_policies()) return not_possible;
        const auto start = [&](MemoryPolicy policy) {
            const cpu::Seat seat{.memory = policy, .memory_nodes = {0}};
            return test::spawn_with(GetParam(), image_of(spec_of({"/bin/true"}), -1, -1, seat).image());
        };
        const auto near = start(MemoryPolicy::near);
        if (!near || to_string(test::await_death(*near)) != "exit 0") return 1;
        for (const auto policy : {MemoryPolicy::strict, MemoryPolicy::interleave}) {
            const auto refused = start(policy);
            if (refused || refused.error().stage != SpawnStage::memory_policy || refused.error().error != EPERM)
                return 2;
        }
        return 0;
    });
    if (code == not_possible) GTEST_SKIP() << "no seccomp here";
    EXPECT_EQ(code, 0);
}

TEST_P(SpawnFails, NotWhereAnOldKernelKnowsOfOnePreferredNodeOnly) {
    if (::access("/proc/self/numa_maps", R_OK) != 0) GTEST_SKIP() << "this kernel knows no memory nodes";
    constexpr int not_possible = 77;
    const int code = test::in_child_process([&] {
        if (!forget_the_policy_of_many_nodes()) return not_possible;
        const cpu::Seat seat{.memory = MemoryPolicy::near, .memory_nodes = {0, 1}};
        const auto child = test::spawn_with(GetParam(), image_of(spec_of({"/bin/true"}), -1, -1, seat).image());
        return child && to_string(test::await_death(*child)) == "exit 0" ? 0 : 1;
    });
    if (code == not_possible) GTEST_SKIP() << "no seccomp here";
    EXPECT_EQ(code, 0);
}

TEST_P(SpawnFails, InAFolderThatIsNoCgroup) {
    const UniqueFd folder(::open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC));
    const SpawnFailure failure = failure_of(image_of(spec_of({"/bin/true"})).image(), folder.fd());
    EXPECT_EQ(failure.stage, SpawnStage::cgroup);
    EXPECT_NE(failure.error, 0);
    EXPECT_EQ(failure.object, "/usr");
}

TEST_P(SpawnFails, AfterItsParentDied) {
    const ImageBuffer buffer = image_of(spec_of({"/bin/true"}));
    ChildImage image = buffer.image();
    image.die_with_parent = true;
    image.parent_pid = 1;  // as if adopted between the birth and the prctl
    EXPECT_EQ(failure_of(image), (SpawnFailure{SpawnStage::parent_death, ESRCH, "/bin/true"}));
}

TEST_P(SpawnFails, WithoutAFreeDescriptorForThePidfd) {
    prepare_spawning();
    const ImageBuffer buffer = image_of(spec_of({"/bin/true"}));
    ChildImage image = buffer.image();
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    image.stdin_fd = image.stdout_fd = image.stderr_fd = null.fd();  // so that the child needs no new one
    const int code = test::in_child_process([&] {
        const rlimit tight{static_cast<rlim_t>(::fcntl(0, F_DUPFD, 3)), 4096};
        ::close(static_cast<int>(tight.rlim_cur));
        ::setrlimit(RLIMIT_NOFILE, &tight);
        return failure_of(image) == SpawnFailure{SpawnStage::fork, EMFILE, "/bin/true"} ? 0 : 1;
    });
    EXPECT_EQ(code, 0);
}

TEST_P(SpawnFails, WithoutARightToAnotherProcess) {
    const ImageBuffer buffer = image_of(spec_of({"/bin/true"}));
    EXPECT_TRUE(fails_unprivileged(
        [&] {
            const rlimit none{0, 0};
            ::setrlimit(RLIMIT_NPROC, &none);
            return failure_of(buffer.image());
        },
        {SpawnStage::fork, EAGAIN, "/bin/true"}));
}

}  // namespace
}  // namespace pinion::process
