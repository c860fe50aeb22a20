// SPDX-License-Identifier: Apache-2.0
// What the job socket asks of the daemon: submits, ends, lists, cancels. An interface, so that the server of the socket
// and the host of the queues know only this of one another. Everything happens in the deciding thread; what takes time
// is answered through a callback, which is called later, never from within the call that took it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/control.h"
#include "daemon/jobs/job_log.h"
#include "daemon/jobs/job_queue_parts.h"
#include "jobs/job_effect.h"
#include "jobs/scheduler_view.h"
#include "jobs/store.h"

namespace pinion::daemon {

// Whoever waits for ends. Must call JobQueue::forget before it goes.
class JobListener {
public:
    virtual ~JobListener() = default;
    virtual void job_ended(const JobEnd& end) = 0;
    virtual void job_progressed(const JobProgress&) {}
    // A sealed map has no job left.
    virtual void map_settled(const jobs::MapSettled& settled) = 0;
    // Nobody fills the map any more; it may not be sealed.
    virtual void map_left() {}
    // Jobs on disk get no end before the daemon starts anew; called where one of them, or their map, is listened to.
    virtual void store_stopped(const std::string& why) = 0;
};

// What clients may ask for; the job socket has checked their rights.
class JobQueue {
public:
    template <class T>
    using Done = std::move_only_function<void(Answer<T>)>;

    virtual ~JobQueue() = default;

    [[nodiscard]] virtual std::optional<JobPool> find(const std::string& pool) const = 0;
    [[nodiscard]] virtual std::vector<JobPool> pools() const = 0;
    // Also of a pool that has left the configuration; "?" where it is not known.
    [[nodiscard]] virtual std::string name(JobPoolId pool) const = 0;

    // A ticket for `abandon`, which ends the wait for room (an order that was admitted stays; `done` is called or not).
    virtual std::uint64_t submit(JobOrder order, Done<std::vector<jobs::PlacedJob>> done) = 0;
    virtual void abandon(std::uint64_t ticket) = 0;
    // With a name: the map of that name, if there is one. Its `map` is 0 for none.
    virtual void open_map(JobPoolId pool, std::string name, bool fail_fast, Done<jobs::StoredMap> done) = 0;
    // `done`, where it is given, is called when that can't be lost any more, or refused where the disk does not take
    // it.
    virtual void seal_map(MapId map, jobs::MapSeal seal, Done<void> done = {}) = 0;
    // Whoever fills a map says so, and when it ends; listeners to the map hear of the end of the last.
    virtual void begin_filling(MapId map) = 0;
    virtual void end_filling(MapId map) = 0;
    [[nodiscard]] virtual bool is_filled(MapId map) const = 0;  // by anybody, now
    // The maps of that name, by pool, of those that are declared now: for those who name a map only.
    virtual void find_map(std::string name, Done<std::map<JobPoolId, MapId>> done) = 0;
    // Whether clients should be read from; if not, `on_room` (set once) is called when they should again.
    [[nodiscard]] virtual bool has_room() const = 0;
    virtual void set_on_room(std::function<void()> on_room) = 0;

    // Why jobs on disk get no end before the daemon starts anew; nothing where they do.
    [[nodiscard]] virtual std::optional<std::string> stopped() const = 0;

    // Ends that come from here on. Those of before are in the store.
    virtual void listen(MapId map, JobListener& listener) = 0;
    virtual void listen(JobId job, JobListener& listener) = 0;
    virtual void forget(JobListener& listener) = 0;
    virtual void forget(JobId job, JobListener& listener) = 0;

    virtual void look_up(JobId job, Done<std::optional<jobs::StoredJob>> done) = 0;
    // For when `open_map` is refused: what can be known of a map while nothing is written.
    virtual void look_up(MapId map, Done<std::optional<jobs::StoredMap>> done) = 0;
    virtual void list(jobs::ListJobs query, Done<JobPage> done) = 0;  // its token is ours
    virtual void read_items(MapId map, std::uint64_t from, std::uint32_t limit,
                            Done<std::vector<jobs::StoredJob>> done) = 0;
    // The input as it was submitted: for a retry by hand.
    virtual void payload(JobId job, Done<std::string> done) = 0;

    // Of a running job the whole tree is killed. Answered when it can't be lost any more, with the end that the job
    // has, which may be another; refused where its pool is not there, or the disk does not take it.
    virtual void cancel(JobId job, Done<jobs::JobState> done) = 0;
    // All jobs of the map that are not at their end, and those that are added later. Answered when it can't be lost any
    // more; false: there was nothing left to cancel. `done` may be empty.
    virtual void cancel_map(MapId map, Done<bool> done) = 0;
    // Takes effect at once. Answered when it can't be lost any more; refused where the disk does not take it: then it
    // holds all the same, until the daemon ends.
    virtual void set_mode(JobPoolId pool, jobs::QueueMode mode, const std::string& by, Done<void> done) = 0;

    [[nodiscard]] virtual std::optional<jobs::QueueView> queue(JobPoolId pool) const = 0;
    [[nodiscard]] virtual std::optional<jobs::MapView> map(MapId map) const = 0;
    // Nothing where none runs.
    [[nodiscard]] virtual std::optional<RunningAttempt> attempt(JobId job) const = 0;
    // CPU time of the pool's workers since the daemon began, those that have ended included. Looks at each that lives.
    [[nodiscard]] virtual Duration cpu_time(JobPoolId pool) const = 0;
    // `none` where the job is at its end, or was never there: ask the store.
    [[nodiscard]] virtual jobs::JobPhase phase(JobId job) const = 0;
    [[nodiscard]] virtual std::string why(JobId job) const = 0;  // in words
    // The tail of what its attempts wrote, as far as it is kept (bounded; lost with the daemon).
    [[nodiscard]] virtual std::vector<JobLogLine> log(JobId job) const = 0;
};

}  // namespace pinion::daemon
