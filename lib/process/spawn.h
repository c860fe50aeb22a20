// SPDX-License-Identifier: Apache-2.0
// Starting a child at a cost that does not depend on our own size: clone3 with CLONE_VM | CLONE_VFORK | CLONE_PIDFD (and
// CLONE_INTO_CGROUP, CLONE_FILES) where the kernel has it, else vfork. See docs/adr/ for why and what was measured.
#pragma once

#include <sys/types.h>

#include <expected>

#include "base/fd.h"
#include "model/death.h"
#include "process/child_image.h"

namespace pinion::process {

struct Child {
    pid_t pid = -1;
    UniqueFd pidfd;
};

// Runs `image` as a child, born in the cgroup `cgroup_fd` (an O_PATH or directory fd; -1: the caller's). Returns once the
// program runs or the child has failed and is reaped; signals must be blocked in the caller, the child starts with none
// blocked and all dispositions default. Call it from one permanent thread only (PDEATHSIG is the thread's).
// The child is the leader of a session and a process group of its own.
[[nodiscard]] std::expected<Child, SpawnFailure> spawn(const ChildImage& image, int cgroup_fd);

// As `spawn` by an ordinary fork and a status pipe: for programs and folders on file systems that may hang (NFS, FUSE),
// where a vfork's parent would sleep with its child. Also returns when the program runs or has failed.
[[nodiscard]] std::expected<Child, SpawnFailure> spawn_by_fork(const ChildImage& image, int cgroup_fd);

// Whether `path` lies on a file system that can block for ever (network or FUSE), by /proc/self/mountinfo's types.
[[nodiscard]] bool may_block(const std::string& path);

}  // namespace pinion::process
