// SPDX-License-Identifier: Apache-2.0
// How attempts, jobs, maps and pools end.
#include <algorithm>
#include <ranges>

#include "jobs/scheduler_impl.h"

namespace pinion::jobs {

void Scheduler::Impl::release_permits(Sent& sent) {
    if (sent.held == nullptr) return;
    semaphores_.release(*sent.held);
    sent.held.reset();
}

void Scheduler::Impl::settle(PoolRecord& pool, JobWorker& worker, Sent sent, const Verdict& verdict,
                             Evidence evidence) {
    release_permits(sent);
    const AttemptNote note{.number = jobs_.at(sent.place).attempts() + 1,
                           .outcome = verdict.outcome,
                           .worker = worker.ref,
                           .started = sent.executing ? sent.since : now_,
                           .evidence = evidence};
    end_attempt(pool, sent.place, {verdict, note});
}

void Scheduler::Impl::end_attempt(PoolRecord& pool, Place place, const End& end) {
    JobRecord& job = jobs_.at(place);
    job.set_attempts(end.note.number);
    const JobPolicy& policy = pool.spec->job;
    if (map_of(job).cancelled || !tries_again(policy, end.note.number, end.verdict))
        return finish(pool, place, end.note);
    const Duration delay =
        end.verdict.after.value_or(retry_delay(policy, end.note.number, seed_ + job.id.value * 1024 + end.note.number));
    emit(Retry{job.id, pool.id, end.note, delay});
    ++pool.counts.retried;
    if (delay > Duration::zero()) return make_delayed(pool, place, add_saturating(now_, delay));
    make_ready(pool, place);
}

void Scheduler::Impl::finish(PoolRecord& pool, Place place, const AttemptNote& note) {
    JobRecord& job = jobs_.at(place);
    job.become(JobPhase::finishing);
    const std::uint32_t number = lanes_.at(job.lane).map;
    MapRecord& map = maps_[number];
    const JobState state = final_state(note.outcome);
    ++pool.counts.finishing;
    switch (state) {
        case JobState::done:
            ++pool.counts.done;
            ++map.done;
            break;
        case JobState::cancelled:
            ++pool.counts.cancelled;
            ++map.cancelled_jobs;
            break;
        default: ++pool.counts.failed; ++map.failed;
    }
    const bool cancels = state == JobState::failed && map.fail_fast;
    emit(Finish{job.id, pool.id, map.id, state, note, job.attempts(), cancels});
    if (cancels) cancel_map(number);
}

// In reverse, so that the first that was sent is the first again.
void Scheduler::Impl::give_back(PoolRecord& pool, JobWorker&, std::vector<Sent> unblamed) {
    for (Sent& sent : std::views::reverse(unblamed)) {
        release_permits(sent);
        JobRecord& job = jobs_.at(sent.place);
        if (map_of(job).cancelled) {
            finish(pool, sent.place, {.outcome = Outcome::cancelled});
            continue;
        }
        if (sent.claimed) emit(Release{job.id, pool.id});
        job.become(JobPhase::ready);
        lanes_.push_front(pool.rings, sent.place);
    }
}

void Scheduler::Impl::on(const FinishPersisted& event) {
    const Place place = jobs_.find(event.job);
    if (place == nowhere || jobs_.at(place).phase() != JobPhase::finishing) return;
    PoolRecord& pool = pool_of(jobs_.at(place));
    --pool.counts.finishing;
    forget(place);
    if (pool.withdrawn) touch(pool);  // it may have been what the pool waited for
}

void Scheduler::Impl::on(const PushesFailed& event) {
    const Place place = jobs_.find(event.job);
    if (place == nowhere || jobs_.at(place).phase() != JobPhase::finishing) return;
    PoolRecord& pool = pool_of(jobs_.at(place));
    --pool.counts.done;
    ++pool.counts.failed;
    const std::uint32_t number = lanes_.at(jobs_.at(place).lane).map;
    MapRecord& map = maps_[number];
    --map.done;
    ++map.failed;
    if (!map.fail_fast || map.cancelled) return;
    emit(KeepCancel{map.id, pool.id});
    cancel_map(number);
}

void Scheduler::Impl::forget(Place place) {
    const std::uint32_t number = jobs_.at(place).lane;
    PoolRecord& pool = pool_of(jobs_.at(place));
    if (jobs_.at(place).on_disk() && --pool.on_disk == 0) touch(pool);
    jobs_.remove(place);
    Lane& lane = lanes_.at(number);
    const std::uint32_t map = lane.map;
    --maps_[map].unfinished;
    if (--lane.users == 0) {
        std::erase(maps_[map].lanes, number);
        lanes_.drop(number);
    }
    forget_map_if_over(map);
}

void Scheduler::Impl::forget_map_if_over(std::uint32_t map) {
    MapRecord& record = maps_[map];
    if (record.id.value == 0 || !record.sealed || record.unfinished > 0) return;
    emit(MapSettled{record.id, record.done, record.failed, record.cancelled_jobs, record.items});
    map_numbers_.erase(record.id.value);
    record = MapRecord{};
    free_maps_.push_back(map);
}

void Scheduler::Impl::forget_pool_if_over(PoolRecord& pool) {
    if (!pool.withdrawn || pool.worker_count > 0) return;
    admit(pool);  // that is, refuse
    // Should the pool come back, its jobs are read from the store: not before all that is known of them stands there.
    if (pool.reserved > 0 || pool.counts.finishing > 0) return;
    if (pool.flush == 0) {
        pool.flush = ++flushes_;
        return emit(FlushPool{pool.id, pool.flush});
    }
    if (pool.flushed) forget(pool);
}

void Scheduler::Impl::forget(PoolRecord& pool) {
    jobs_.for_each([&](Place place) {
        const JobRecord& job = jobs_.at(place);
        if (lanes_.at(job.lane).pool != pool.id.value) return;
        leave_queue(pool, place);
        --lanes_.at(job.lane).users;
        jobs_.remove(place);
    });
    for (std::uint32_t number = 0; number < maps_.size(); ++number) {
        MapRecord& map = maps_[number];
        if (!map.open || map.pool != pool.id.value) continue;
        for (const std::uint32_t lane : map.lanes) lanes_.drop(lane);
        map_numbers_.erase(map.id.value);
        map = MapRecord{};
        free_maps_.push_back(number);
    }
    semaphores_.leave(pool.id.value);
    emit(PoolForgotten{pool.id});
    pool = PoolRecord{};
}

}  // namespace pinion::jobs
