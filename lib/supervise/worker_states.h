// SPDX-License-Identifier: Apache-2.0
// The states of a slot's life: each holds what is true in it and nothing else. The machine is drawn in worker.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "supervise/snapshot.h"

namespace pinion::supervise {

// Why a worker is stopped.
enum class StopReason : std::uint8_t {
    operator_stop,
    operator_restart,
    new_text,
    fewer_workers,
    pool_withdrawn,
    shutdown,
    not_ready,
    cpus_lost,
    job_timeout,
    job_cancelled,
    protocol_broken,
    recycled
};
[[nodiscard]] const char* to_string(StopReason reason) noexcept;

// What follows when the life that is being ended has ended.
enum class Then : std::uint8_t {
    rest,     // nothing: the slot is not wanted
    replace,  // the next life, at once
    judge,    // it counts as a failed start, and the restart policy decides
};

namespace state {

struct Idle {};     // not wanted, nothing there
struct Waiting {};  // wanted; its turn in the pool's queue (start.after, start.stagger) has not come
struct Spawning {   // asked for; the answer is on its way, whatever happens meanwhile
    MonotonicTime since;
    std::optional<Then> after_answer;      // set: to be stopped as soon as it is there, then this. Never `judge`.
    StopReason why{};                      // meaningful where after_answer is set
    bool kill = false;                     // to be stopped by SIGKILL
    bool ready = false;                    // READY=1 overtook the answer
    bool seat_stale = false;               // the seat changed since it was asked for
    bool spec_stale = false;               // and so did the spec, in fields that apply live
    MonotonicTime deadline = no_deadline;  // of the next SIGKILL, once it is to be stopped
    Duration patience{};                   // between two of them
};
struct Starting {  // it lives; READY=1 is awaited
    MonotonicTime since;
    MonotonicTime deadline;
};
struct Running {  // it lives and is ready
    MonotonicTime since;
};
struct Stopping {  // it lives, and was told to end
    Then then = Then::rest;
    StopReason why{};
    std::optional<MonotonicTime> ready;  // since when, had it been ready
    MonotonicTime deadline;              // of the next SIGKILL to the tree
    Duration patience{};                 // between two SIGKILLs; 0: the first is still to come
};
struct Clearing {  // its main process is reaped; its tree is being killed
    Decision decision;
    MonotonicTime ended;
    MonotonicTime deadline;  // of the next SIGKILL to the tree
    Duration patience{};
};
struct Backoff {  // it ended; the next life may begin at `until`
    MonotonicTime ended;
    MonotonicTime until;
};
struct Failed {  // not to be started again unless somebody says so
    Decision::Kind why = Decision::Kind::give_up_policy;
};
struct Completed {};  // it did what it was there for

}  // namespace state

using State = std::variant<state::Idle, state::Waiting, state::Spawning, state::Starting, state::Running,
                           state::Stopping, state::Clearing, state::Backoff, state::Failed, state::Completed>;

// The alternatives of State by name, in the same order.
enum class StateKind : std::uint8_t {
    idle,
    waiting,
    spawning,
    starting,
    running,
    stopping,
    clearing,
    backoff,
    failed,
    completed
};
inline constexpr std::size_t state_kinds = std::variant_size_v<State>;
[[nodiscard]] const char* to_string(StateKind kind) noexcept;
// The product's word for it.
[[nodiscard]] WorkerState visible(StateKind kind) noexcept;
// Whether a process exists, is being made, or may have left others behind.
[[nodiscard]] bool has_process(StateKind kind) noexcept;

}  // namespace pinion::supervise
