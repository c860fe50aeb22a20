// SPDX-License-Identifier: Apache-2.0
#include "process/spawn_parts.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "process/raw_syscall.h"
#include "process/spawn_failure.h"

namespace pinion::process {

AllSignalsBlocked::AllSignalsBlocked() noexcept {
    const std::uint64_t all = ~std::uint64_t{0};
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof all);
}

AllSignalsBlocked::~AllSignalsBlocked() {
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_);
}

DumpableKept::DumpableKept(bool needed) noexcept : before_(needed ? ::prctl(PR_GET_DUMPABLE) : -1) {}

DumpableKept::~DumpableKept() {
    if (before_ >= 0 && ::prctl(PR_GET_DUMPABLE) != before_) ::prctl(PR_SET_DUMPABLE, before_);
}

std::unexpected<SpawnFailure> failed_at_birth(int error, const ChildImage& image, int cgroup_fd) {
    const bool cgroup = cgroup_fd >= 0 && is_cgroup_error(error);
    return std::unexpected(describe({cgroup ? SpawnStage::cgroup : SpawnStage::fork, error, 0}, image, cgroup_fd));
}

bool lacks_clone3(long result) noexcept {
    return result == -ENOSYS || result == -EPERM || result == -E2BIG || result == -EINVAL;
}

void reap_failed(pid_t pid) noexcept {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) < 0 && errno == EINTR) {
    }
}

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

}  // namespace pinion::process
