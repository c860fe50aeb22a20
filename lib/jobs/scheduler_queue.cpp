// SPDX-License-Identifier: Apache-2.0
// Jobs and maps come and go: admission, queueing, cancelling.
#include <algorithm>
#include <utility>

#include "jobs/scheduler_impl.h"
#include "model/job_limits.h"

namespace pinion::jobs {

void Scheduler::Impl::answer_submit(const PoolRecord& pool, const SubmitRequested& request,
                                    std::optional<Refusal> refusal) {
    if (refusal) return emit(SubmitRefused{request.token, *refusal});
    pools_[pool.id.value].reserved += request.count;
    emit(SubmitAdmitted{request.token});
}

namespace {

// Why a submit can't be had whatever room there is.
std::optional<Refusal> refusal_of(const PoolRecord& pool, const SubmitRequested& request, bool store_writable) {
    if (pool.withdrawn) return Refusal::no_pool;
    if (pool.mode == QueueMode::draining) return Refusal::draining;
    if (pool.durable() && !store_writable) return Refusal::store_stopped;
    if (request.count > pool.spec->queue.capacity) return Refusal::larger_than_queue;
    return std::nullopt;
}

bool has_room(const PoolRecord& pool, std::uint64_t count) {
    return pool.occupied() + count <= pool.spec->queue.capacity;
}

}  // namespace

void Scheduler::Impl::on(const SubmitRequested& event) {
    PoolRecord* found = pool(event.pool);
    if (found == nullptr) return emit(SubmitRefused{event.token, Refusal::no_pool});
    if (const auto refusal = refusal_of(*found, event, store_writable_)) return answer_submit(*found, event, refusal);
    if (found->waiting.empty() && has_room(*found, event.count)) return answer_submit(*found, event, std::nullopt);
    if (!event.wait) return answer_submit(*found, event, Refusal::full);
    found->waiting.push_back(event);
}

void Scheduler::Impl::on(const SubmitAbandoned& event) {
    PoolRecord* found = pool(event.pool);
    if (found == nullptr) return;
    std::erase_if(found->waiting, [&](const SubmitRequested& waiter) { return waiter.token == event.token; });
    touch(*found);
}

void Scheduler::Impl::on(const SubmitSettled& event) {
    PoolRecord* found = pool(event.pool);
    if (found == nullptr) return;
    found->reserved -= std::min<std::uint64_t>(found->reserved, event.count);
    touch(*found);
}

void Scheduler::Impl::admit(PoolRecord& pool) {
    while (!pool.waiting.empty()) {
        const SubmitRequested request = pool.waiting.front();
        const auto refusal = refusal_of(pool, request, store_writable_);
        if (!refusal && !has_room(pool, request.count)) return;
        pool.waiting.pop_front();
        answer_submit(pool, request, refusal);
    }
}

std::uint32_t Scheduler::Impl::open_map(MapId id, std::uint32_t pool) {
    if (id.value != 0)
        if (const auto known = map_numbers_.find(id.value); known != map_numbers_.end()) return known->second;
    std::uint32_t number = 0;
    if (free_maps_.empty()) {
        number = static_cast<std::uint32_t>(maps_.size());
        maps_.emplace_back();
    } else {
        number = free_maps_.back();
        free_maps_.pop_back();
    }
    maps_[number] = MapRecord{};
    maps_[number].id = id;
    maps_[number].pool = pool;
    maps_[number].open = true;
    if (id.value != 0) map_numbers_.emplace(id.value, number);
    return number;
}

std::uint32_t Scheduler::Impl::lane_for(std::uint32_t map, std::uint8_t priority) {
    MapRecord& record = maps_[map];
    for (const std::uint32_t lane : record.lanes)
        if (lanes_.at(lane).priority == priority) return lane;
    const std::uint32_t lane = lanes_.make(record.pool, map, priority);
    record.lanes.push_back(lane);
    return lane;
}

void Scheduler::Impl::on(const MapOpened& event) {
    if (pool(event.pool) == nullptr || event.map.value == 0) return;
    maps_[open_map(event.map, event.pool.value)].fail_fast = event.fail_fast;
}

void Scheduler::Impl::on(const MapSealed& event) {
    const auto known = map_numbers_.find(event.map.value);
    if (known == map_numbers_.end()) return;
    MapRecord& map = maps_[known->second];
    map.sealed = true;
    map.items = std::max(map.items, event.items);
    PoolRecord& pool = pools_[map.pool];
    pool.wrote();
    if (pool.withdrawn) touch(pool);
    forget_map_if_over(known->second);
}

void Scheduler::Impl::on(const JobQueued& event) {
    PoolRecord* found = pool(event.pool);
    if (found == nullptr || jobs_.find(event.job) != nowhere) return;
    std::uint32_t map = event.map.value == 0 ? found->own_map : open_map(event.map, event.pool.value);
    if (maps_[map].pool != event.pool.value) map = found->own_map;
    const auto priority = std::min<std::uint8_t>(event.priority, wire::limits::max_priority);
    const Place place = jobs_.add(event.job);
    JobRecord& job = jobs_.at(place);
    job.lane = lane_for(map, priority);
    job.size = event.size;
    job.set_attempts(event.attempts);
    if (event.on_disk) {
        job.set_on_disk();
        ++found->on_disk;
    }
    ++lanes_.at(job.lane).users;
    ++maps_[map].unfinished;
    touch(*found);
    if (event.fail_fast && map != found->own_map) maps_[map].fail_fast = true;
    if (event.cancelled && map != found->own_map) cancel_map(map);
    if (event.interrupted) {  // first of all, or the attempt would not be on record
        // One of a cancelled map was to be killed, and has been.
        const Outcome outcome = event.cancelled ? Outcome::cancelled : Outcome::lost;
        const AttemptNote note{.number = event.attempts + 1U, .outcome = outcome, .started = now_};
        return end_attempt(*found, place, {{.outcome = outcome}, note});
    }
    if (maps_[map].cancelled) return end_cancelled(*found, place);
    if (event.not_before > now_) return make_delayed(*found, place, event.not_before);
    make_ready(*found, place);
}

// It came to a cancelled map. Its turn comes with the slices, since after a start there may be a million.
void Scheduler::Impl::end_cancelled(PoolRecord& pool, Place place) {
    const std::uint32_t lane = jobs_.at(place).lane;
    lanes_.park(pool.rings, lane);
    make_ready(pool, place);
    const std::uint32_t map = lanes_.at(lane).map;
    if (!std::exchange(maps_[map].cancelling, true)) cancelling_.push_back(map);
}

void Scheduler::Impl::make_ready(PoolRecord& pool, Place place) {
    JobRecord& job = jobs_.at(place);
    job.become(JobPhase::ready);
    job.set_time(now_);
    lanes_.push_back(pool.rings, place);
    touch(pool);
}

void Scheduler::Impl::make_delayed(PoolRecord& pool, Place place, MonotonicTime until) {
    JobRecord& job = jobs_.at(place);
    job.become(JobPhase::delayed);
    job.set_time(until);
    delays_.add(place);
    ++pool.counts.delayed;
}

void Scheduler::Impl::leave_queue(PoolRecord& pool, Place place) {
    if (jobs_.at(place).phase() == JobPhase::delayed) {
        delays_.remove(place);
        --pool.counts.delayed;
        return;
    }
    lanes_.remove(pool.rings, place);
}

void Scheduler::Impl::on(const CancelRequested& event) {
    const Place place = jobs_.find(event.job);
    if (place == nowhere) return emit(NoSuchJob{event.job});
    cancel(place);
}

void Scheduler::Impl::on(const MapCancelRequested& event) {
    const auto known = map_numbers_.find(event.map.value);
    if (known == map_numbers_.end()) return emit(NoSuchMap{event.map});
    PoolRecord& pool = pools_[maps_[known->second].pool];
    pool.wrote();
    touch(pool);
    emit(KeepCancel{event.map, pool.id});
    cancel_map(known->second);
}

void Scheduler::Impl::cancel(Place place) {
    PoolRecord& pool = pool_of(jobs_.at(place));
    touch(pool);
    switch (jobs_.at(place).phase()) {
        case JobPhase::none:
        case JobPhase::finishing: return;
        case JobPhase::delayed:
        case JobPhase::ready: leave_queue(pool, place); return finish(pool, place, {.outcome = Outcome::cancelled});
        case JobPhase::claiming:
        case JobPhase::sent:
        case JobPhase::running:
        case JobPhase::ending: break;
    }
    for (const auto& worker : pool.workers) {
        if (!worker) continue;
        const std::size_t index = worker->sent.find_job(place);
        if (index < worker->sent.size()) return cancel_sent(pool, *worker, index);
    }
}

void Scheduler::Impl::cancel_sent(PoolRecord& pool, JobWorker& worker, std::size_t index) {
    touch(pool, worker);
    Sent& sent = worker.sent[index];
    if (sent.executing) return doom(worker, sent, Outcome::cancelled);
    const Place place = sent.place;
    release_permits(sent);
    if (sent.dispatched) {
        sent.place = nowhere;  // it can't be called back; the worker is killed if it gets that far
    } else {
        --worker.claiming;
        worker.sent.remove(index);
    }
    finish(pool, place, {.outcome = Outcome::cancelled});
}

void Scheduler::Impl::cancel_map(std::uint32_t map) {
    MapRecord& record = maps_[map];
    if (record.cancelled) return;
    record.cancelled = true;
    PoolRecord& pool = pools_[record.pool];
    pool.wrote();
    touch(pool);
    for (const std::uint32_t lane : record.lanes) {
        lanes_.park(pool.rings, lane);
        for (const Place place : delays_.take(lane)) {
            --pool.counts.delayed;
            make_ready(pool, place);
        }
    }
    for (const auto& worker : pool.workers) {
        if (!worker) continue;
        for (std::size_t i = worker->sent.size(); i-- > 0;) {
            const Sent& sent = worker->sent[i];
            if (!sent.is_gap() && lanes_.at(jobs_.at(sent.place).lane).map == map) cancel_sent(pool, *worker, i);
        }
    }
    if (!std::exchange(record.cancelling, true)) cancelling_.push_back(map);
}

// Not while more ends wait to be written than may: those of a large map would take the memory of all of it. A map that
// was forgotten meanwhile waits for nothing.
bool Scheduler::Impl::may_end_cancelled(const MapRecord& map) const {
    return !store_behind_ || !map.open || !pools_[map.pool].needs_disk();
}

void Scheduler::Impl::cancel_slice() {
    std::size_t left = limits::cancel_slice;
    for (std::size_t maps = cancelling_.size(); maps > 0; --maps) {
        const std::uint32_t number = cancelling_.front();
        MapRecord& map = maps_[number];
        if (map.cancelling) {
            if (!may_end_cancelled(map)) {
                cancelling_.pop_front();
                cancelling_.push_back(number);
                continue;
            }
            PoolRecord& pool = pools_[map.pool];
            for (const std::uint32_t lane : map.lanes) {
                for (Place place = lanes_.at(lane).head; place != nowhere; place = lanes_.at(lane).head) {
                    if (left-- == 0) return;
                    lanes_.remove(pool.rings, place);
                    finish(pool, place, {.outcome = Outcome::cancelled});
                }
            }
        }
        map.cancelling = false;
        cancelling_.pop_front();
    }
}

}  // namespace pinion::jobs
