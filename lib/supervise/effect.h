// SPDX-License-Identifier: Apache-2.0
// Everything the supervisor can ask of the shell, and everything it can report. The shell executes them in order; an
// effect that fails comes back as an event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "supervise/event.h"

namespace pinion::supervise {

// Start a worker. Answered by SpawnSucceeded or SpawnFailed, always.
struct Spawn {
    WorkerId worker;
    SpecPtr spec;
    cpu::Seat seat;
};
// A signal to the worker's main process. A worker that is gone is no error: its exit is on the way.
struct Signal {
    WorkerId worker;
    int signal = 0;
};
// SIGKILL to the worker's whole tree. Followed by WorkerExited (unless it came already) and TreeEmptied.
struct KillTree {
    WorkerId worker;
};
// A new seat for a running worker.
struct Repin {
    WorkerId worker;
    cpu::Seat seat;
};
// The budgets and targets of a worker's output changed live.
struct Retune {
    WorkerId worker;
    SpecPtr spec;
};
// The slot has no process and will have none: its cgroup and its buffers may go.
struct SlotRemoved {
    std::string pool;
    Slot slot;
};
struct PoolRemoved {
    std::string pool;
};
// Every pool is at rest after ShutdownRequested, or all that is left was killed in vain.
struct ShutdownComplete {};

// What the supervisor decided after a death.
struct Decision {
    enum class Kind : std::uint8_t {
        restart,         // at `delay` from now (0: at once)
        complete,        // counted as success under on_failure or never
        give_up_fatal,   // the exit is listed in restart.fatal
        give_up_limit,   // restart.limit is exceeded
        give_up_policy,  // policy never, and not a success
        stopped,         // it was to stop: operator, reload, scale or shutdown
        replace,         // it was stopped for a successor, which starts now
    };
    Kind kind = Kind::restart;
    Duration delay{};
    std::uint32_t failures_in_row = 0;
    bool operator==(const Decision&) const = default;
};

// Where in its life a worker was when it ended.
enum class Phase : std::uint8_t { starting, running, stopping };

// One fact for the journal, `events` and the bus. The wall time and the text are the shell's.
struct PoolAppeared {
    std::string pool;
    std::uint32_t workers = 0;
};
struct PoolChanged {
    std::string pool;
    std::uint32_t workers = 0;
    bool respawn = false;
};
struct PoolLeft {
    std::string pool;
};
struct PoolWaits {
    std::string pool;
    std::vector<std::string> for_pools;
};
struct PoolReached {
    std::string pool;
    std::string state;
};  // completed, failed, stopped, running after failed
struct WorkerStarting {
    WorkerId worker;
    cpu::Seat seat;
};  // it was spawned
struct WorkerIsReady {
    WorkerId worker;
    Duration after{};
};  // only where start.ready is notify
struct WorkerStartTimedOut {
    WorkerId worker;
    Duration after{};
};
struct WorkerStopping {
    WorkerId worker;
    int signal = 0;
    std::string reason;
    Duration timeout{};
};
struct WorkerKilled {
    WorkerId worker;
    std::string reason;
};  // the stop timeout passed, or the tree outlived its main process
struct WorkerDied {
    WorkerId worker;
    Death death;
    Phase phase = Phase::running;
    Duration uptime{};
    Decision decision;
};
struct WorkerNotSpawned {
    WorkerId worker;
    SpawnFailure failure;
    Decision decision;
};
struct OperatorActed {
    std::string pool;
    std::optional<Slot> slot;
    std::string verb;
    std::string by;
};
struct RollProgress {
    std::string pool;
    std::uint32_t done = 0;
    std::uint32_t total = 0;
};

using Fact = std::variant<PoolAppeared, PoolChanged, PoolLeft, PoolWaits, PoolReached, WorkerStarting, WorkerIsReady,
                          WorkerStartTimedOut, WorkerStopping, WorkerKilled, WorkerDied, WorkerNotSpawned,
                          OperatorActed, RollProgress>;
struct Report {
    Fact fact;
};

using Effect = std::variant<Spawn, Signal, KillTree, Repin, Retune, SlotRemoved, PoolRemoved, ShutdownComplete, Report>;

using Effects = std::vector<Effect>;

}  // namespace pinion::supervise
