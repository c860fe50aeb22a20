// SPDX-License-Identifier: Apache-2.0
// Sleeping on a word of shared memory until a moment: what all waiting of this library rests on.
#pragma once

#include <pinion/api.h>

#include <atomic>
#include <cstdint>
#include <ctime>
#include <optional>

namespace pinion::inline v0 {

// A moment of CLOCK_MONOTONIC; nothing: never.
using Deadline = std::optional<timespec>;

[[nodiscard]] Deadline deadline_of(Timeout timeout) noexcept;

// Sleeps while `word` is `expected`, until woken or the deadline. Whether the deadline has passed. Also returns without
// a reason.
bool futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, const Deadline& deadline) noexcept;
void futex_wake(std::atomic<std::uint32_t>& word, int waiters) noexcept;
void futex_wake_all(std::atomic<std::uint32_t>& word) noexcept;

}  // namespace pinion::inline v0
