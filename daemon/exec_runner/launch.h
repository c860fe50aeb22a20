// SPDX-License-Identifier: Apache-2.0
// The start of a job's process, by vfork: it borrows our memory until its exec, so that a start costs the same however
// large we are, and an exec that fails is told without a pipe.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstddef>

namespace pinion::exec_runner {

inline constexpr std::size_t read_size = 64 << 10;  // of a pipe or socket, at once

struct Launch {
    const char* file = nullptr;
    char* const* argv = nullptr;  // null-terminated, as envp
    char* const* envp = nullptr;
    int stdin_fd = 0;
    int stdout_fd = 1;
    const sigset_t* mask = nullptr;  // its signal mask
};

// The pid, or -1 with the errno in `error`. The child is the leader of a process group of its own (a `kill 0` of the
// job must not reach us), dies with us, has its signals at their defaults and no descriptor of ours that is CLOEXEC.
[[nodiscard]] pid_t launch(const Launch& what, int& error);

}  // namespace pinion::exec_runner
