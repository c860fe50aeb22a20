// SPDX-License-Identifier: Apache-2.0
// Starting a child at a cost that does not depend on our own size: clone3 with CLONE_VM | CLONE_VFORK | CLONE_PIDFD
// (and CLONE_INTO_CGROUP, CLONE_FILES) where the kernel has it, else vfork. See docs/adr/ for why and what was
// measured.
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>
#include <utility>

#include "base/fd.h"
#include "model/death.h"
#include "process/child_image.h"

namespace pinion::process {

struct Child {
    pid_t pid = -1;
    UniqueFd pidfd;
};

// Runs `image` as a child, born in the cgroup `cgroup_fd` (an O_PATH or directory fd; -1: the caller's). Returns once
// the program runs or the child has failed and is reaped; signals must be blocked in the caller, the child starts with
// none blocked and all dispositions default. Call it from one permanent thread only (PDEATHSIG is the thread's). The
// child is the leader of a session and a process group of its own.
[[nodiscard]] std::expected<Child, SpawnFailure> spawn(const ChildImage& image, int cgroup_fd);

// As `spawn` by an ordinary fork and a status pipe: for programs and folders on file systems that may hang (NFS, FUSE),
// where a vfork's parent would sleep with its child. Also returns when the program runs or has failed.
[[nodiscard]] std::expected<Child, SpawnFailure> spawn_by_fork(const ChildImage& image, int cgroup_fd);

// A child made by `begin_by_fork` whose program may not run yet. To be finished, or the child goes on unwatched.
class StartingChild {
public:
    StartingChild(Child child, UniqueFd status, int cgroup_fd) noexcept
        : child_(std::move(child)), status_(std::move(status)), cgroup_fd_(cgroup_fd) {}
    // For the event loop: readable, or hung up, once `finish` does not block.
    [[nodiscard]] int status_fd() const noexcept { return status_.fd(); }
    [[nodiscard]] const Child& child() const noexcept { return child_; }
    // The child once its program runs, or why it does not (then it is reaped). `image` is the one it began with.
    [[nodiscard]] std::expected<Child, SpawnFailure> finish(const ChildImage& image) &&;

private:
    Child child_;
    UniqueFd status_;
    int cgroup_fd_;
};

// The first half of `spawn_by_fork`: returns at once, whatever the child's file systems do. `cgroup_fd` stays open
// until it is finished.
[[nodiscard]] std::expected<StartingChild, SpawnFailure> begin_by_fork(const ChildImage& image, int cgroup_fd);

// Takes a dozen low descriptors for good, by which a spawn's cost does not depend on how many files we have open.
// To be called early; otherwise the first spawn does it, if such low numbers are free by then. Also reads which signals
// we ignore: to be called again when that has changed, or a child would ignore them too.
void prepare_spawning() noexcept;

// Whether `path` lies on a file system that can block for ever (network or FUSE), by /proc/self/mountinfo's types.
// `path` is absolute; its symbolic links are followed, but nothing on such a file system is touched, so this never
// blocks itself.
[[nodiscard]] bool may_block(const std::string& path);
// The same for the folder and every candidate for the program of `image`: whether it is one for `begin_by_fork`.
[[nodiscard]] bool may_block(const ChildImage& image);

}  // namespace pinion::process
