// SPDX-License-Identifier: Apache-2.0
// One child's birth by clone3, in two halves: begun, and awaited until its program runs or it has failed. Between the
// two its parent either sleeps or goes on; several children may be between them at once, each with a stack of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "base/time.h"
#include "process/child_steps.h"
#include "process/low_descriptors.h"
#include "process/spawn.h"

namespace pinion::process {

using SpawnResult = std::expected<Child, SpawnFailure>;

class Birth {
public:
    // `lane`: which of the low descriptors are its own, 0 to LowDescriptors::lanes - 1. `patience`: how long a child
    // with a stack of its own may take to its program, before it is killed.
    explicit Birth(std::size_t lane, Duration patience = std::chrono::seconds(10)) noexcept
        : lane_(lane), patience_(patience) {}
    Birth(const Birth&) = delete;
    Birth& operator=(const Birth&) = delete;
    ~Birth() = default;  // to be awaited first, if it was begun

    // Makes the child; once. Without a `stack` the caller sleeps until the program runs; with one it goes on at once,
    // and must leave `image`, what that points to, `stack` and `cgroup_fd` alone until the child is awaited.
    void begin(const ChildImage& image, int cgroup_fd, std::span<std::byte> stack = {});

    // Blocks until the child no longer shares our memory: for `patience` after its beginning, and then until SIGKILL
    // has taken effect.
    void settle() noexcept;

    // Blocks until the program runs or the child has failed and is reaped. Nothing where clone3 can't do it, or the
    // child was killed at its birth: then another way may (see spawn_methods.h). Once.
    [[nodiscard]] std::optional<SpawnResult> await();

private:
    std::optional<SpawnResult> outcome();

    [[nodiscard]] bool shares_memory_at(MonotonicTime deadline) const noexcept;

    std::size_t lane_;
    Duration patience_;
    MonotonicTime begun_{};
    bool overdue_ = false;
    const ChildImage* image_ = nullptr;
    int cgroup_fd_ = -1;
    std::optional<SpawnFailure> early_;  // before there was a child
    ChildRun run_;
    std::optional<LowDescriptors::Staged> staged_;
    // The kernel clears it, and wakes who waits for it, when the child lets go of our memory (CLONE_CHILD_CLEARTID).
    std::atomic<std::uint32_t> shares_memory_ = 0;
    int pidfd_ = -1;
    long pid_ = 0;
};

}  // namespace pinion::process
