// SPDX-License-Identifier: Apache-2.0
// The scheduler's outside, what all of its steps share, and the events about pools and time.
#include "jobs/scheduler.h"

#include <algorithm>

#include "base/check.h"
#include "jobs/scheduler_impl.h"
#include "model/job_limits.h"

namespace pinion::jobs {

Scheduler::Scheduler(std::uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
Scheduler::~Scheduler() = default;

void Scheduler::handle(std::span<const JobEvent> events, MonotonicTime now, JobEffects& effects) {
    impl_->handle(events, now, effects);
}
MonotonicTime Scheduler::next_deadline() const { return impl_->next_deadline(); }
SchedulerView Scheduler::snapshot() const { return impl_->snapshot(); }
std::optional<QueueView> Scheduler::queue(JobPoolId pool) const {
    const PoolRecord* found = impl_->find_pool(pool);
    if (found == nullptr) return std::nullopt;
    return impl_->view(*found);
}
std::vector<RunningView> Scheduler::running(JobPoolId pool) const {
    const PoolRecord* found = impl_->find_pool(pool);
    return found == nullptr ? std::vector<RunningView>{} : impl_->running(*found);
}
std::optional<MapView> Scheduler::map(MapId map) const { return impl_->map(map); }
JobPhase Scheduler::phase(JobId job) const { return impl_->phase(job); }
Why Scheduler::why(JobId job) const { return impl_->why(job); }

std::uint32_t PoolRecord::depth() const {
    // What a process writes comes by a pipe, its answer by a socket: of what is read in between, nobody could say
    // whether it or the next one wrote it.
    if (spec->protocol == JobProtocol::exec) return spec->concurrency;
    std::uint32_t prefetch = 1;
    if (spec->prefetch) {
        prefetch = std::clamp(*spec->prefetch, 1U, limits::max_prefetch);
    } else if (smoothed_us >= 0) {
        const double fit = static_cast<double>(limits::prefetch_work.count()) / std::max(smoothed_us, 1.0);
        prefetch = static_cast<std::uint32_t>(std::clamp(fit, 1.0, static_cast<double>(limits::max_prefetch)));
    }
    return spec->concurrency - 1 + prefetch;
}

void Scheduler::Impl::handle(std::span<const JobEvent> events, MonotonicTime now, JobEffects& effects) {
    now_ = now;
    effects_ = &effects;
    for (const JobEvent& event : events) std::visit([this](const auto& e) { on(e); }, event);
    conclude();
    effects_ = nullptr;
}

MonotonicTime Scheduler::Impl::next_deadline() const {
    const auto goes_on = [&](std::uint32_t map) { return may_end_cancelled(maps_[map]); };
    if (std::ranges::any_of(cancelling_, goes_on)) return now_;
    MonotonicTime earliest = timers_.empty() ? no_deadline : timers_.begin()->at;
    if (delays_.first() != nowhere) earliest = std::min(earliest, jobs_.at(delays_.first()).time());
    return earliest;
}

PoolRecord* Scheduler::Impl::pool(JobPoolId id) {
    return id.value < pools_.size() && pools_[id.value].spec != nullptr ? &pools_[id.value] : nullptr;
}

const PoolRecord* Scheduler::Impl::find_pool(JobPoolId id) const {
    return id.value < pools_.size() && pools_[id.value].spec != nullptr ? &pools_[id.value] : nullptr;
}

JobWorker* Scheduler::Impl::worker(const WorkerRef& ref) {
    PoolRecord* found = pool(ref.pool);
    if (found == nullptr || ref.slot.value >= found->workers.size()) return nullptr;
    JobWorker* there = found->workers[ref.slot.value].get();
    return there != nullptr && there->ref == ref ? there : nullptr;
}

void Scheduler::Impl::touch(PoolRecord& pool) {
    if (pool.dirty) return;
    pool.dirty = true;
    dirty_.push_back(pool.id.value);
}

void Scheduler::Impl::touch(PoolRecord& pool, JobWorker& worker) {
    touch(pool);
    if (worker.touched) return;
    worker.touched = true;
    touched_.push_back(worker.ref);
}

void Scheduler::Impl::on(const PoolDeclared& event) {
    ASSERT(event.spec != nullptr);
    while (pools_.size() <= event.pool.value) pools_.emplace_back();
    PoolRecord& pool = pools_[event.pool.value];
    if (pool.spec == nullptr) {
        pool = PoolRecord{};
        pool.id = event.pool;
        pool.spec = event.spec;
        pool.own_map = open_map(MapId{0}, event.pool.value);
    }
    pool.spec = event.spec;
    pool.withdrawn = false;
    pool.wrote();
    pool.needs = semaphores_.needs(event.spec->job.semaphores);
    // Deadlines of a new timeout concern attempts that begin from now on; a new depth and new ages apply at once.
    for (const auto& worker : pool.workers)
        if (worker) touch(pool, *worker);
    touch(pool);
}

void Scheduler::Impl::on(const PoolWithdrawn& event) {
    PoolRecord* found = pool(event.pool);
    if (found == nullptr) return;
    found->withdrawn = true;
    touch(*found);
}

void Scheduler::Impl::on(const PoolFlushed& event) {
    PoolRecord* found = pool(event.pool);
    if (found == nullptr || event.number != found->flush) return;
    found->flushed = true;
    touch(*found);
}

void Scheduler::Impl::on(const SemaphoresDeclared& event) {
    semaphores_.declare(event.permits);
    for (PoolRecord& pool : pools_)
        if (pool.spec != nullptr && pool.needs != nullptr) touch(pool);
}

void Scheduler::Impl::on(const QueueOrdered& event) {
    PoolRecord* found = pool(event.pool);
    if (found == nullptr) return;
    found->mode = event.mode;
    touch(*found);
}

void Scheduler::Impl::on(const StoreChanged& event) {
    store_writable_ = event.writable;
    touch_durable();
}

void Scheduler::Impl::on(const StoreBehind& event) {
    store_behind_ = event.behind;
    touch_durable();
}

void Scheduler::Impl::touch_durable() {
    for (PoolRecord& pool : pools_)
        if (pool.spec != nullptr && pool.needs_disk()) touch(pool);
}

void Scheduler::Impl::on(const TimerFired&) {
    // Many more, queued with the same delay, would hold up the workers of all pools.
    for (std::size_t left = limits::due_slice; left > 0; --left) {
        const Place first = delays_.first();
        if (first == nowhere || jobs_.at(first).time() > now_) break;
        PoolRecord& pool = pool_of(jobs_.at(first));
        leave_queue(pool, first);
        make_ready(pool, first);
    }
    while (!timers_.empty() && timers_.begin()->at <= now_) {
        JobWorker* there = worker(timers_.begin()->worker);
        ASSERT(there != nullptr);
        worker_timer(*there);
    }
}

}  // namespace pinion::jobs
