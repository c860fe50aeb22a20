// SPDX-License-Identifier: Apache-2.0
// What a spawned program finds, for each way to make a child.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "harness.h"
#include "process/process_facts.h"

namespace pinion::process {
namespace {

using test::Method;
using test::run;
using test::script_of;
using test::spec_of;
using testing::HasSubstr;
using testing::StartsWith;

class Spawn : public testing::TestWithParam<Method> {
protected:
    std::string output_of(const PoolSpec& spec, const cpu::Seat& seat = {}) {
        const auto outcome = run(GetParam(), spec, seat);
        EXPECT_EQ(to_string(outcome.death), "exit 0") << outcome.output;
        return outcome.output;
    }
};

INSTANTIATE_TEST_SUITE_P(By, Spawn, test::all_methods(), test::method_name);

CpuSet own_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    CpuSet cpus;
    for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) cpus.add(cpu);
    return cpus;
}

TEST_P(Spawn, RunsTheProgram) { EXPECT_EQ(output_of(spec_of({"/bin/echo", "hello", "world"})), "hello world\n"); }

TEST_P(Spawn, FindsTheProgramInThePath) {
    PoolSpec spec = spec_of({"echo", "found"});
    spec.env = {{"PATH", "/nonexistent:/etc/passwd:/bin"}};  // ENOENT, ENOTDIR, there
    EXPECT_EQ(output_of(spec), "found\n");
}

TEST_P(Spawn, ReturnsTheExitCode) { EXPECT_EQ(to_string(run(GetParam(), script_of("exit 3")).death), "exit 3"); }

TEST_P(Spawn, GivesExactlyTheDeclaredEnvironment) {
    ::setenv("PINION_TEST_LEAK", "1", 1);
    PoolSpec spec = spec_of({"/usr/bin/env"});
    spec.env = {{"A", "1"}, {"PATH", "/bin"}};
    EXPECT_EQ(output_of(spec),
              "A=1\nPATH=/bin\nPINION_CPUS=\nPINION_GENERATION=1\nPINION_NUMA=\nPINION_POOL=test\n"
              "PINION_SEAT=test/0\nPINION_SLOT=0\n");
}

TEST_P(Spawn, PinsBeforeTheProgramRuns) {
    for (const std::uint32_t cpu : own_cpus().members()) {
        const cpu::Seat seat{.cpus = {cpu}, .mask = {cpu}};
        EXPECT_EQ(output_of(script_of("grep Cpus_allowed_list /proc/self/status"), seat),
                  "Cpus_allowed_list:\t" + std::to_string(cpu) + "\n");
    }
}

// One node is enough to see a policy by: numa_maps names it at each mapping.
TEST_P(Spawn, SetsTheMemoryPolicyBeforeTheProgramRuns) {
    if (::access("/proc/self/numa_maps", R_OK) != 0) GTEST_SKIP() << "this kernel knows no memory nodes";
    const std::pair<MemoryPolicy, const char*> cases[] = {{MemoryPolicy::near, " prefer:0 "},
                                                          {MemoryPolicy::strict, " bind:0 "},
                                                          {MemoryPolicy::interleave, " interleave:0 "},
                                                          {MemoryPolicy::off, " default "}};
    for (const auto& [policy, shown] : cases) {
        const cpu::Seat seat{.nodes = {0}, .memory = policy, .memory_nodes = {0}};
        EXPECT_THAT(output_of(script_of("cat /proc/self/numa_maps"), seat), HasSubstr(shown));
    }
}

TEST_P(Spawn, LeavesOurOwnMemoryPolicy) {
    const cpu::Seat seat{.nodes = {0}, .memory = MemoryPolicy::strict, .memory_nodes = {0}};
    output_of(spec_of({"/bin/true"}), seat);
    int mode = -1;
    if (::syscall(SYS_get_mempolicy, &mode, nullptr, 0, nullptr, 0) != 0) GTEST_SKIP() << errno_text(errno);
    EXPECT_EQ(mode, 0) << "MPOL_DEFAULT";
}

TEST_P(Spawn, LeavesOurOwnMask) {
    const CpuSet before = own_cpus();
    output_of(spec_of({"/bin/true"}), {.cpus = {before.first()}, .mask = {before.first()}});
    EXPECT_EQ(own_cpus(), before);
}

TEST_P(Spawn, MakesASessionAndAGroupOfItsOwn) {
    // /proc/self/stat: pid (comm) state ppid pgrp session
    const std::string text = output_of(script_of("exec cat /proc/self/stat"));
    int pid = 0, parent = 0, group = 0, session = 0;
    ASSERT_EQ(std::sscanf(text.c_str(), "%d (cat) R %d %d %d", &pid, &parent, &group, &session), 4) << text;
    EXPECT_EQ(group, pid);
    EXPECT_EQ(session, pid);
    EXPECT_EQ(parent, ::getpid());
}

TEST_P(Spawn, StartsWithNoSignalBlockedIgnoredOrCaught) {
    // What the daemon has: all blocked, one ignored, one caught.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const auto old_pipe = std::signal(SIGPIPE, SIG_IGN);
    const auto old_hup = std::signal(SIGHUP, [](int) {});
    prepare_spawning();
    const std::string text = output_of(spec_of({"/bin/cat", "/proc/self/status"}));
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, &before, &after);
    EXPECT_EQ(std::signal(SIGPIPE, old_pipe), SIG_IGN);
    EXPECT_NE(std::signal(SIGHUP, old_hup), SIG_DFL);
    EXPECT_TRUE(sigismember(&after, SIGTERM));
    EXPECT_THAT(text, HasSubstr("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n"));
}

TEST_P(Spawn, ShowsTheWorkerItsThreeFilesOnly) {
    const UniqueFd leak(::open("/etc/passwd", O_RDONLY));  // not close-on-exec, as a careless library would
    const UniqueFd high(::fcntl(leak.fd(), F_DUPFD, 200));
    const UniqueFd low(::fcntl(leak.fd(), F_DUPFD, 3));
    EXPECT_EQ(output_of(script_of("exec ls /proc/self/fd")), "0\n1\n2\n3\n");  // 3: the folder that ls reads
}

TEST_P(Spawn, OpensNullWhereNoFileIsGiven) {
    auto pipe = make_pipe().value();
    const ImageBuffer image = test::image_of(spec_of({"/bin/sleep", "1000"}), -1, pipe.write.fd());
    const auto child = test::spawn_with(GetParam(), image.image());
    ASSERT_TRUE(child);
    const auto file = [&](int fd) {
        return std::filesystem::read_symlink("/proc/" + std::to_string(child->pid) + "/fd/" + std::to_string(fd));
    };
    EXPECT_EQ(file(0), "/dev/null");
    EXPECT_EQ(file(1), "/dev/null");
    EXPECT_THAT(file(2).string(), StartsWith("pipe:"));
    EXPECT_TRUE(send_signal(child->pidfd.fd(), SIGKILL));
    test::await_death(*child);
}

TEST_P(Spawn, CrossesTheOutputsWithoutMixingThem) {
    // The worker's stdout is our stderr's number and the other way round, in a process that may lose both.
    const int code = test::in_child_process([&] {
        auto out = make_pipe().value();
        auto err = make_pipe().value();
        ::dup2(out.write.fd(), 2);
        ::dup2(err.write.fd(), 1);
        out.write.reset();
        err.write.reset();
        const ImageBuffer image = test::image_of(script_of("echo to-out; echo to-err >&2"), 2, 1);
        const auto child = test::spawn_with(GetParam(), image.image());
        ::close(1);
        ::close(2);
        const bool right =
            child && test::read_to_end(out.read.fd()) == "to-out\n" && test::read_to_end(err.read.fd()) == "to-err\n";
        return right ? 0 : 1;
    });
    EXPECT_EQ(code, 0);
}

TEST_P(Spawn, WorksInAProcessWithoutStandardFiles) {
    const int code = test::in_child_process([&] {
        auto out = make_pipe().value();
        for (int fd = 0; fd < 3; ++fd) ::close(fd);
        const ImageBuffer image = test::image_of(script_of("exec ls /proc/self/fd"), out.write.fd());
        const auto child = test::spawn_with(GetParam(), image.image());
        out.write.reset();
        return child && test::read_to_end(out.read.fd()) == "0\n1\n2\n3\n" ? 0 : 1;
    });
    EXPECT_EQ(code, 0);
}

TEST_P(Spawn, LeavesOurDescriptorsAsTheyWere) {
    prepare_spawning();
    std::vector<UniqueFd> many;
    for (int i = 0; i < 100; ++i) many.emplace_back(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    output_of(spec_of({"/bin/true"}));
    const auto before = test::open_descriptors();
    output_of(spec_of({"/bin/true"}));
    PoolSpec fails = spec_of({"/nonexistent"});
    EXPECT_FALSE(test::spawn_with(GetParam(), test::image_of(fails, many[50].fd(), many[51].fd()).image()));
    EXPECT_EQ(test::open_descriptors(), before);
}

TEST_P(Spawn, GivesBackTheEndOfAPipe) {
    // With high numbers: a forgotten copy of the write end would hide the end of file.
    std::vector<UniqueFd> many;
    for (int i = 0; i < 30; ++i) many.emplace_back(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    auto pipe = make_pipe().value();
    const ImageBuffer image = test::image_of(spec_of({"/bin/echo", "x"}), pipe.write.fd(), pipe.write.fd());
    const auto child = test::spawn_with(GetParam(), image.image());
    ASSERT_TRUE(child);
    pipe.write.reset();
    EXPECT_EQ(test::read_to_end(pipe.read.fd()), "x\n");
    test::await_death(*child);
}

TEST_P(Spawn, SetsTheUmask) {
    PoolSpec spec = script_of("umask");
    spec.umask = 027;
    const mode_t before = ::umask(022);
    EXPECT_EQ(output_of(spec), "0027\n");
    EXPECT_EQ(::umask(before), 022U);
}

TEST_P(Spawn, SetsTheFolder) {
    PoolSpec spec = spec_of({"/bin/pwd"});
    spec.cwd = "/usr/bin";
    const auto before = std::filesystem::current_path();
    EXPECT_EQ(output_of(spec), "/usr/bin\n");
    EXPECT_EQ(std::filesystem::current_path(), before);
}

TEST_P(Spawn, SetsNicenessAndPolicy) {
    PoolSpec spec = script_of("exec cat /proc/self/sched /proc/self/stat");
    spec.nice = 7;
    spec.scheduler = SchedulerPolicy::batch;
    spec.io = IoPriority{IoClass::idle, 0};
    const int before = ::getpriority(PRIO_PROCESS, 0);
    const std::string text = output_of(spec);
    // Of /proc/self/stat: nice is field 19, the policy field 41.
    const std::string stat = text.substr(text.rfind("(cat) ") + 6);
    std::istringstream words(stat);
    std::vector<std::string> fields{"", "", ""};
    for (std::string word; words >> word;) fields.push_back(word);
    ASSERT_GT(fields.size(), 41U);
    EXPECT_EQ(fields[19], "7");
    EXPECT_EQ(fields[41], std::to_string(SCHED_BATCH));
    EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), before);
    EXPECT_EQ(::sched_getscheduler(0), SCHED_OTHER);
}

TEST_P(Spawn, SetsTheIoPriority) {
    PoolSpec spec = spec_of({"/usr/bin/ionice"});
    spec.io = IoPriority{IoClass::best_effort, 6};
    EXPECT_EQ(output_of(spec), "best-effort: prio 6\n");
}

TEST_P(Spawn, SetsTheOomScoreOfTheChildOnly) {
    const std::string before = read_file("/proc/self/oom_score_adj", 100).value();
    PoolSpec spec = spec_of({"/bin/cat", "/proc/self/oom_score_adj"});
    spec.oom_score_adj = 321;
    EXPECT_EQ(output_of(spec), "321\n");
    EXPECT_EQ(read_file("/proc/self/oom_score_adj", 100).value(), before);
}

TEST_P(Spawn, SetsLimits) {
    PoolSpec spec = script_of("ulimit -n; ulimit -c; ulimit -Hc");
    spec.limits = {{RLIMIT_NOFILE, 100, 200}, {RLIMIT_CORE, 0, 0}};
    EXPECT_EQ(output_of(spec), "100\n0\n0\n");
}

TEST_P(Spawn, SetsAFileLimitThatIsLowerThanItsOwnNeeds) {
    PoolSpec spec = script_of("ulimit -n");
    spec.limits = {{RLIMIT_NOFILE, 3, 3}};
    spec.oom_score_adj = 1;
    // The dynamic linker needs a descriptor of its own: with three it must fail, with four it runs.
    EXPECT_NE(to_string(run(GetParam(), spec).death), "exit 0");
    spec.limits = {{RLIMIT_NOFILE, 4, 4}};
    EXPECT_EQ(output_of(spec), "4\n");
}

TEST_P(Spawn, RestoresTheFileLimitOfTheDaemonsStart) {
    rlimit ours{};
    ::getrlimit(RLIMIT_NOFILE, &ours);
    const PoolSpec spec = script_of("ulimit -Sn; ulimit -Hn");
    const cpu::Seat seat;
    auto pipe = make_pipe().value();
    const auto image = ImageBuffer::build(
        {.spec = spec, .seat = seat, .nofile = {123, ours.rlim_max}, .stdout_fd = pipe.write.fd(), .stderr_fd = 2});
    ASSERT_TRUE(image);
    const auto child = test::spawn_with(GetParam(), image->image());
    pipe.write.reset();
    ASSERT_TRUE(child);
    EXPECT_THAT(test::read_to_end(pipe.read.fd()), StartsWith("123\n"));
    test::await_death(*child);
    rlimit after{};
    ::getrlimit(RLIMIT_NOFILE, &after);
    EXPECT_EQ(after.rlim_cur, ours.rlim_cur);
}

TEST_P(Spawn, BecomesAnotherUser) {
    if (!test::is_root()) GTEST_SKIP() << "only root can become another user";
    PoolSpec spec = script_of("id -u; id -g; id -G; exec grep -E '^Cap(Prm|Eff)' /proc/self/status");
    spec.identity = Identity{"nobody", "/", 65534, 65533, {65533, 4}};
    EXPECT_EQ(output_of(spec), "65534\n65533\n65533 4\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n");
    EXPECT_EQ(::geteuid(), 0U);
}

TEST_P(Spawn, StaysDumpableAfterAChildBecameAnotherUser) {
    if (!test::is_root()) GTEST_SKIP() << "only root can become another user";
    ASSERT_EQ(::prctl(PR_GET_DUMPABLE), 1);
    PoolSpec spec = spec_of({"/bin/true"});
    spec.identity = Identity{"nobody", "/", 65534, 65534, {}};
    output_of(spec);
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 1);
    spec.command.argv = {"/nonexistent"};
    EXPECT_FALSE(test::spawn_with(GetParam(), test::image_of(spec).image()));
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 1);
}

TEST_P(Spawn, LeavesErrnoAlone) {
    const ImageBuffer good = test::image_of(spec_of({"/bin/true"}));
    const ImageBuffer bad = test::image_of(spec_of({"nosuch-program"}));
    (void)test::spawn_with(GetParam(), bad.image());
    const auto child = test::spawn_with(GetParam(), good.image());
    ASSERT_TRUE(child);
    if (GetParam() != Method::clone) {
        test::await_death(*child);
        return;
    }
    errno = 4711;
    const auto another = test::spawn_with(GetParam(), good.image());
    EXPECT_EQ(errno, 4711);
    ASSERT_TRUE(another);
    test::await_death(*child);
    test::await_death(*another);
}

TEST_P(Spawn, DiesWithItsParent) {
    // A middle process spawns and dies; the worker's pipe closes then, if the worker was killed.
    auto pipe = make_pipe().value();
    const pid_t middle = ::fork();
    if (middle == 0) {
        const PoolSpec spec = script_of("echo up; exec sleep 1000");
        const cpu::Seat seat;
        const auto image = ImageBuffer::build(
            {.spec = spec, .seat = seat, .die_with_parent = true, .stdout_fd = pipe.write.fd(), .stderr_fd = 2});
        const auto child = test::spawn_with(GetParam(), image->image());
        ::pause();
        ::_exit(child ? 0 : 1);
    }
    pipe.write.reset();
    EXPECT_EQ(test::read_line(pipe.read.fd()), "up");
    ::kill(middle, SIGKILL);
    test::wait_for(middle);
    EXPECT_EQ(test::read_to_end(pipe.read.fd()), "");
}

TEST_P(Spawn, LeaksNothingOverAThousandSpawns) {
    prepare_spawning();
    const ImageBuffer good = test::image_of(spec_of({"/bin/true"}));
    const ImageBuffer bad = test::image_of(spec_of({"/nonexistent"}));
    (void)test::spawn_with(GetParam(), bad.image());
    const auto before = test::open_descriptors();
    const auto children_before = children_of(::getpid());
    for (int i = 0; i < 1000; ++i) {
        if (i % 2 == 0) {
            ASSERT_FALSE(test::spawn_with(GetParam(), bad.image()));
            continue;
        }
        const auto child = test::spawn_with(GetParam(), good.image());
        ASSERT_TRUE(child);
        ASSERT_EQ(to_string(test::await_death(*child)), "exit 0");
    }
    EXPECT_EQ(test::open_descriptors(), before);
    EXPECT_THAT(children_of(::getpid()), testing::IsSubsetOf(children_before)) << "a zombie is left";
}

TEST(BeginByFork, ReturnsBeforeTheOutcomeIsKnown) {
    const ImageBuffer good = test::image_of(spec_of({"/bin/true"}));
    auto starting = begin_by_fork(good.image(), -1);
    ASSERT_TRUE(starting);
    ASSERT_TRUE(test::wait_readable(starting->status_fd()));
    const auto child = std::move(*starting).finish(good.image());
    ASSERT_TRUE(child);
    EXPECT_EQ(to_string(test::await_death(*child)), "exit 0");

    const ImageBuffer bad = test::image_of(spec_of({"/nonexistent"}));
    auto failing = begin_by_fork(bad.image(), -1);
    ASSERT_TRUE(failing);
    ASSERT_TRUE(test::wait_readable(failing->status_fd()));
    EXPECT_EQ(std::move(*failing).finish(bad.image()).error(),
              (SpawnFailure{SpawnStage::exec, ENOENT, "/nonexistent"}));
}

TEST(SpawnByClone, KeepsFourThousandFilesToItself) {
    prepare_spawning();
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const int wanted = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 4100)) - 100;
    std::vector<UniqueFd> many;
    while (static_cast<int>(many.size()) < wanted) many.emplace_back(::open("/dev/null", O_RDONLY));  // inheritable
    EXPECT_EQ(run(Method::clone, script_of("exec ls /proc/self/fd")).output, "0\n1\n2\n3\n");
    for (const UniqueFd& fd : many) ASSERT_GE(::fcntl(fd.fd(), F_GETFD), 0);
}

}  // namespace
}  // namespace pinion::process
