// SPDX-License-Identifier: Apache-2.0
#include "process/spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "process/child_steps.h"
#include "process/clone.h"
#include "process/low_descriptors.h"
#include "process/raw_syscall.h"
#include "process/spawn_failure.h"
#include "process/spawn_methods.h"

namespace pinion::process {
namespace {

// No handler may run in a child that shares our memory, glibc's internal ones (32, 33) included: hence the raw call.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() noexcept {
        const std::uint64_t all = ~std::uint64_t{0};
        raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof all);
    }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
    ~AllSignalsBlocked() { raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_); }

private:
    std::uint64_t before_ = 0;
};

// "Dumpable" is a property of the memory, and the kernel clears it when a sharer changes its ids: without this a daemon
// that has once started a worker as another user leaves no core and hides its own /proc files.
class DumpableKept {
public:
    explicit DumpableKept(bool needed) noexcept : before_(needed ? ::prctl(PR_GET_DUMPABLE) : -1) {}
    DumpableKept(const DumpableKept&) = delete;
    DumpableKept& operator=(const DumpableKept&) = delete;
    ~DumpableKept() {
        if (before_ >= 0 && ::prctl(PR_GET_DUMPABLE) != before_) ::prctl(PR_SET_DUMPABLE, before_);
    }

private:
    int before_;
};

std::unexpected<SpawnFailure> failed(const StepFailure& failure, const ChildImage& image, int cgroup_fd) {
    return std::unexpected(describe(failure, image, cgroup_fd));
}

std::unexpected<SpawnFailure> failed_at_birth(int error, const ChildImage& image, int cgroup_fd) {
    const bool cgroup = cgroup_fd >= 0 && is_cgroup_error(error);
    return failed({cgroup ? SpawnStage::cgroup : SpawnStage::fork, error, 0}, image, cgroup_fd);
}

// A kernel without clone3, one that knows no CLONE_INTO_CGROUP, or a filter that lets neither through.
bool lacks_clone3(long result) noexcept {
    return result == -ENOSYS || result == -EPERM || result == -E2BIG || result == -EINVAL;
}

void reap_failed(pid_t pid) noexcept {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) < 0 && errno == EINTR) {
    }
}

UniqueFd open_pidfd(pid_t pid) noexcept {
    const long fd = raw_syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) errno = static_cast<int>(-fd);
    return UniqueFd(fd < 0 ? -1 : static_cast<int>(fd));
}

// vfork's two returns share a frame: nothing but the call may live in it.
[[gnu::noinline]] pid_t vfork_and_run(ChildRun* run) noexcept {
    const pid_t pid = ::vfork();
    if (pid == 0) run_child(run);
    return pid;
}

// A pidfd for a child that was made without one. Where there is none, the child can't be watched and is ended.
std::expected<Child, SpawnFailure> adopt(pid_t pid, const ChildImage& image) {
    UniqueFd pidfd = open_pidfd(pid);
    if (pidfd) return Child{pid, std::move(pidfd)};
    const int error = errno;
    ::kill(pid, SIGKILL);
    reap_failed(pid);
    return failed_at_birth(error, image, -1);
}

// Asked before anything is opened: the pidfd or a pipe could take the number of a file that is not open, and the child
// would find it there.
std::optional<StepFailure> find_bad_file(const ChildImage& image) noexcept {
    const std::array<int, 3> files{image.stdin_fd, image.stdout_fd, image.stderr_fd};
    for (int i = 0; i < 3; ++i)
        if (files[static_cast<std::size_t>(i)] >= 0 && ::fcntl(files[static_cast<std::size_t>(i)], F_GETFD) < 0)
            return StepFailure{SpawnStage::stdio, errno, i};
    return std::nullopt;
}

ChildRun run_of(const ChildImage& image) noexcept {
    ChildRun run;
    run.image = &image;
    run.stdio[0] = image.stdin_fd;
    run.stdio[1] = image.stdout_fd;
    run.stdio[2] = image.stderr_fd;
    return run;
}

}  // namespace

void prepare_spawning() noexcept { LowDescriptors::of_this_process().reserve(); }

std::optional<std::expected<Child, SpawnFailure>> spawn_by_clone(const ChildImage& image, int cgroup_fd) {
    if (!has_clone3) return std::nullopt;
    if (const auto bad = find_bad_file(image)) return failed(*bad, image, cgroup_fd);
    ChildRun run = run_of(image);
    auto& low = LowDescriptors::of_this_process();
    LowDescriptors::Staged staged(low);
    run.shares_files = low.reserve();
    if (run.shares_files) {
        std::array<int, 3> fds{image.stdin_fd, image.stdout_fd, image.stderr_fd};
        int which = 0;
        if (const int error = staged.stage(fds, which); error != 0)
            return failed({SpawnStage::stdio, error, which}, image, cgroup_fd);
        std::ranges::copy(fds, run.stdio);
    }
    const std::uint64_t flags = CLONE_VM | CLONE_VFORK | (run.shares_files ? CLONE_FILES : 0);
    int pidfd = -1;
    long pid = 0;
    {
        const DumpableKept dumpable(image.change_identity);
        const AllSignalsBlocked blocked;
        pid = clone_child(flags, cgroup_fd, pidfd, run_child, &run);
    }
    if (lacks_clone3(pid)) return std::nullopt;
    if (pid < 0) return failed_at_birth(static_cast<int>(-pid), image, cgroup_fd);
    Child child{static_cast<pid_t>(pid), UniqueFd(pidfd)};
    if (!run.begun) {
        reap_failed(child.pid);
        return std::nullopt;
    }
    if (run.failure.error == 0) return child;
    reap_failed(child.pid);
    return failed(run.failure, image, cgroup_fd);
}

std::expected<Child, SpawnFailure> spawn_by_vfork(const ChildImage& image, int cgroup_fd) {
    if (const auto bad = find_bad_file(image)) return failed(*bad, image, cgroup_fd);
    ChildRun run = run_of(image);
    run.cgroup_fd = cgroup_fd;
    pid_t pid = -1;
    int error = 0;
    {
        const DumpableKept dumpable(image.change_identity);
        const AllSignalsBlocked blocked;
        pid = vfork_and_run(&run);
        error = errno;
    }
    if (pid < 0) return failed_at_birth(error, image, -1);
    if (run.failure.error == 0) return adopt(pid, image);
    reap_failed(pid);
    return failed(run.failure, image, cgroup_fd);
}

std::expected<Child, SpawnFailure> spawn(const ChildImage& image, int cgroup_fd) {
    if (auto result = spawn_by_clone(image, cgroup_fd)) return *std::move(result);
    return spawn_by_vfork(image, cgroup_fd);
}

std::expected<StartingChild, SpawnFailure> begin_by_fork(const ChildImage& image, int cgroup_fd) {
    if (const auto bad = find_bad_file(image)) return failed(*bad, image, cgroup_fd);
    auto pipe = make_pipe();
    if (!pipe) return failed_at_birth(pipe.error().code, image, -1);
    // Above 2, or the child's standard files would overwrite it.
    const UniqueFd status(::fcntl(pipe->write.fd(), F_DUPFD_CLOEXEC, 3));
    if (!status) return failed_at_birth(errno, image, -1);
    pipe->write.reset();

    ChildRun run = run_of(image);
    run.status_fd = status.fd();
    // It moves itself: a death at birth (see spawn_methods.h) would look like a success from here.
    run.cgroup_fd = cgroup_fd;
    int pidfd = -1;
    long pid = -ENOSYS;
    {
        const AllSignalsBlocked blocked;
        if (has_clone3) pid = clone_child(0, -1, pidfd, run_child, &run);
        if (lacks_clone3(pid)) {
            pid = ::fork();
            if (pid == 0) run_child(&run);
            if (pid < 0) pid = -errno;
        }
    }
    if (pid < 0) return failed_at_birth(static_cast<int>(-pid), image, -1);
    if (pidfd >= 0)
        return StartingChild(Child{static_cast<pid_t>(pid), UniqueFd(pidfd)}, std::move(pipe->read), cgroup_fd);
    auto child = adopt(static_cast<pid_t>(pid), image);
    if (!child) return std::unexpected(std::move(child).error());
    return StartingChild(std::move(*child), std::move(pipe->read), cgroup_fd);
}

std::expected<Child, SpawnFailure> StartingChild::finish(const ChildImage& image) && {
    StepFailure failure;
    ssize_t got = -1;
    do {
        got = ::read(status_.fd(), &failure, sizeof failure);
    } while (got < 0 && errno == EINTR);
    // End of file: the program runs (close-on-exec), or a signal ended the child first, which its pidfd tells.
    if (got != static_cast<ssize_t>(sizeof failure)) return std::move(child_);
    reap_failed(child_.pid);
    return failed(failure, image, cgroup_fd_);
}

std::expected<Child, SpawnFailure> spawn_by_fork(const ChildImage& image, int cgroup_fd) {
    auto starting = begin_by_fork(image, cgroup_fd);
    if (!starting) return std::unexpected(std::move(starting).error());
    return std::move(*starting).finish(image);
}

}  // namespace pinion::process
