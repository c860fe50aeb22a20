// SPDX-License-Identifier: Apache-2.0
// A world for the job scheduler: workers with fates, a disk that commits in order and late, a daemon that dies; and the
// promises, checked at each effect from the outside. Chance comes from one seed.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "jobs/scheduler.h"
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

private:
    enum class Status : std::uint8_t { delayed, ready, claiming, sent, finishing };
    struct Job {
        std::uint32_t pool = 0;
        std::uint64_t map = 0;
        std::uint8_t priority = 5;
        std::uint64_t order = 0;  // of its queueing
        bool was_delayed = false;
        bool was_sent = false;
        // The disk.
        std::uint32_t disk_attempts = 0;
        bool disk_claimed = false;
        bool disk_final = false;
        MonotonicTime disk_due{};
        // What the daemon that lives now did.
        bool known = false;
        Status status = Status::ready;
        std::uint32_t attempts = 0;
        MonotonicTime due{};
        bool claim_on_disk = false;
        std::uint32_t ends = 0;
        std::uint32_t fate = 0;
    };
    struct Attempt {
        AttemptId id;
        std::uint64_t job = 0;
        bool gap = false;
        bool dispatched = true;
        bool permits = false;
        bool awaited = false;  // its payload
        std::optional<MonotonicTime> executing;
    };
    struct Worker {
        bool alive = false;
        bool dying = false;  // KillTree came
        std::uint64_t killed_for = 0;
        std::uint64_t generation = 0;
        std::deque<Attempt> sent;
        std::uint64_t taken = 0;
    };
    struct Pool {
        JobPoolPtr spec;
        QueueMode mode = QueueMode::running;
        std::vector<Worker> workers;
        std::uint64_t reserved = 0;
        std::uint64_t dispatches = 0;
        std::array<std::uint64_t, 10> last_map{};      // by priority
        std::array<std::uint64_t, 10> last_turn{};     // its number among the pool's dispatches
        std::map<std::uint64_t, std::uint32_t> asked;  // tokens to counts
    };
    struct Lane {
        std::set<std::uint64_t> ready;
        std::uint64_t since = 0;  // the number of the pool's dispatches when it became non-empty
        std::uint64_t last_order = 0;
    };
    struct MapState {
        std::uint32_t pool = 0;
        bool fail_fast = false;
        bool sealed = false;
        bool settled = false;
    };
    // What is on its way to the disk.
    struct Write {
        enum class Kind : std::uint8_t { enqueue, claim, release, retry, finish };
        Kind kind{};
        std::uint64_t job = 0;
        std::uint32_t number = 0;
        MonotonicTime due{};
        bool answer = false;
        WorkerRef worker;
        AttemptId attempt;
    };
    using LaneKey = std::tuple<std::uint32_t, std::uint8_t, std::uint64_t>;

    // jobs_world.cpp: what happens.
    void turn(std::vector<JobEvent> events);
    void submit();
    void commit(std::size_t writes);
    void answer(bool garbage);
    void someone_dies();
    void revive();
    void orders();
    void cancel();
    void daemon_dies();
    void pass_time();
    void declare_all();
    Pool& random_pool() { return pools_[random_.below(static_cast<std::uint32_t>(pools_.size()))]; }
    [[nodiscard]] WorkerRef ref(std::uint32_t pool, std::uint32_t slot) const;
    [[nodiscard]] std::uint32_t number(const Pool& pool) const {
        return static_cast<std::uint32_t>(&pool - pools_.data());
    }
    void gone(std::uint32_t pool, std::uint32_t slot, Departure how);

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
    void check(const FlushPool&) {}
    void check(const PoolForgotten&) { broken("a pool was forgotten"); }
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
    bool store_ok_ = true;
    bool store_behind_ = false;
    bool faults_ = true;
};

}  // namespace pinion::sim
