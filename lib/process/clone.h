// SPDX-License-Identifier: Apache-2.0
// The one place that calls clone3. glibc has no wrapper, and a child that shares its parent's memory and stack must not
// return through C++ code: the call of the child's function is part of the assembly. Where there is none for the
// architecture, the answer is -ENOSYS.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pinion::process {

struct CloneRequest {
    std::uint64_t flags = 0;          // CLONE_*; CLONE_PIDFD and the exit signal SIGCHLD are added
    int cgroup_fd = -1;               // to be born in (CLONE_INTO_CGROUP); -1: the caller's
    std::span<std::byte> stack = {};  // the child's; empty: it goes on with the caller's stack pointer
    // Set to 0 by the kernel, which then wakes who waits for it by futex, when a child that shares our memory lets go
    // of it (CLONE_CHILD_CLEARTID). May be null.
    std::atomic<std::uint32_t>* cleared_at_exec = nullptr;
};

// Makes a child that runs `run(argument)`, which must not return. Returns the child's pid and its pidfd in `pidfd`, or
// -errno.
[[nodiscard]] long clone_child(const CloneRequest& request, int& pidfd, void (*run)(void*), void* argument) noexcept;

}  // namespace pinion::process
