// SPDX-License-Identifier: Apache-2.0
// Everything the scheduler can ask of the shell. The shell executes them in order; what says "answered" is answered by
// an event, success included, also after the worker or the pool has gone.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "jobs/job_event.h"

namespace pinion::jobs {

// Fetch the payload and write the job to the worker. Answered by JobAnswered, PayloadLost or the worker's end; where
// the payload has to be waited for, first by PayloadAwaited.
struct Dispatch {
    WorkerRef worker;
    JobId job;
    AttemptId attempt;
    std::uint32_t number = 1;  // of the attempt
    std::uint32_t size = 0;
    Duration timeout{};  // 0: none
};
// The job is about to be executed, or is. Where `answer` is set, ClaimPersisted must come before it is dispatched; else
// the note rides in the next commit, and is left out if the job ends before.
struct Claim {
    JobId job;
    WorkerRef worker;
    AttemptId attempt;
    std::uint32_t number = 1;
    bool answer = false;
};
// A claimed job goes back uncharged: the claim is void. Rides in the next commit.
struct Release {
    JobId job;
    JobPoolId pool;
};
// What is on record of an attempt that ended.
struct AttemptNote {
    std::uint32_t number = 0;  // 0: there was none (cancelled while queued)
    Outcome outcome = Outcome::done;
    WorkerRef worker;
    MonotonicTime started{};
    Evidence evidence;
};
// An attempt ended, and another follows after `delay`. Rides in the next commit.
struct Retry {
    JobId job;
    JobPoolId pool;
    AttemptNote attempt;
    Duration delay{};
};
// The job is at its end: state, attempt, result and pushes in one transaction. Answered by FinishPersisted, after
// JobQueued for each push.
struct Finish {
    JobId job;
    JobPoolId pool;
    MapId map;
    JobState state = JobState::done;
    AttemptNote attempt;
    std::uint32_t attempts = 0;  // that it was charged, earlier ones included
    bool cancels_map = false;    // it failed, and its map is one that the first failure cancels
};
// SIGKILL to the worker's tree, for the sake of this attempt. Answered by WorkerGone.
struct KillTree {
    WorkerRef worker;
    JobId job;
    Outcome why = Outcome::timeout;
};
// The worker has nothing to do and is to be replaced by a fresh one. Answered by WorkerGone.
struct Recycle {
    WorkerRef worker;
    RecycleReason reason = RecycleReason::jobs;
};
// An answer to an attempt that the worker does not have: to be treated as stray output.
struct Stray {
    WorkerRef worker;
    AttemptId attempt;
    Evidence evidence;
};
struct SubmitAdmitted {
    std::uint64_t token = 0;
};
enum class Refusal : std::uint8_t { no_pool, draining, full, larger_than_queue, store_stopped };
struct SubmitRefused {
    std::uint64_t token = 0;
    Refusal why = Refusal::full;
};
// A sealed map has no job left.
struct MapSettled {
    MapId map;
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t items = 0;  // that it was given, as it was sealed
};
// The map is cancelled: its jobs end, those that come later too. To be kept, or they would run after a restart.
struct KeepCancel {
    MapId map;
    JobPoolId pool;
};
// To be cancelled, and not here: at its end, or its pool is not.
struct NoSuchJob {
    JobId job;
};
struct NoSuchMap {
    MapId map;
};
// A pool that left has nothing more to do. Answered by PoolFlushed with the same number, once all that was asked before
// stands in the store; by nothing if the store has stopped.
struct FlushPool {
    JobPoolId pool;
    std::uint64_t number = 0;
};
struct PoolForgotten {
    JobPoolId pool;
};

using JobEffect = std::variant<Dispatch, Claim, Release, Retry, Finish, KillTree, Recycle, Stray, SubmitAdmitted,
                               SubmitRefused, MapSettled, KeepCancel, NoSuchJob, NoSuchMap, FlushPool, PoolForgotten>;
using JobEffects = std::vector<JobEffect>;

[[nodiscard]] const char* to_string(Refusal refusal) noexcept;
[[nodiscard]] const char* to_string(RecycleReason reason) noexcept;

}  // namespace pinion::jobs
