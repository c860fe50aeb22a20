// SPDX-License-Identifier: Apache-2.0
// Everything the shell can tell the supervisor. Events carry facts, never decisions; a worker is named by pool, slot
// and generation. An event for a generation that is not the slot's current one is dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "cpu/plan.h"
#include "model/death.h"
#include "model/pool_spec.h"

namespace pinion::supervise {

// Shared by the supervisor, the effects in flight and the shell: a spec is immutable, and a worker keeps the spec it
// was started with while the pool goes on to the next.
using SpecPtr = std::shared_ptr<const PoolSpec>;

// A pool is new, or differs from what was declared before. `seats` gives the number of workers and the seat of each.
// `respawn`: a field changed that running workers can't take over live; they roll, one at a time. Otherwise running
// workers are not signalled; new seats are applied by Repin, new counts by starting or stopping the slots at the end.
struct PoolDeclared {
    SpecPtr spec;
    std::vector<cpu::Seat> seats;
    bool respawn = false;
    bool seats_only = false;  // CPUs came or went: the pool itself is as it was, and nothing is reported of it
};
// A pool left the configuration: its workers stop, then it is forgotten.
struct PoolWithdrawn {
    std::string pool;
};

// Answers to Spawn: exactly one of the two comes for each.
struct SpawnSucceeded {
    WorkerId worker;
};
struct SpawnFailed {
    WorkerId worker;
    SpawnFailure failure;
};

struct WorkerReady {  // READY=1 on its notify socket
    WorkerId worker;
};
struct WorkerStatus {  // STATUS=… on its notify socket, printable
    WorkerId worker;
    std::string text;
};
struct WorkerExited {  // the main process has been reaped
    WorkerId worker;
    Death death;
};
struct TreeEmptied {  // no process of the worker's tree is left; comes after WorkerExited, exactly once
    WorkerId worker;
};
// A worker of a job pool is to make way for a fresh one, for the sake of its job or its queue: SIGKILL to its tree
// (`recycled`: its stop policy), then the next life, at once. Says nothing about a worker that is gone.
enum class Unwanted : std::uint8_t { timeout, cancelled, protocol, recycled };
struct WorkerUnwanted {
    WorkerId worker;
    Unwanted why = Unwanted::timeout;
};
struct TimerFired {};

// An operator's words. `slot` absent: the whole pool. They always concern pools that exist (the shell looks them up
// with `Supervisor::find` first). `by` names who asked, for the record: "root", "uid 1000".
struct StartRequested {
    std::string pool;
    std::optional<Slot> slot;
    std::string by;
};
struct StopRequested {
    std::string pool;
    std::optional<Slot> slot;
    std::string by;
};
struct RestartRequested {
    std::string pool;
    std::optional<Slot> slot;
    std::string by;
};
struct SignalRequested {
    std::string pool;
    std::optional<Slot> slot;
    int signal = 0;
    std::string by;
};
struct ShutdownRequested {
    Duration timeout{};  // then every tree is killed
    std::string reason;  // "SIGTERM", "Ctrl-C"
};

using Event = std::variant<PoolDeclared, PoolWithdrawn, SpawnSucceeded, SpawnFailed, WorkerReady, WorkerStatus,
                           WorkerExited, TreeEmptied, WorkerUnwanted, TimerFired, StartRequested, StopRequested,
                           RestartRequested, SignalRequested, ShutdownRequested>;

}  // namespace pinion::supervise
