// SPDX-License-Identifier: Apache-2.0
// Many starts in a row, a few of them on their way at once: while one child works its way to its program on another
// CPU, the next is prepared. Results come in the order of the starts.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "base/time.h"
#include "process/child_image.h"
#include "process/spawn.h"
#include "process/spawn_parts.h"

namespace pinion::process {

class SpawnWindow {
public:
    // `patience`: see Birth.
    explicit SpawnWindow(Duration patience = std::chrono::seconds(10));
    SpawnWindow(const SpawnWindow&) = delete;
    SpawnWindow& operator=(const SpawnWindow&) = delete;
    // Waits for who is on its way, and leaves it running.
    ~SpawnWindow();

    // As `spawn` (see there; its contract holds), without waiting for the outcome where that can be had later. Not
    // while `full`. `image` and what it points to, its files and `cgroup_fd` stay as they are until it is finished.
    void begin(const ChildImage& image, int cgroup_fd);

    // The outcome of the oldest that was begun and not finished; waits for it. Not while `empty`.
    [[nodiscard]] std::expected<Child, SpawnFailure> finish();

    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] bool full() const noexcept;

private:
    struct Lane;
    // Until no child shares our memory any more.
    void settle() noexcept;
    [[nodiscard]] Lane& lane(std::size_t index) noexcept;

    Duration patience_;
    std::unique_ptr<Lane[]> lanes_;  // a ring: `count_` of them in use, from `first_` on
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    std::optional<DumpableKept> dumpable_;  // while a child that changes its ids is on its way
};

}  // namespace pinion::process
