// SPDX-License-Identifier: Apache-2.0
// What follows from the events of a turn: who executes, who is next, which worker takes it.
#include <algorithm>
#include <utility>

#include "jobs/scheduler_impl.h"
#include "model/job_limits.h"

namespace pinion::jobs {

void Scheduler::Impl::conclude() {
    while (!touched_.empty() || !dirty_.empty()) {
        for (const WorkerRef& ref : std::exchange(touched_, {}))
            if (JobWorker* there = worker(ref)) refresh(*pool(ref.pool), *there);
        for (const std::uint32_t number : std::exchange(dirty_, {})) {
            PoolRecord& pool = pools_[number];
            if (!pool.dirty) continue;
            pool.dirty = false;
            pull(pool);
            admit(pool);
            forget_pool_if_over(pool);
        }
    }
    // Permits that came free, and pools that gave up waiting, let others in, those that wait longest first.
    for (bool moved = semaphores_.anyone_waits(); moved;) {
        const auto before = semaphores_.waiting();
        for (const std::uint32_t number : before) pull(pools_[number]);
        moved = semaphores_.waiting() != before;
    }
    cancel_slice();
}

void Scheduler::Impl::refresh(PoolRecord& pool, JobWorker& worker) {
    worker.touched = false;
    if (worker.answered > 0) measure(pool, worker);
    const std::size_t oldest = std::min<std::size_t>(pool.spec->concurrency, worker.sent.size());
    for (std::size_t i = 0; i < oldest && worker.phase != WorkerPhase::killing; ++i) {
        Sent& sent = worker.sent[i];
        if (sent.executing || !sent.dispatched) continue;
        if (sent.is_gap())
            kill(worker, sent.job, Outcome::cancelled);
        else
            execute(pool, worker, sent);
    }
    recycle(pool, worker);
    update_room(pool, worker);
}

// A worker that has answered all it had may have waited for us: what we took is not to be taken for its work, or a busy
// daemon would send ever less ahead, and be waited for ever more.
void Scheduler::Impl::measure(PoolRecord& pool, JobWorker& worker) {
    const Duration span = now_ - worker.busy_since;
    const double interval = static_cast<double>(span.count()) / worker.answered;
    const double weight = worker.answered / (worker.answered + 15.0);
    const bool may_have_waited = worker.sent.empty() && span < limits::turn_latency;
    if (pool.smoothed_us < 0)
        pool.smoothed_us = interval;
    else if (interval < pool.smoothed_us || !may_have_waited)
        pool.smoothed_us += weight * (interval - pool.smoothed_us);
    worker.answered = 0;
    worker.busy_since = now_;
}

void Scheduler::Impl::execute(PoolRecord& pool, JobWorker& worker, Sent& sent) {
    JobRecord& job = jobs_.at(sent.place);
    job.become(JobPhase::running);
    sent.executing = true;
    time(pool, worker, sent);
    // A later attempt is claimed already.
    if (!pool.durable() || job.attempts() > 0) return;
    sent.claimed = true;
    emit(Claim{job.id, worker.ref, sent.attempt, 1, false});
}

// From here on; or, where its payload is on its way, from when it is with the worker.
void Scheduler::Impl::time(const PoolRecord& pool, JobWorker& worker, Sent& sent) {
    sent.since = now_;
    sent.deadline = no_deadline;
    if (sent.awaited || !pool.spec->job.timeout) return;
    sent.deadline = add_saturating(now_, *pool.spec->job.timeout);
    set_timer(worker, sent.deadline);
}

void Scheduler::Impl::recycle(PoolRecord& pool, JobWorker& worker) {
    const RecyclePolicy& policy = pool.spec->recycle;
    if (worker.phase == WorkerPhase::open && policy.jobs && worker.taken >= *policy.jobs) {
        worker.phase = WorkerPhase::retiring;
        worker.reason = RecycleReason::jobs;
    }
    if (worker.phase == WorkerPhase::open && policy.age) {
        const MonotonicTime old = add_saturating(worker.arrived, *policy.age);
        if (now_ >= old) {
            worker.phase = WorkerPhase::retiring;
            worker.reason = RecycleReason::age;
        } else {
            set_timer(worker, old);
        }
    }
    if (worker.phase != WorkerPhase::retiring || !worker.sent.empty()) return;
    worker.phase = WorkerPhase::leaving;
    emit(Recycle{worker.ref, worker.reason});
}

void Scheduler::Impl::update_room(PoolRecord& pool, JobWorker& worker) {
    // Inputs are kept in memory until the worker has read them. What it can execute at once it gets in any case.
    const bool may_wait = worker.sent.bytes() < limits::bytes_ahead;
    const bool room = worker.phase == WorkerPhase::open && !worker.blocked && worker.claiming == 0 &&
                      (may_wait || worker.sent.size() < pool.spec->concurrency);
    pool.buckets.place(pool.workers, worker.ref.slot.value, room);
}

bool Scheduler::Impl::may_dispatch(const PoolRecord& pool) const {
    return pool.spec != nullptr && !pool.withdrawn && pool.mode != QueueMode::paused &&
           ((store_writable_ && !store_behind_) || !pool.needs_disk());
}

void Scheduler::Impl::pull(PoolRecord& pool) {
    while (may_dispatch(pool)) {
        const Place place = lanes_.next(pool.rings);
        if (place == nowhere) break;
        const bool later_attempt = pool.durable() && jobs_.at(place).attempts() > 0;
        const bool at_once = pool.needs != nullptr || later_attempt;
        const std::uint32_t slot = pool.buckets.least(at_once ? pool.spec->concurrency : pool.depth());
        if (slot == nowhere) break;
        if (pool.needs != nullptr && !semaphores_.acquire(pool.id.value, pool.needs)) return;  // with a ticket, perhaps
        lanes_.take(pool.rings);
        start(pool, *pool.workers[slot], place, later_attempt);
    }
    semaphores_.leave(pool.id.value);
}

void Scheduler::Impl::start(PoolRecord& pool, JobWorker& worker, Place place, bool later_attempt) {
    JobRecord& job = jobs_.at(place);
    if (worker.sent.empty()) worker.busy_since = now_;
    ++worker.taken;
    worker.sent.add({.attempt = AttemptId{next_attempt_++},
                     .job = job.id,
                     .place = place,
                     .dispatched = !later_attempt,
                     .claimed = later_attempt,
                     .held = pool.needs,
                     .size = job.size});
    Sent& sent = worker.sent[worker.sent.size() - 1];
    if (later_attempt) {
        job.become(JobPhase::claiming);
        ++worker.claiming;
        emit(Claim{job.id, worker.ref, sent.attempt, job.attempts() + 1, true});
    } else {
        job.become(JobPhase::sent);
        dispatch(pool, worker, sent);
        if (worker.sent.size() <= pool.spec->concurrency) execute(pool, worker, sent);
    }
    recycle(pool, worker);
    update_room(pool, worker);
}

void Scheduler::Impl::dispatch(PoolRecord& pool, JobWorker& worker, const Sent& sent) {
    const JobRecord& job = jobs_.at(sent.place);
    emit(Dispatch{worker.ref, job.id, sent.attempt, job.attempts() + 1, job.size,
                  pool.spec->job.timeout.value_or(Duration::zero())});
}

void Scheduler::Impl::kill(JobWorker& worker, JobId job, Outcome why) {
    if (worker.phase == WorkerPhase::killing) return;
    worker.phase = WorkerPhase::killing;
    emit(KillTree{worker.ref, job, why});
}

void Scheduler::Impl::doom(JobWorker& worker, Sent& sent, Outcome why) {
    if (sent.doom) {
        if (why == Outcome::cancelled) sent.doom = why;  // or it might be tried again
        return;
    }
    sent.doom = why;
    jobs_.at(sent.place).become(JobPhase::ending);
    kill(worker, sent.job, why);
}

void Scheduler::Impl::set_timer(JobWorker& worker, MonotonicTime at) {
    if (at >= worker.timer) return;
    if (worker.timer != no_deadline) timers_.erase({worker.timer, worker.ref});
    worker.timer = at;
    timers_.insert({at, worker.ref});
}

void Scheduler::Impl::worker_timer(JobWorker& worker) {
    timers_.erase({worker.timer, worker.ref});
    worker.timer = no_deadline;
    if (worker.phase == WorkerPhase::killing) return;
    MonotonicTime next = no_deadline;
    for (Sent& sent : worker.sent) {
        if (!sent.executing || sent.doom) continue;
        if (sent.deadline <= now_)
            doom(worker, sent, Outcome::timeout);
        else
            next = std::min(next, sent.deadline);
    }
    if (worker.phase != WorkerPhase::killing) set_timer(worker, next);
    touch(*pool(worker.ref.pool), worker);  // its age is looked at there
}

}  // namespace pinion::jobs
