// SPDX-License-Identifier: Apache-2.0
// What the scheduler keeps of a pool and of a map.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "jobs/job_event.h"
#include "jobs/job_worker.h"
#include "jobs/lanes.h"
#include "jobs/scheduler_view.h"
#include "jobs/semaphores.h"

namespace pinion::jobs {

struct MapRecord {
    MapId id;
    std::uint32_t pool = 0;
    bool fail_fast = false;
    bool sealed = false;
    bool cancelled = false;
    bool cancelling = false;  // its queued jobs are being ended
    bool open = false;        // the record is in use
    std::uint64_t unfinished = 0;
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled_jobs = 0;
    std::uint64_t items = 0;  // that it was given, as it was sealed
    std::vector<std::uint32_t> lanes;
};

struct PoolRecord {
    JobPoolId id;
    JobPoolPtr spec;  // null: there is no such pool
    QueueMode mode = QueueMode::running;
    bool withdrawn = false;
    std::uint64_t flush = 0;  // of a withdrawn one: the number of its last FlushPool; 0: none since it wrote
    bool flushed = false;     // and that was answered
    bool dirty = false;       // to be looked at in this turn
    std::uint32_t own_map = nowhere;
    Rings rings;
    NeedsPtr needs;
    Buckets::Workers workers;
    Buckets buckets;
    std::uint32_t worker_count = 0;
    double smoothed_us = -1;  // below 0: unknown
    std::uint64_t reserved = 0;
    std::uint64_t on_disk = 0;  // jobs that are kept there
    std::deque<SubmitRequested> waiting;
    QueueView counts;  // what is counted as it changes

    // More of it is on its way to the store, without an answer.
    void wrote() noexcept {
        flush = 0;
        flushed = false;
    }
    [[nodiscard]] bool durable() const { return spec->queue.durability != Durability::memory; }
    // Ends of its jobs go to the disk, for as long as it has some there from when it promised more.
    [[nodiscard]] bool needs_disk() const { return on_disk > 0 || durable(); }
    [[nodiscard]] std::uint32_t depth() const;
    // Jobs for which the queue's capacity is meant.
    [[nodiscard]] std::uint64_t occupied() const { return rings.ready + counts.delayed + reserved; }
};

// When something is to be done about a worker.
struct WorkerTimer {
    MonotonicTime at;
    WorkerRef worker;
    auto operator<=>(const WorkerTimer&) const = default;
};

}  // namespace pinion::jobs
