// SPDX-License-Identifier: Apache-2.0
// What goes into the queues of jobs and comes out of them: orders, ends, progress, pages of lists.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "jobs/store_answer.h"
#include "model/job_ids.h"
#include "model/job_limits.h"
#include "model/pool_spec.h"

namespace pinion::daemon {

using SpecPtr = std::shared_ptr<const PoolSpec>;

// A job pool that is declared now.
struct JobPool {
    JobPoolId id;
    SpecPtr spec;  // spec->jobs is set
};

// Jobs to be added together: all or none.
struct JobOrder {
    JobPoolId pool;
    MapId map;                        // 0: none
    std::uint64_t first_index = 0;    // in its map
    std::vector<std::string> inputs;  // JSON text, or raw lines, as the pool's payload is
    std::vector<std::string> keys;    // empty, or one for each input ("": none)
    std::uint8_t priority = limits::default_priority;
    WallTime not_before{};
    JobId retry_of;
    bool wait = false;  // for room, instead of being refused
};

// A job at its end, when its state is as durable as its pool asks for.
struct JobEnd {
    JobId job;
    JobPoolId pool;
    MapId map;
    jobs::JobState state = jobs::JobState::done;
    std::uint32_t attempts = 0;
    std::string_view result;  // JSON text or raw bytes; of one that is done
    std::string_view error;   // JSON {"type","message",…}; of one that failed or was cancelled
};
struct JobProgress {
    JobId job;
    MapId map;
    std::optional<double> fraction;
    std::string_view note;
};

// Of a list by id: what was found, and how far the search went.
struct JobPage {
    std::vector<jobs::StoredJob> jobs;
    JobId seen{};  // where it goes on; 0: no more are left
};

// The attempt that a worker executes, or is being killed for.
struct RunningAttempt {
    std::uint32_t number = 1;
    Slot slot;
    std::string seat;  // its CPUs; empty where it floats
    WallTime started{};
    std::optional<WallTime> deadline;
    std::optional<double> progress;  // what the worker said last, of either
    std::string note;
};

}  // namespace pinion::daemon
