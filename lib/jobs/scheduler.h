// SPDX-License-Identifier: Apache-2.0
// All job pools as one pure machine: handle(events, now) appends effects; no I/O, no clock, no randomness.
//
// One call is one turn of the loop. Its events are taken in order; then, once for each pool they touched, what follows
// is decided: who executes, who is next, which worker takes it. So a batch of a thousand answers costs one round of
// decisions.
//
//  - Workers pull: each has credits, `depth` less what it has not answered. The depth is pool.prefetch, or about 1 ms of
//    work: clamp(1 ms / the smoothed time between two answers, 1, 64), and `concurrency` − 1 on top. What a worker may
//    have waited for us is no time of its own. The worker with the fewest jobs is served first, so that few jobs
//    spread over all. One whose inputs come to 32 MiB gets only what it can execute at once.
//  - Jobs with semaphores, and later attempts, start only at a worker that can execute them at once (depth 1): what
//    holds a permit or a claim must not wait in a pipe. Such a job's turn holds the others of its pool back until a
//    worker is free.
//  - A later attempt is claimed on disk before it is dispatched, so a job that takes the daemon down does so at most
//    once without a record.
//  - Only executing jobs are timed and charged, and only once their worker was handed them. A worker that dies gives
//    the rest back in front of their lanes.
// The way of one job is drawn in job_phase.h, the order of the queue is told in lanes.h, that of permits in
// semaphores.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "jobs/job_effect.h"
#include "jobs/job_event.h"
#include "jobs/scheduler_view.h"

namespace pinion::jobs {

class Scheduler {
public:
    // `seed` decides the jitter of back-off, nothing else.
    explicit Scheduler(std::uint64_t seed);
    ~Scheduler();
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    // Takes what happened, in order, at `now` (monotone over calls) and appends what is to be done, in order. Events
    // that come too late (an answer of a worker that is gone, a job of a pool that was forgotten) change nothing.
    void handle(std::span<const JobEvent> events, MonotonicTime now, JobEffects& effects);

    // When TimerFired would do something: at the latest. It may be early by the time that an attempt did not need,
    // since timers are not moved for each job. `no_deadline` where nothing waits for time.
    [[nodiscard]] MonotonicTime next_deadline() const;

    [[nodiscard]] SchedulerView snapshot() const;
    [[nodiscard]] std::optional<QueueView> queue(JobPoolId pool) const;
    [[nodiscard]] std::vector<RunningView> running(JobPoolId pool) const;  // by slot
    [[nodiscard]] std::optional<MapView> map(MapId map) const;
    // `none` where the scheduler does not have the job.
    [[nodiscard]] JobPhase phase(JobId job) const;
    // What the job waits for.
    [[nodiscard]] Why why(JobId job) const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace pinion::jobs
