// SPDX-License-Identifier: Apache-2.0
// What the scheduler shows of itself: values for status, `why` and the job socket.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "jobs/job_event.h"
#include "jobs/job_phase.h"

namespace pinion::jobs {

struct QueueView {
    JobPoolId pool;
    QueueMode mode = QueueMode::running;
    bool withdrawn = false;
    std::uint64_t ready = 0;
    std::uint64_t delayed = 0;
    std::uint64_t sent = 0;     // at workers, not executing; claiming ones too
    std::uint64_t running = 0;  // executing, or being killed
    std::uint64_t finishing = 0;
    std::uint64_t waiting_submits = 0;
    std::uint32_t workers = 0;
    std::uint32_t busy_workers = 0;
    std::optional<MonotonicTime> oldest_ready;
    std::optional<Duration> smoothed;  // between two answers of a busy worker
    std::uint32_t depth = 1;           // how many jobs a worker is sent at once
    // Since the pool was declared.
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t retried = 0;
    std::uint64_t strays = 0;
};

struct RunningView {
    JobId job;
    AttemptId attempt;
    std::uint32_t number = 1;
    WorkerRef worker;
    MonotonicTime since{};
    MonotonicTime deadline = no_deadline;
};

struct MapView {
    MapId map;
    JobPoolId pool;
    bool sealed = false;
    bool cancelled = false;
    std::uint64_t unfinished = 0;
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled_jobs = 0;
};

struct SchedulerView {
    std::vector<QueueView> queues;  // by pool
    std::uint64_t jobs = 0;
    std::size_t memory_bytes = 0;  // of records and index
};

// What a job waits for. The fields are meaningful where the kind speaks of them.
struct Why {
    enum class Kind : std::uint8_t {
        unknown,        // not here: at its end, or never submitted
        delayed,        // until `until`
        withdrawn,      // its pool leaves the configuration
        store_stopped,  // the durable store takes no writes
        store_behind,   // too many ends wait to be written
        paused,
        no_worker,  // no worker of the pool takes jobs
        semaphore,  // `semaphore`, of which `needed` are needed and `free` of `permits` are free; held by `holders`
        ahead,      // `ahead` jobs are before it, and the workers are busy
        next,       // none is before it; a worker is about to take it, or all are busy
        claiming,   // its claim is being written
        sent,       // at `worker`, behind `ahead` jobs
        running,    // at `worker` since `since`
        ending,     // the tree of `worker` is being killed for it
        finishing,  // its end is being written
    };
    Kind kind = Kind::unknown;
    JobPoolId pool;
    MonotonicTime until{};
    MonotonicTime since{};
    MonotonicTime deadline = no_deadline;
    WorkerRef worker;
    std::uint64_t ahead = 0;
    bool at_least = false;  // counted no further
    std::string semaphore;
    std::uint32_t needed = 0;
    std::int64_t free = 0;
    std::int64_t permits = 0;
    std::vector<RunningView> holders;
    std::vector<JobPoolId> pools_before;  // that wait for a permit longer
};

// In words: "delayed for another 3s", "3 jobs are ahead of it, and all 4 workers are busy". `name` gives the name of a
// pool.
[[nodiscard]] std::string to_string(const Why& why, MonotonicTime now,
                                    const std::function<std::string(JobPoolId)>& name);

}  // namespace pinion::jobs
