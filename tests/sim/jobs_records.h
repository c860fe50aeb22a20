// SPDX-License-Identifier: Apache-2.0
// What the world of the job scheduler keeps of jobs, workers, pools and the disk: by itself, not by asking.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "jobs/scheduler.h"

namespace pinion::sim::kept {

using namespace pinion::jobs;

// `away`: its pool is not there.
enum class Status : std::uint8_t { delayed, ready, claiming, sent, finishing, away };
struct Job {
    std::uint32_t pool = 0;
    std::uint64_t map = 0;
    std::uint8_t priority = 5;
    std::uint32_t size = 0;
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
    bool needs_claim = false;  // its attempt
    bool claim_on_disk = false;
    std::uint64_t evidence = 0;  // of its last answer
    std::uint32_t ends = 0;
    std::uint32_t fate = 0;
};
struct Attempt {
    AttemptId id;
    std::uint64_t job = 0;
    bool gap = false;
    bool dispatched = true;
    std::map<std::string, std::uint32_t> permits;
    std::uint32_t size = 0;
    bool awaited = false;   // its payload
    bool its_turn = false;  // to execute, as soon as its payload is there
    std::optional<MonotonicTime> executing;
    std::optional<Duration> timeout;  // as its policy was then
};
struct Worker {
    bool alive = false;
    bool dying = false;  // KillTree came
    std::uint64_t killed_for = 0;
    std::uint64_t generation = 0;
    std::deque<Attempt> sent;
    std::uint64_t taken = 0;
};
// In the configuration; no more, and known to the scheduler all the same; not known to it.
enum class Presence : std::uint8_t { declared, leaving, away };
struct Pool {
    JobPoolPtr spec;
    Presence presence = Presence::declared;
    std::uint32_t round = 0;  // of its numbers: one that was forgotten comes back under a new one
    bool died_away = false;   // the daemon, since it left
    std::uint32_t slots = 0;  // that are to have workers
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
    bool cancelled = false;  // on the disk: whoever asked was answered, and none of its jobs starts again
};
// What is on its way to the disk.
struct Write {
    enum class Kind : std::uint8_t { enqueue, claim, release, retry, finish, cancel_map, flush };
    Kind kind{};
    std::uint64_t job = 0;
    std::uint32_t number = 0;
    MonotonicTime due{};
    std::uint64_t map = 0;  // that it cancels
    bool answer = false;
    WorkerRef worker;
    AttemptId attempt;
    std::vector<std::uint32_t> pushes;  // pools
    JobPoolId pool;                     // of a flush, and its number
    std::uint64_t flush = 0;
};

}  // namespace pinion::sim::kept
