// SPDX-License-Identifier: Apache-2.0
// What the shell tells the scheduler about workers: that they come and go, what they answer, and how far the handing
// over of a job to one has come.
#pragma once

#include <cstdint>
#include <vector>

#include "jobs/outcome.h"
#include "model/job_ids.h"

namespace pinion::jobs {

// The shell's handle of what it holds about an attempt: the bytes of its answer, the record of its death. 0: nothing.
using Evidence = StrongId<struct EvidenceTag, std::uint64_t>;

struct WorkerArrived {  // it takes jobs from now on; a worker of that slot before it is gone
    WorkerRef worker;
};
enum class Departure : std::uint8_t {
    crash,    // ended by itself, however
    oom,      // killed by the kernel for its memory
    stopped,  // ended by us: a stop, a reload, a recycling, a kill that the scheduler asked for
};
// Its tree is empty: nothing of it runs any more.
struct WorkerGone {
    WorkerRef worker;
    Departure how = Departure::crash;
    Evidence evidence;
};
enum class RecycleReason : std::uint8_t { jobs, memory, age };
struct WorkerBlocked {  // its pipe is full, or has room again
    WorkerRef worker;
    bool blocked = false;
};
struct WorkerMemory {  // what its tree uses now, for recycle.memory
    WorkerRef worker;
    std::uint64_t bytes = 0;
};
// A worker answered an attempt. `pushes`: the pools of the new jobs that a result brings.
struct JobAnswered {
    WorkerRef worker;
    AttemptId attempt;
    Verdict verdict;
    Evidence evidence;
    std::vector<JobPoolId> pushes;
};
// The payload of a dispatched attempt was not at hand, so that the worker has yet to be handed it; or now it was. Until
// then the attempt is neither timed nor charged with a death. Not told where it was handed over at once.
struct PayloadAwaited {
    WorkerRef worker;
    AttemptId attempt;
    bool awaited = true;
};
// The payload of a dispatched attempt can't be had; the worker never saw it.
struct PayloadLost {
    WorkerRef worker;
    AttemptId attempt;
    Evidence evidence;
};
struct ClaimPersisted {
    WorkerRef worker;
    AttemptId attempt;
};

}  // namespace pinion::jobs
