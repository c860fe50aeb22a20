// SPDX-License-Identifier: Apache-2.0
#include "process/spawn.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "process/birth.h"
#include "process/child_steps.h"
#include "process/clone.h"
#include "process/dispositions.h"
#include "process/low_descriptors.h"
#include "process/raw_syscall.h"
#include "process/spawn_failure.h"
#include "process/spawn_methods.h"
#include "process/spawn_parts.h"

namespace pinion::process {
namespace {

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

}  // namespace

void prepare_spawning() noexcept {
    LowDescriptors::of_this_process().reserve();
    read_ignored_signals();
}

std::optional<std::expected<Child, SpawnFailure>> spawn_by_clone(const ChildImage& image, int cgroup_fd) {
    const DumpableKept dumpable(image.change_identity);
    Birth birth(0);
    birth.begin(image, cgroup_fd);
    return birth.await();
}

std::expected<Child, SpawnFailure> spawn_by_vfork(const ChildImage& image, int cgroup_fd) {
    if (const auto bad = find_bad_file(image)) return std::unexpected(describe(*bad, image, cgroup_fd));
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
    return std::unexpected(describe(run.failure, image, cgroup_fd));
}

std::expected<Child, SpawnFailure> spawn(const ChildImage& image, int cgroup_fd) {
    if (auto result = spawn_by_clone(image, cgroup_fd)) return *std::move(result);
    return spawn_by_vfork(image, cgroup_fd);
}

std::expected<StartingChild, SpawnFailure> begin_by_fork(const ChildImage& image, int cgroup_fd) {
    if (const auto bad = find_bad_file(image)) return std::unexpected(describe(*bad, image, cgroup_fd));
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
        pid = clone_child({}, pidfd, run_child, &run);
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
    return std::unexpected(describe(failure, image, cgroup_fd_));
}

std::expected<Child, SpawnFailure> spawn_by_fork(const ChildImage& image, int cgroup_fd) {
    auto starting = begin_by_fork(image, cgroup_fd);
    if (!starting) return std::unexpected(std::move(starting).error());
    return std::move(*starting).finish(image);
}

}  // namespace pinion::process
