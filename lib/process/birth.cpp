// SPDX-License-Identifier: Apache-2.0
#include "process/birth.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "process/clone.h"
#include "process/dispositions.h"
#include "process/raw_syscall.h"
#include "process/spawn_failure.h"
#include "process/spawn_parts.h"

namespace pinion::process {

void Birth::begin(const ChildImage& image, int cgroup_fd, std::span<std::byte> stack) {
    image_ = &image;
    cgroup_fd_ = cgroup_fd;
    if (const auto bad = find_bad_file(image)) {
        early_ = describe(*bad, image, cgroup_fd);
        return;
    }
    run_ = run_of(image);
    auto& low = LowDescriptors::of_this_process();
    staged_.emplace(low, lane_);
    run_.shares_files = low.reserve();
    if (run_.shares_files) {
        std::array<int, 3> fds{image.stdin_fd, image.stdout_fd, image.stderr_fd};
        for (int& fd : fds)
            if (fd < 0) fd = low.null_fd();
        int which = 0;
        if (const int error = staged_->stage(fds, which); error != 0) {
            early_ = describe({SpawnStage::stdio, error, which}, image, cgroup_fd);
            return;
        }
        std::ranges::copy(fds, run_.stdio);
    }
    run_.signals_to_reset = ignored_signals();
    std::uint64_t flags = CLONE_VM | CLONE_CLEAR_SIGHAND | (run_.shares_files ? CLONE_FILES : 0);
    if (stack.empty()) flags |= CLONE_VFORK;
    shares_memory_.store(stack.empty() ? 0 : 1, std::memory_order_relaxed);
    begun_ = MonotonicClock::now();
    const AllSignalsBlocked blocked;
    pid_ = clone_child({.flags = flags,
                        .cgroup_fd = cgroup_fd,
                        .stack = stack,
                        .cleared_at_exec = stack.empty() ? nullptr : &shares_memory_},
                       pidfd_, run_child, &run_);
}

// Waits no longer than until `deadline`.
bool Birth::shares_memory_at(MonotonicTime deadline) const noexcept {
    while (shares_memory_.load(std::memory_order_acquire) != 0) {
        const auto left = deadline == no_deadline ? Duration::max() : deadline - MonotonicClock::now();
        if (left <= Duration::zero()) return true;
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
        const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(left - seconds).count()};
        raw_syscall(SYS_futex, &shares_memory_, FUTEX_WAIT, 1, deadline == no_deadline ? nullptr : &timeout, nullptr,
                    0);
    }
    return false;
}

void Birth::settle() noexcept {
    if (early_ || pid_ <= 0 || !shares_memory_at(add_saturating(begun_, patience_))) return;
    overdue_ = true;
    raw_syscall(SYS_pidfd_send_signal, pidfd_, SIGKILL, nullptr, 0);
    static_cast<void>(shares_memory_at(no_deadline));
}

std::optional<SpawnResult> Birth::await() {
    auto result = outcome();
    staged_.reset();
    return result;
}

std::optional<SpawnResult> Birth::outcome() {
    if (early_) return std::unexpected(std::move(*early_));
    if (lacks_clone3(pid_)) return std::nullopt;
    if (pid_ < 0) return failed_at_birth(static_cast<int>(-pid_), *image_, cgroup_fd_);
    settle();
    Child child{static_cast<pid_t>(pid_), UniqueFd(pidfd_)};
    if (overdue_) {
        reap_failed(child.pid);
        return std::unexpected(describe({SpawnStage::exec, ETIMEDOUT, 0}, *image_, cgroup_fd_));
    }
    if (!run_.begun) {
        reap_failed(child.pid);
        return std::nullopt;
    }
    if (run_.failure.error == 0) return child;
    reap_failed(child.pid);
    return std::unexpected(describe(run_.failure, *image_, cgroup_fd_));
}

}  // namespace pinion::process
