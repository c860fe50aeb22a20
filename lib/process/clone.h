// SPDX-License-Identifier: Apache-2.0
// The one place that calls clone3. glibc has no wrapper, and a child that shares its parent's memory and stack must not
// return through C++ code: the call of the child's function is part of the assembly.
#pragma once

#include <cstdint>

namespace pinion::process {

// Whether this architecture has the assembly; elsewhere `clone_child` answers -ENOSYS.
#if defined(__x86_64__) || defined(__aarch64__)
inline constexpr bool has_clone3 = true;
#else
inline constexpr bool has_clone3 = false;
#endif

// Makes a child with `flags` (CLONE_*; CLONE_PIDFD and the exit signal SIGCHLD are added, CLONE_INTO_CGROUP where
// `cgroup_fd` is not -1) that runs `run(argument)`, which must not return, on the caller's own stack pointer.
// Returns the child's pid and its pidfd in `pidfd`, or -errno.
[[nodiscard]] long clone_child(std::uint64_t flags, int cgroup_fd, int& pidfd, void (*run)(void*),
                               void* argument) noexcept;

}  // namespace pinion::process
