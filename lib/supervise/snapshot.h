// SPDX-License-Identifier: Apache-2.0
// What the supervisor shows of itself: values for status, the bus, STATUS= and explain.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supervise/effect.h"

namespace pinion::supervise {

// The words of the product, spelt as printed.
enum class WorkerState : std::uint8_t { idle, starting, running, stopping, backoff, failed, completed };
enum class PoolState : std::uint8_t { starting, running, degraded, paused, stopping, stopped, failed, completed };
[[nodiscard]] const char* to_string(WorkerState state) noexcept;
[[nodiscard]] const char* to_string(PoolState state) noexcept;

// One past end of a worker in a slot: a death, or a start that failed.
struct PastLife {
    Generation generation;
    std::optional<Death> death;
    std::optional<SpawnFailure> failure;
    Duration uptime{};
    MonotonicTime at{};
    Decision decision;
};

struct WorkerView {
    Slot slot;
    Generation generation;  // of the current or last life; 0: none yet
    WorkerState state = WorkerState::idle;
    MonotonicTime since{};       // when it entered this state
    std::uint32_t restarts = 0;  // lives after the first, since the pool was declared or the counters cleared
    std::uint32_t failures_in_row = 0;
    MonotonicTime next_retry = no_deadline;  // in backoff
    cpu::Seat seat;
    std::string note;         // why it is in this state, in words: "exit 127 …; retry in 3.2 s"; may be empty
    std::string status_text;  // its own STATUS=
};

struct PoolView {
    std::string name;
    PoolState state = PoolState::stopped;
    MonotonicTime since{};
    std::uint32_t wanted = 0;   // workers that should run: not those that have completed
    std::uint32_t running = 0;  // in state running
    bool withdrawn = false;     // leaves the configuration
    bool stopped_by_operator = false;
    std::string note;  // the worst thing about it, in words; may be empty
};

}  // namespace pinion::supervise
