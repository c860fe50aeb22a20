// SPDX-License-Identifier: Apache-2.0
// A world for the job scheduler: workers with fates, a disk that commits in order and late, a daemon that dies; and the
// promises, checked at each effect from the outside. Chance comes from one seed.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "jobs/scheduler.h"
#include "jobs_records.h"
#include "random.h"

namespace pinion::sim {

using namespace pinion::jobs;

class JobsWorld {
public:
    explicit JobsWorld(std::uint64_t seed);

    // One thing happens. False: a promise is broken; `violations` tells.
    bool step();
    // No more faults: everything must come to its end.
    bool wind_up();

    std::vector<std::string> violations;
    std::uint64_t event_count = 0;
    std::uint64_t finished = 0;
    std::uint64_t crashes = 0;
    std::uint64_t daemon_deaths = 0;
    std::uint64_t kills = 0;
    std::uint64_t returns = 0;  // of pools that were forgotten
    std::uint64_t pushes = 0;
    std::uint64_t kept_cancels = 0;  // jobs that a cancel of their map ended in a later life

private:
    using Status = kept::Status;
    using Job = kept::Job;
    using Attempt = kept::Attempt;
    using Worker = kept::Worker;
    using Pool = kept::Pool;
    using Lane = kept::Lane;
    using MapState = kept::MapState;
    using Write = kept::Write;
    using Presence = kept::Presence;
    using LaneKey = std::tuple<std::uint32_t, std::uint8_t, std::uint64_t>;

    // jobs_world.cpp: what happens.
    void turn(std::vector<JobEvent> events);
    void submit();
    void commit(std::size_t writes);
    void write(const Write& write, std::vector<JobEvent>& answers);
    void answer(bool garbage);
    void someone_dies();
    void revive();
    void orders();
    void cancel();
    void daemon_dies();
    void pass_time();
    void declare_all();
    void push_something(JobAnswered& answer);
    Pool& random_pool() { return pools_[random_.below(static_cast<std::uint32_t>(pools_.size()))]; }
    [[nodiscard]] WorkerRef ref(std::uint32_t pool, std::uint32_t slot) const;
    [[nodiscard]] std::uint32_t number(const Pool& pool) const {
        return static_cast<std::uint32_t>(&pool - pools_.data());
    }
    [[nodiscard]] bool is_cancelled(const Job& job) const { return job.map != 0 && maps_.at(job.map).cancelled; }
    void gone(std::uint32_t pool, std::uint32_t slot, Departure how);

    // jobs_reloads.cpp: the configuration changes.
    [[nodiscard]] JobPoolSpec random_spec(std::uint32_t number);
    void reload();
    void leave(Pool& pool);
    void come_back(Pool& pool);
    void change(Pool& pool);
    void recover(Pool& pool, std::vector<JobEvent>& events);
    [[nodiscard]] JobPoolId id(const Pool& pool) const {
        return JobPoolId{number(pool) + pool.round * static_cast<std::uint32_t>(pools_.size())};
    }
    [[nodiscard]] Pool& pool_at(JobPoolId id) { return pools_[id.value % pools_.size()]; }
    void check(const FlushPool& e);
    void check(const PoolForgotten& e);
    void check_return(const Pool& pool);
    [[nodiscard]] bool welcome(const Job& job, std::uint64_t evidence) const;

    // jobs_checker.cpp: what must follow.
    void broken(std::string what);
    void set_status(std::uint64_t job, Status status);
    void foresee(const JobEvent& event);
    void check(const Dispatch& e);
    void check(const Claim& e);
    void check(const Release& e);
    void check(const Retry& e);
    void check(const Finish& e);
    void check(const KillTree& e);
    void check(const Recycle& e);
    void check(const Stray&) {}
    void check(const SubmitAdmitted& e);
    void check(const SubmitRefused& e);
    void check(const MapSettled& e);
    void check(const KeepCancel& e);
    void check(const NoSuchJob& e);
    void check(const NoSuchMap& e);
    void check_order(const Job& job, std::uint64_t id);
    void hand_over(const Dispatch& e, Attempt& attempt);
    void check_end(std::uint64_t id, const AttemptNote& note);
    void check_after_turn();
    [[nodiscard]] Attempt* find_attempt(std::uint64_t job, Worker** holder);
    void drop_attempt(std::uint64_t job);
    [[nodiscard]] bool runs_anything(const Pool& pool) const;

    Random random_;
    std::unique_ptr<Scheduler> scheduler_;
    MonotonicTime now_{std::chrono::hours(1)};
    std::vector<Pool> pools_;
    std::map<std::string, std::uint32_t> permits_;
    std::map<std::string, std::int64_t> held_;
    std::map<std::uint64_t, Job> jobs_;
    std::map<LaneKey, Lane> lanes_;
    std::map<std::uint64_t, MapState> maps_;
    std::deque<Write> writes_;
    std::deque<JobEvent> inbox_;
    std::set<std::uint64_t> blamed_;  // who may be charged with a death in this turn
    std::set<std::uint64_t> charged_;
    std::set<AttemptId> settled_;          // answered in this turn, or known as unreadable
    std::set<std::uint64_t> kill_wishes_;  // cancelled, or in a cancelled map
    std::uint64_t next_job_ = 1;
    std::uint64_t next_token_ = 1;
    std::uint64_t next_order_ = 1;
    std::uint64_t next_evidence_ = 1;
    std::map<std::uint64_t, std::vector<std::uint32_t>> pushes_;  // of answers of this turn, by evidence
    bool store_ok_ = true;
    bool store_behind_ = false;
    bool faults_ = true;
};

}  // namespace pinion::sim
