// SPDX-License-Identifier: Apache-2.0
#include "pinion/reap.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>

namespace pinion::inline v0 {
namespace {

std::chrono::microseconds duration_of(const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// How long until the deadline; nothing: it has passed.
std::optional<timespec> left_until(const timespec& deadline) noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    timespec left{deadline.tv_sec - now.tv_sec, deadline.tv_nsec - now.tv_nsec};
    if (left.tv_nsec < 0) {
        left.tv_nsec += 1'000'000'000;
        --left.tv_sec;
    }
    if (left.tv_sec < 0) return std::nullopt;
    return left;
}

}  // namespace

bool wait_for_end(int pidfd, const Deadline& deadline) noexcept {
    for (;;) {
        pollfd poll{pidfd, POLLIN, 0};
        timespec left{};
        if (deadline) left = left_until(*deadline).value_or(timespec{});
        const int ready = ::ppoll(&poll, 1, deadline ? &left : nullptr, nullptr);
        if (ready > 0) return true;
        if (ready == 0) return false;
    }
}

// Raw, since libc's waitid has no place for the resource usage.
std::optional<Death> reap(int pidfd) {
    siginfo_t info{};
    rusage usage{};
    Death death;
    while (::syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG, &usage) < 0) {
        if (errno == EINTR) continue;
        if (errno == ECHILD) return death;
        throw std::system_error(errno, std::generic_category(), "wait for a child");
    }
    if (info.si_pid == 0) return std::nullopt;
    death.cause = info.si_code == CLD_EXITED ? Death::Cause::exited : Death::Cause::signaled;
    death.status = info.si_status;
    death.core_dumped = info.si_code == CLD_DUMPED;
    death.cpu_user = duration_of(usage.ru_utime);
    death.cpu_system = duration_of(usage.ru_stime);
    death.peak_memory_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    return death;
}

void signal_process(int pidfd, int signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0 || errno == ESRCH) return;
    throw std::system_error(errno, std::generic_category(), "send signal " + std::to_string(signal));
}

void kill_quietly(int pidfd) noexcept { ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0); }

}  // namespace pinion::inline v0
