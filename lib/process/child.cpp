// SPDX-License-Identifier: Apache-2.0
#include "process/child.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>

#include "process/raw_syscall.h"

namespace pinion::process {
namespace {

Duration to_duration(const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

Result<void> send_signal(int pidfd, int signal) {
    const long sent = raw_syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
    if (sent == 0 || sent == -ESRCH) return {};
    return fail_errno(static_cast<int>(-sent), "send signal " + std::to_string(signal));
}

// Raw, since libc's waitid has no place for the resource usage.
Result<std::optional<Death>> reap(int pidfd) {
    siginfo_t info{};
    rusage usage{};
    const long result = raw_syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG, &usage);
    if (result < 0) return fail_errno(static_cast<int>(-result), "wait for a child");
    if (info.si_pid == 0) return std::nullopt;
    Death death;
    death.cause = info.si_code == CLD_EXITED ? Death::Cause::exited : Death::Cause::signaled;
    death.status = info.si_status;
    death.core_dumped = info.si_code == CLD_DUMPED;
    death.cpu_user = to_duration(usage.ru_utime);
    death.cpu_system = to_duration(usage.ru_stime);
    death.peak_memory_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    return death;
}

Result<void> become_subreaper() {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) return fail_last("become the reaper of orphans");
    return {};
}

}  // namespace pinion::process
