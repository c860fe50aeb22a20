// SPDX-License-Identifier: Apache-2.0
// What the scheduler shows: snapshots, and why a job does not run.
#include <algorithm>

#include "jobs/scheduler_impl.h"
#include "model/job_limits.h"

namespace pinion::jobs {

SchedulerView Scheduler::Impl::snapshot() const {
    SchedulerView view;
    for (const PoolRecord& pool : pools_)
        if (pool.spec != nullptr) view.queues.push_back(this->view(pool));
    view.jobs = jobs_.size();
    view.memory_bytes = jobs_.memory_bytes() + delays_.memory_bytes();
    return view;
}

QueueView Scheduler::Impl::view(const PoolRecord& pool) const {
    QueueView view = pool.counts;
    view.pool = pool.id;
    view.mode = pool.mode;
    view.withdrawn = pool.withdrawn;
    view.ready = pool.rings.ready;
    view.waiting_submits = pool.waiting.size();
    view.workers = pool.worker_count;
    view.depth = pool.depth();
    if (pool.smoothed_us >= 0) view.smoothed = Duration(static_cast<Duration::rep>(pool.smoothed_us));
    const auto is_ready_since = [&view](MonotonicTime since) {
        view.oldest_ready = view.oldest_ready ? std::min(*view.oldest_ready, since) : since;
    };
    for (const auto& worker : pool.workers) {
        if (!worker) continue;
        bool busy = false;
        for (const Sent& sent : worker->sent) {
            if (sent.is_gap()) continue;
            busy = true;
            ++(sent.executing ? view.running : view.sent);
            if (!sent.executing) is_ready_since(jobs_.at(sent.place).time());
        }
        view.busy_workers += busy ? 1 : 0;
    }
    for (std::size_t level = 0; level < Rings::levels; ++level) {
        std::uint32_t lane = pool.rings.cursor[level];
        for (std::uint32_t i = 0; i < pool.rings.lanes[level]; ++i, lane = lanes_.at(lane).ring_next)
            is_ready_since(jobs_.at(lanes_.at(lane).head).time());
    }
    return view;
}

std::vector<RunningView> Scheduler::Impl::running(const PoolRecord& pool) const {
    std::vector<RunningView> all;
    for (const auto& worker : pool.workers) {
        if (!worker) continue;
        for (const Sent& sent : worker->sent)
            if (sent.executing)
                all.push_back({sent.job, sent.attempt, jobs_.at(sent.place).attempts() + 1, worker->ref, sent.since,
                               sent.deadline});
    }
    return all;
}

std::optional<MapView> Scheduler::Impl::map(MapId map) const {
    const auto known = map_numbers_.find(map.value);
    if (known == map_numbers_.end()) return std::nullopt;
    const MapRecord& record = maps_[known->second];
    return MapView{record.id,   JobPoolId{record.pool}, record.sealed,        record.cancelled, record.unfinished,
                   record.done, record.failed,          record.cancelled_jobs};
}

JobPhase Scheduler::Impl::phase(JobId job) const {
    const Place place = jobs_.find(job);
    return place == nowhere ? JobPhase::none : jobs_.at(place).phase();
}

Why Scheduler::Impl::why(JobId id) const {
    const Place place = jobs_.find(id);
    if (place == nowhere) return {};
    const JobRecord& job = jobs_.at(place);
    const PoolRecord& pool = pools_[lanes_.at(job.lane).pool];
    Why why{.pool = pool.id, .since = job.time()};
    switch (job.phase()) {
        case JobPhase::none: return {};
        case JobPhase::delayed:
            why.kind = Why::Kind::delayed;
            why.until = job.time();
            return why;
        case JobPhase::ready: return why_ready(pool, place, why);
        case JobPhase::finishing: why.kind = Why::Kind::finishing; return why;
        case JobPhase::claiming: why.kind = Why::Kind::claiming; break;
        case JobPhase::sent: why.kind = Why::Kind::sent; break;
        case JobPhase::running: why.kind = Why::Kind::running; break;
        case JobPhase::ending: why.kind = Why::Kind::ending; break;
    }
    for (const auto& worker : pool.workers) {
        if (!worker) continue;
        const std::size_t index = worker->sent.find_job(place);
        if (index == worker->sent.size()) continue;
        why.worker = worker->ref;
        why.ahead = index;
        why.since = worker->sent[index].since;
        why.deadline = worker->sent[index].deadline;
    }
    return why;
}

Why Scheduler::Impl::why_ready(const PoolRecord& pool, Place place, Why why) const {
    const auto being = [&why](Why::Kind kind) {
        why.kind = kind;
        return why;
    };
    count_ahead(pool, place, why);
    if (pool.withdrawn) return being(Why::Kind::withdrawn);
    if (pool.needs_disk() && !store_writable_) return being(Why::Kind::store_stopped);
    if (pool.needs_disk() && store_behind_) return being(Why::Kind::store_behind);
    if (pool.mode == QueueMode::paused) return being(Why::Kind::paused);
    const bool any = std::ranges::any_of(
        pool.workers, [](const auto& worker) { return worker != nullptr && worker->phase == WorkerPhase::open; });
    if (!any) return being(Why::Kind::no_worker);
    if (pool.needs != nullptr) {
        const std::size_t missing = semaphores_.missing(pool.id.value, *pool.needs);
        if (missing < pool.needs->size()) {
            name_holders(pool, (*pool.needs)[missing], why);
            return being(Why::Kind::semaphore);
        }
    }
    return being(why.ahead > 0 ? Why::Kind::ahead : Why::Kind::next);
}

// Those of higher priority, those before it in its lane, and as many rounds of the other lanes of its priority.
void Scheduler::Impl::count_ahead(const PoolRecord& pool, Place place, Why& why) const {
    const std::uint32_t number = jobs_.at(place).lane;
    const Lane& lane = lanes_.at(number);
    std::uint64_t before = 0;
    for (Place at = jobs_.at(place).prev; at != nowhere && before < limits::counted_ahead; at = jobs_.at(at).prev)
        ++before;
    why.at_least = before == limits::counted_ahead;
    why.ahead = before;
    for (std::size_t level = lane.priority + 1U; level < Rings::levels; ++level) why.ahead += pool.rings.jobs[level];
    bool passed = false;  // lanes after ours in this round get one turn less before our job
    std::uint32_t other = pool.rings.cursor[lane.priority];
    for (std::uint32_t i = 0; i < pool.rings.lanes[lane.priority]; ++i, other = lanes_.at(other).ring_next) {
        if (other == number)
            passed = true;
        else
            why.ahead += std::min<std::uint64_t>(lanes_.at(other).count, before + (passed ? 0 : 1));
    }
}

void Scheduler::Impl::name_holders(const PoolRecord& pool, const Needs::value_type& need, Why& why) const {
    const Semaphores::One& semaphore = semaphores_.at(need.first);
    why.semaphore = semaphore.name;
    why.needed = need.second;
    why.permits = semaphore.permits;
    why.free = semaphore.permits - semaphore.held;
    for (const std::uint32_t number : semaphores_.waiting()) {
        if (number == pool.id.value) break;
        why.pools_before.push_back(JobPoolId{number});
    }
    const auto holds = [&](const Sent& sent) {
        return sent.held != nullptr &&
               std::ranges::any_of(*sent.held, [&](const auto& held) { return held.first == need.first; });
    };
    for (const PoolRecord& other : pools_) {
        for (const auto& worker : other.workers) {
            if (!worker) continue;
            for (const Sent& sent : worker->sent)
                if (holds(sent))
                    why.holders.push_back({sent.job, sent.attempt, jobs_.at(sent.place).attempts() + 1, worker->ref,
                                           sent.since, sent.deadline});
        }
    }
}

}  // namespace pinion::jobs
