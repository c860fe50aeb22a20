// SPDX-License-Identifier: Apache-2.0
// Job pools inside the daemon: the scheduler, the store and the workers' channels joined together. Decides nothing:
// facts become events for the scheduler, once a turn of the loop, and its effects are carried out.
//
// Its member functions stand in six files: job_host.cpp (pools, turns), job_host_effects.cpp (the scheduler's orders),
// job_host_store.cpp (the store's answers, inputs), job_host_requests.cpp (what clients ask), job_host_cancels.cpp
// (cancels), job_host_workers.cpp (the lives of workers).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/jobs/job_cancels.h"
#include "daemon/jobs/job_host_parts.h"
#include "daemon/jobs/job_host_pending.h"
#include "daemon/jobs/job_listeners.h"
#include "daemon/jobs/job_log.h"
#include "daemon/jobs/job_queue.h"
#include "daemon/jobs/job_workers.h"
#include "daemon/jobs/map_arrivals.h"
#include "daemon/jobs/worker_link.h"
#include "daemon/views.h"
#include "event/loop.h"
#include "jobs/scheduler.h"
#include "log/record.h"

namespace pinion::daemon {

class JobHost final : public JobQueue, public JobWorkers {
public:
    JobHost(event::Loop& loop, JobServices services, std::uint64_t seed);
    ~JobHost() override;
    JobHost(const JobHost&) = delete;
    JobHost& operator=(const JobHost&) = delete;

    // --- The configuration: pools of kind jobs that are new or changed, or left.
    [[nodiscard]] Result<void> start();
    void declare(const SpecPtr& spec);
    void withdraw(const std::string& pool);
    void declare_semaphores(const std::map<std::string, std::uint32_t>& permits);
    // Everything that is known is handed to the store: at the very end.
    void finish();
    // For status. Nothing where it is no job pool.
    [[nodiscard]] std::optional<JobFigures> figures(const std::string& pool) const;
    [[nodiscard]] JobId job_of(const WorkerId& worker) const;  // what it executes; 0: nothing

    // --- JobWorkers
    Result<Birth> prepare(const WorkerId& worker, const supervise::SpecPtr& spec) override;
    Result<void> born(const WorkerId& worker, const std::string& cpus) override;
    void not_born(const WorkerId& worker) override;
    void ready(const WorkerId& worker) override;
    void leaving(const WorkerId& worker) override;
    void drain(const WorkerId& worker) override;
    void died(const WorkerId& worker, const Death& death) override;
    void gone(const WorkerId& worker) override;
    void pass_on() override;
    void wrote(const WorkerId& worker, std::string_view line) override;

    // --- JobQueue
    std::optional<JobPool> find(const std::string& pool) const override;
    std::vector<JobPool> pools() const override;
    std::string name(JobPoolId pool) const override;
    std::uint64_t submit(JobOrder order, Done<std::vector<jobs::PlacedJob>> done) override;
    void abandon(std::uint64_t ticket) override;
    void open_map(JobPoolId pool, std::string name, bool fail_fast, Done<jobs::StoredMap> done) override;
    void seal_map(MapId map, jobs::MapSeal seal, Done<void> done = {}) override;
    void begin_filling(MapId map) override { ++fillers_[map.value]; }
    void end_filling(MapId map) override;
    bool is_filled(MapId map) const override;
    void find_map(std::string name, Done<std::map<JobPoolId, MapId>> done) override;
    bool has_room() const override;
    void set_on_room(std::function<void()> on_room) override { on_room_ = std::move(on_room); }
    std::optional<std::string> stopped() const override;
    void listen(MapId map, JobListener& listener) override { listeners_.add(map, listener); }
    void listen(JobId job, JobListener& listener) override { listeners_.add(job, listener); }
    void forget(JobListener& listener) override { listeners_.remove(listener); }
    void forget(JobId job, JobListener& listener) override { listeners_.remove(job, listener); }
    void look_up(JobId job, Done<std::optional<jobs::StoredJob>> done) override;
    void look_up(MapId map, Done<std::optional<jobs::StoredMap>> done) override;
    void list(jobs::ListJobs query, Done<JobPage> done) override;
    void read_items(MapId map, std::uint64_t from, std::uint32_t limit,
                    Done<std::vector<jobs::StoredJob>> done) override;
    void payload(JobId job, Done<std::string> done) override;
    void cancel(JobId job, Done<jobs::JobState> done) override;
    void cancel_map(MapId map, Done<bool> done) override;
    void set_mode(JobPoolId pool, jobs::QueueMode mode, const std::string& by, Done<void> done) override;
    std::optional<jobs::QueueView> queue(JobPoolId pool) const override { return scheduler_.queue(pool); }
    std::optional<jobs::MapView> map(MapId map) const override { return scheduler_.map(map); }
    std::optional<RunningAttempt> attempt(JobId job) const override;
    Duration cpu_time(JobPoolId pool) const override;
    jobs::JobPhase phase(JobId job) const override;
    std::string why(JobId job) const override;
    std::vector<JobLogLine> log(JobId job) const override { return logs_.lines(job); }

private:
    struct Execute;
    struct Take;
    friend class WorkerLink;

    using Evidence = host::Evidence;
    using Order = host::Order;
    using Sending = host::Sending;
    using Ending = host::Ending;
    using Opening = host::Opening;
    using Pool = host::Pool;

    void post(jobs::JobEvent event);
    void note(jobs::JobEvent event);  // for the next turn, whenever that comes
    void turn();
    void execute_all();
    void execute(const jobs::JobEffect& effect);
    void arm();
    void expire_by(MonotonicTime at);
    void take_answers();
    [[nodiscard]] bool open();
    void recover(std::optional<JobPoolId> only);
    void note_mode(JobPoolId pool, const std::string& by, WallTime at);
    void make_inputs(const JobPool& pool);
    void add_inputs(const JobPool& pool, MapId map, std::size_t from);
    [[nodiscard]] jobs::Evidence keep(Evidence evidence);
    [[nodiscard]] Evidence take(jobs::Evidence id);
    [[nodiscard]] jobs::AttemptRow to_row(const jobs::AttemptNote& note, const std::string& detail) const;
    [[nodiscard]] WallTime wall(MonotonicTime at) const;
    [[nodiscard]] MonotonicTime monotonic(WallTime at) const;
    void queued(const jobs::PlacedJob& placed);
    void settled(const jobs::MapSettled& settled);
    void arrived(MapId map);
    void announce(const Ending& ending);
    void keep_cancel(const jobs::KeepCancel& cancelled);
    void cancel_absent(JobId job);
    void tell_refused();
    void fetch_again();
    [[nodiscard]] bool is_awaited(const jobs::Claim& claim);
    void add_ending(Ending ending);
    void end_written(JobId job);
    [[nodiscard]] WorkerId worker_id(const WorkerRef& ref) const;
    [[nodiscard]] WorkerLink* link(const WorkerId& worker);
    [[nodiscard]] WorkerLink* link(const WorkerRef& worker);
    void drop_link(const WorkerId& worker);
    void send_fetched(WorkerLink& link);
    [[nodiscard]] Refusal no_store() const;
    [[nodiscard]] Refusal refusal_of(jobs::Refusal why, const std::string& pool) const;
    [[nodiscard]] std::vector<jobs::NewJob> to_jobs(std::vector<ChannelPush> pushes,
                                                    std::vector<JobPoolId>& pools) const;
    [[nodiscard]] static std::string death_with_runner(const WorkerLink& link, Death death);
    void answered(WorkerLink& link, ChannelAnswer answer);
    void progressed(const WorkerLink::Sent& sent, std::optional<double> fraction, std::string_view note);
    void strayed(const WorkerLink& link, std::string_view line);
    void broke(WorkerLink& link, const std::string& reason);
    void later(std::move_only_function<void()> call);

    event::Loop& loop_;
    JobServices services_;
    jobs::Scheduler scheduler_;
    std::unique_ptr<jobs::Store> store_;
    std::string store_error_;  // why there is none
    event::Source store_source_;
    event::Source turn_source_;
    event::Source timer_;
    event::Source expire_timer_;
    MonotonicTime expires_at_ = no_deadline;
    event::Source fetch_timer_;
    std::vector<jobs::JobEvent> events_;
    std::vector<jobs::JobEvent> spare_events_;  // empty: kept for its memory
    jobs::JobEffects effects_;
    std::vector<std::move_only_function<void()>> calls_;  // to be made in the next turn
    bool in_turn_ = false;
    bool is_to_pass_on_ = false;  // a worker is gone that took jobs

    [[nodiscard]] const Pool* find_pool(JobPoolId id) const;
    std::map<std::string, Pool> pools_;  // known to the scheduler
    std::unordered_map<std::uint32_t, std::string> names_;
    std::uint32_t next_pool_ = 1;
    std::unordered_map<std::uint64_t, JobPoolId> input_maps_;  // of `inputs`, while they are not done
    std::unordered_map<std::uint64_t, std::size_t> fillers_;   // clients, by map
    std::map<std::pair<std::string, std::uint32_t>, std::unique_ptr<WorkerLink>> links_;
    std::map<WorkerRef, WorkerLink*> links_by_ref_;
    std::vector<Evidence> evidence_;  // of this turn, by number from the first
    std::uint64_t first_evidence_ = 1;
    host::Pending pending_;  // for the store
    MapArrivals arriving_;
    JobCancels cancels_;
    JobListeners listeners_;
    std::function<void()> on_room_;
    bool had_room_ = true;
    JobLogs logs_;
};

}  // namespace pinion::daemon
