// SPDX-License-Identifier: Apache-2.0
// What the ways to make a child have in common; for this module's own sources.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <optional>

#include "process/child_steps.h"
#include "process/spawn.h"

namespace pinion::process {

// No handler may run in a child that shares our memory, glibc's internal ones (32, 33) included: hence the raw call.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() noexcept;
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
    ~AllSignalsBlocked();

private:
    std::uint64_t before_ = 0;
};

// "Dumpable" is a property of the memory, and the kernel clears it when a sharer changes its ids: without this a daemon
// that has once started a worker as another user leaves no core and hides its own /proc files. It must outlive every
// child that shares our memory: while one with a worker's user does, "dumpable" would let that user read it.
class DumpableKept {
public:
    explicit DumpableKept(bool needed) noexcept;
    DumpableKept(const DumpableKept&) = delete;
    DumpableKept& operator=(const DumpableKept&) = delete;
    ~DumpableKept();

private:
    int before_;
};

// Why the kernel made no child.
[[nodiscard]] std::unexpected<SpawnFailure> failed_at_birth(int error, const ChildImage& image, int cgroup_fd);

// A kernel without clone3, one that knows no CLONE_INTO_CGROUP, or a filter that lets neither through.
[[nodiscard]] bool lacks_clone3(long result) noexcept;

void reap_failed(pid_t pid) noexcept;

// Asked before anything is opened: the pidfd or a pipe could take the number of a file that is not open, and the child
// would find it there.
[[nodiscard]] std::optional<StepFailure> find_bad_file(const ChildImage& image) noexcept;

[[nodiscard]] ChildRun run_of(const ChildImage& image) noexcept;

}  // namespace pinion::process
