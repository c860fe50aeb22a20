// SPDX-License-Identifier: Apache-2.0
// The scheduler's inside: its steps, in the files scheduler_*.cpp. What it keeps of pools and maps is in job_pool.h.
#pragma once

#include <deque>
#include <set>
#include <unordered_map>
#include <vector>

#include "jobs/delays.h"
#include "jobs/job_pool.h"
#include "jobs/job_table.h"
#include "jobs/job_worker.h"
#include "jobs/lanes.h"
#include "jobs/scheduler.h"
#include "jobs/semaphores.h"

namespace pinion::jobs {

class Scheduler::Impl {
public:
    explicit Impl(std::uint64_t seed) : seed_(seed), delays_(jobs_), lanes_(jobs_) {}

    void handle(std::span<const JobEvent> events, MonotonicTime now, JobEffects& effects);
    [[nodiscard]] MonotonicTime next_deadline() const;
    [[nodiscard]] SchedulerView snapshot() const;
    [[nodiscard]] QueueView view(const PoolRecord& pool) const;
    [[nodiscard]] const PoolRecord* find_pool(JobPoolId pool) const;
    [[nodiscard]] std::vector<RunningView> running(const PoolRecord& pool) const;
    [[nodiscard]] std::optional<MapView> map(MapId map) const;
    [[nodiscard]] JobPhase phase(JobId job) const;
    [[nodiscard]] Why why(JobId job) const;

private:
    [[nodiscard]] Why why_ready(const PoolRecord& pool, Place place, Why why) const;
    void count_ahead(const PoolRecord& pool, Place place, Why& why) const;
    void name_holders(const PoolRecord& pool, const Needs::value_type& need, Why& why) const;

    // scheduler.cpp: what happened.
    void on(const PoolDeclared& event);
    void on(const PoolWithdrawn& event);
    void on(const PoolFlushed& event);
    void on(const SemaphoresDeclared& event);
    void on(const QueueOrdered& event);
    void on(const StoreChanged& event);
    void on(const StoreBehind& event);
    void on(const TimerFired& event);
    // scheduler_queue.cpp: jobs and maps come and go.
    void on(const SubmitRequested& event);
    void on(const SubmitAbandoned& event);
    void on(const SubmitSettled& event);
    void on(const MapOpened& event);
    void on(const MapSealed& event);
    void on(const JobQueued& event);
    void on(const CancelRequested& event);
    void on(const MapCancelRequested& event);
    void on(const FinishPersisted& event);
    void on(const PushesFailed& event);
    // scheduler_workers.cpp: workers and their answers.
    void on(const WorkerArrived& event);
    void on(const WorkerGone& event);
    void on(const WorkerBlocked& event);
    void on(const WorkerMemory& event);
    void on(const JobAnswered& event);
    void on(const PayloadAwaited& event);
    void on(const PayloadLost& event);
    void on(const ClaimPersisted& event);

    // scheduler_turn.cpp: what follows, once a turn.
    void conclude();
    void refresh(PoolRecord& pool, JobWorker& worker);
    void measure(PoolRecord& pool, JobWorker& worker);
    void execute(PoolRecord& pool, JobWorker& worker, Sent& sent);
    void time(const PoolRecord& pool, JobWorker& worker, Sent& sent);
    void recycle(PoolRecord& pool, JobWorker& worker);
    void pull(PoolRecord& pool);
    [[nodiscard]] bool may_dispatch(const PoolRecord& pool) const;
    void start(PoolRecord& pool, JobWorker& worker, Place place, bool later_attempt);
    void dispatch(PoolRecord& pool, JobWorker& worker, const Sent& sent);
    void admit(PoolRecord& pool);
    void answer_submit(const PoolRecord& pool, const SubmitRequested& request, std::optional<Refusal> refusal);
    void cancel_slice();
    void worker_timer(JobWorker& worker);
    void set_timer(JobWorker& worker, MonotonicTime at);
    void kill(JobWorker& worker, JobId job, Outcome why);
    void doom(JobWorker& worker, Sent& sent, Outcome why);

    // scheduler_settle.cpp: ends.
    struct End {
        Verdict verdict;
        AttemptNote note;
    };
    void settle(PoolRecord& pool, JobWorker& worker, Sent sent, const Verdict& verdict, Evidence evidence);
    void end_attempt(PoolRecord& pool, Place place, const End& end);
    void finish(PoolRecord& pool, Place place, const AttemptNote& note);
    void give_back(PoolRecord& pool, JobWorker& worker, std::vector<Sent> unblamed);
    void cancel(Place place);
    void cancel_sent(PoolRecord& pool, JobWorker& worker, std::size_t index);
    void cancel_map(std::uint32_t map);
    void end_cancelled(PoolRecord& pool, Place place);
    [[nodiscard]] bool may_end_cancelled(const MapRecord& map) const;
    void forget(Place place);
    void forget_map_if_over(std::uint32_t map);
    void forget_pool_if_over(PoolRecord& pool);
    void forget(PoolRecord& pool);
    void release_permits(Sent& sent);

    // Shared by all.
    [[nodiscard]] PoolRecord* pool(JobPoolId id);
    [[nodiscard]] PoolRecord& pool_of(const JobRecord& job) { return pools_[lanes_.at(job.lane).pool]; }
    [[nodiscard]] MapRecord& map_of(const JobRecord& job) { return maps_[lanes_.at(job.lane).map]; }
    [[nodiscard]] JobWorker* worker(const WorkerRef& ref);
    [[nodiscard]] std::uint32_t open_map(MapId id, std::uint32_t pool);
    [[nodiscard]] std::uint32_t lane_for(std::uint32_t map, std::uint8_t priority);
    void touch(PoolRecord& pool);
    void touch_durable();
    void touch(PoolRecord& pool, JobWorker& worker);
    void make_ready(PoolRecord& pool, Place place);
    void make_delayed(PoolRecord& pool, Place place, MonotonicTime until);
    void leave_queue(PoolRecord& pool, Place place);  // out of its lane or the delays
    void update_room(PoolRecord& pool, JobWorker& worker);
    template <class E>
    void emit(E effect) {
        effects_->push_back(std::move(effect));
    }

    std::uint64_t seed_;
    MonotonicTime now_{};
    JobEffects* effects_ = nullptr;
    JobTable jobs_;
    Delays delays_;
    Lanes lanes_;
    Semaphores semaphores_;
    std::deque<PoolRecord> pools_;  // by number
    std::deque<MapRecord> maps_;
    std::vector<std::uint32_t> free_maps_;
    std::unordered_map<std::uint64_t, std::uint32_t> map_numbers_;
    std::deque<std::uint32_t> cancelling_;  // such maps, in turn
    bool store_writable_ = true;
    bool store_behind_ = false;
    std::uint64_t next_attempt_ = 1;
    std::uint64_t flushes_ = 0;

    std::vector<std::uint32_t> dirty_;  // pools, in this turn
    std::vector<WorkerRef> touched_;    // workers, in this turn
    std::set<WorkerTimer> timers_;      // at most one a worker
};

}  // namespace pinion::jobs
