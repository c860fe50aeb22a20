// SPDX-License-Identifier: Apache-2.0
// Everything the shell can tell the scheduler. Events carry facts, never decisions. Payloads, results and death records
// stay in the shell: the scheduler passes an `Evidence` through and never looks into it. What workers do and say stands
// in worker_event.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "jobs/worker_event.h"
#include "model/job_ids.h"
#include "model/job_policy.h"

namespace pinion::jobs {

using JobPoolPtr = std::shared_ptr<const JobPoolSpec>;

// A pool is new, or its spec changed (live). The number must be new for a pool that was forgotten.
struct PoolDeclared {
    JobPoolId pool;
    JobPoolPtr spec;
};
// A pool left the configuration: nothing more is dispatched, answers are still taken, and when its last worker is gone
// and nothing of it is on its way to the store it is forgotten (PoolForgotten). Its jobs stay in the store.
struct PoolWithdrawn {
    JobPoolId pool;
};
// The answer to FlushPool.
struct PoolFlushed {
    JobPoolId pool;
    std::uint64_t number = 0;
};
// All named semaphores and their permits. One that is missing has none.
struct SemaphoresDeclared {
    std::map<std::string, std::uint32_t> permits;
};
// `pause`: nothing is dispatched. `drain`: what is queued is worked off, submits are refused (pushes are not).
enum class QueueMode : std::uint8_t { running, paused, draining };
struct QueueOrdered {
    JobPoolId pool;
    QueueMode mode = QueueMode::running;
};

// May `count` jobs be added? Answered by SubmitAdmitted or SubmitRefused, with `wait` perhaps later.
struct SubmitRequested {
    std::uint64_t token = 0;  // the shell's; not in use by another request
    JobPoolId pool;
    std::uint32_t count = 0;
    bool wait = false;  // for room, first come first served
};
struct SubmitAbandoned {  // whoever waited has gone
    std::uint64_t token = 0;
    JobPoolId pool;
};
// The store has answered for so many admitted jobs, however it answered: their reservation ends. New ones came as
// JobQueued before.
struct SubmitSettled {
    JobPoolId pool;
    std::uint32_t count = 0;
};

struct MapOpened {
    MapId map;
    JobPoolId pool;
    bool fail_fast = false;
};
// How a map is closed.
struct MapSeal {
    std::uint64_t items = 0;  // that it was given, in all
    bool goes_on = false;     // without a name, and nobody waits for its results: its client may go
    bool operator==(const MapSeal&) const = default;
};
struct MapSealed {  // no more items will come; after JobQueued of the last
    MapId map;
    std::uint64_t items = 0;  // that it was given, in all
};
// A job is in the store: after a submit, a push, or at start.
struct JobQueued {
    JobId job;
    JobPoolId pool;
    MapId map;
    MonotonicTime not_before{};
    std::uint32_t size = 0;      // of its payload
    std::uint16_t attempts = 0;  // charged before
    std::uint8_t priority = 5;
    bool interrupted = false;  // at start: it was claimed when the daemon died, which is charged
    bool cancelled = false;    // its map is
    bool fail_fast = false;    // its map is; one that was complete and is given again comes without MapOpened
    bool on_disk = false;      // it is kept there, whatever its pool promises now
};

struct FinishPersisted {
    JobId job;
};
// Of a job that was done, before its FinishPersisted: what it pushes can't be kept, and it has failed.
struct PushesFailed {
    JobId job;
};
// Answered by Finish, whatever end that is, or by NoSuchJob.
struct CancelRequested {
    JobId job;
};
// Answered by KeepCancel, again for a map that is cancelled already, or by NoSuchMap.
struct MapCancelRequested {
    MapId map;
};
// Whether the durable store takes writes. While it does not, jobs of durable pools are neither admitted nor dispatched;
// nor are those of another pool dispatched that has jobs on disk.
struct StoreChanged {
    bool writable = true;
};
// As many bytes of ends as may be are on their way to the durable store, or it has caught up. While it is behind, jobs
// of durable pools, and of those that have jobs on disk, are not dispatched; submits are taken as ever.
struct StoreBehind {
    bool behind = true;
};
struct TimerFired {};

using JobEvent =
    std::variant<PoolDeclared, PoolWithdrawn, PoolFlushed, SemaphoresDeclared, QueueOrdered, SubmitRequested,
                 SubmitAbandoned, SubmitSettled, MapOpened, MapSealed, JobQueued, WorkerArrived, WorkerGone,
                 WorkerBlocked, WorkerMemory, JobAnswered, PayloadAwaited, PayloadLost, ClaimPersisted, FinishPersisted,
                 PushesFailed, CancelRequested, MapCancelRequested, StoreChanged, StoreBehind, TimerFired>;

}  // namespace pinion::jobs
