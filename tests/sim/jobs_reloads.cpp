// SPDX-License-Identifier: Apache-2.0
// The configuration of job pools changes under the jobs: pools leave and come back, policies change, and jobs are
// pushed to pools that are there, are not, or promise less. What the disk has then is held against what happened.
#include "jobs_world.h"

namespace pinion::sim {

using namespace std::chrono_literals;

JobPoolSpec JobsWorld::random_spec(std::uint32_t number) {
    JobPoolSpec spec;
    spec.queue.durability = number == 0 ? Durability::memory : random_.pick({Durability::fsync, Durability::os});
    spec.queue.capacity = random_.pick<std::uint64_t>({5, 50, 1000});
    if (random_.one_in(2)) spec.prefetch = 1 + random_.below(8);
    spec.concurrency = random_.pick({1U, 1U, 2U, 3U});
    spec.job.attempts = 1 + random_.below(3);
    spec.job.delay = random_.pick<Duration>({0s, 10ms, 1s});
    spec.job.jitter = random_.pick({0.0, 0.1});
    if (random_.one_in(2)) spec.job.timeout = random_.pick<Duration>({50ms, 1s});
    spec.job.retry_on = {!random_.one_in(4), !random_.one_in(4), random_.one_in(2), random_.one_in(2)};
    if (random_.one_in(2)) spec.job.semaphores["gpu"] = 1;
    if (random_.one_in(3)) spec.job.semaphores["db"] = 1 + random_.below(3);
    if (random_.one_in(3)) spec.recycle.jobs = 1 + random_.below(20);
    if (random_.one_in(4)) spec.recycle.age = 5s;
    return spec;
}

void JobsWorld::reload() {
    Pool& pool = random_pool();
    if (pool.presence != Presence::declared) return random_.one_in(2) ? come_back(pool) : void();
    if (random_.one_in(3)) return leave(pool);
    change(pool);
    turn({PoolDeclared{id(pool), pool.spec}});
}

void JobsWorld::leave(Pool& pool) {
    pool.presence = Presence::leaving;
    turn({PoolWithdrawn{id(pool)}});
}

void JobsWorld::change(Pool& pool) {
    JobPoolSpec spec = *pool.spec;
    const JobPoolSpec other = random_spec(number(pool));
    if (random_.one_in(3))
        spec.queue.durability = random_.pick({Durability::memory, Durability::os, Durability::fsync});
    if (random_.one_in(3)) spec.queue.capacity = other.queue.capacity;
    if (random_.one_in(3)) spec.prefetch = other.prefetch;
    if (random_.one_in(3)) spec.concurrency = other.concurrency;
    if (random_.one_in(3)) spec.job = other.job;
    if (random_.one_in(3)) spec.recycle = other.recycle;
    if (random_.one_in(3)) pool.slots = 1 + random_.below(4);
    if (pool.workers.size() < pool.slots) pool.workers.resize(pool.slots);
    pool.spec = std::make_shared<const JobPoolSpec>(spec);
}

// What was not forgotten goes on as it is; else all is read from the disk.
void JobsWorld::come_back(Pool& pool) {
    if (random_.one_in(2)) change(pool);
    const bool forgotten = pool.presence == Presence::away;
    if (forgotten && !pool.died_away) check_return(pool);
    pool.presence = Presence::declared;
    std::vector<JobEvent> events{PoolDeclared{id(pool), pool.spec}};
    if (forgotten) {
        ++returns;
        events.emplace_back(QueueOrdered{id(pool), pool.mode});
        for (const auto& [number, map] : maps_)
            if (!map.settled && &pools_[map.pool] == &pool)
                events.emplace_back(MapOpened{MapId{number}, id(pool), map.fail_fast});
        recover(pool, events);
        for (const auto& [number, map] : maps_)
            if (map.sealed && !map.settled && &pools_[map.pool] == &pool) events.emplace_back(MapSealed{MapId{number}});
    }
    pool.died_away = false;
    turn(std::move(events));
}

void JobsWorld::recover(Pool& pool, std::vector<JobEvent>& events) {
    for (auto& [id, job] : jobs_) {
        if (job.disk_final || !job.known || &pools_[job.pool] != &pool) continue;
        const bool interrupted = std::exchange(job.disk_claimed, false);
        job.attempts = job.disk_attempts;
        job.needs_claim = job.claim_on_disk = false;
        job.was_delayed = job.was_sent = true;  // it may stand anywhere in its lane
        job.ends = 0;
        if (is_cancelled(job)) ++kept_cancels;
        events.emplace_back(JobQueued{.job = JobId{id},
                                      .pool = this->id(pool),
                                      .map = MapId{job.map},
                                      .not_before = job.disk_due,
                                      .size = job.size,
                                      .attempts = static_cast<std::uint16_t>(job.disk_attempts),
                                      .priority = job.priority,
                                      .interrupted = interrupted,
                                      .cancelled = is_cancelled(job)});
    }
}

// Nothing ran when it was forgotten, and the daemon lives: whoever is charged now is charged for the reload.
void JobsWorld::check_return(const Pool& pool) {
    for (const auto& [id, job] : jobs_) {
        if (job.disk_final || !job.known || &pools_[job.pool] != &pool) continue;
        if (job.disk_claimed) broken("job " + std::to_string(id) + " was given back, and comes back claimed");
        if (job.disk_attempts != job.attempts)
            broken("job " + std::to_string(id) + " comes back with " + std::to_string(job.disk_attempts) + " of " +
                   std::to_string(job.attempts) + " attempts");
    }
}

void JobsWorld::check(const FlushPool& e) {
    const Pool& pool = pool_at(e.pool);
    if (pool.presence != Presence::leaving) broken("a pool that does not leave is flushed");
    writes_.push_back({.kind = Write::Kind::flush, .pool = e.pool, .flush = e.number});
}

void JobsWorld::check(const PoolForgotten& e) {
    Pool& pool = pool_at(e.pool);
    const std::uint32_t number = this->number(pool);
    if (pool.presence != Presence::leaving || id(pool) != e.pool) broken("a pool that does not leave is forgotten");
    for (const Worker& worker : pool.workers)
        if (worker.alive) broken("a pool is forgotten before its workers are gone");
    for (const Write& write : writes_) {
        if (write.kind == Write::Kind::cancel_map && maps_[write.map].pool == number)
            broken("a pool is forgotten before the cancel of its map is written");
        if (write.kind != Write::Kind::flush && write.kind != Write::Kind::cancel_map &&
            (jobs_[write.job].pool == number || std::ranges::find(write.pushes, number) != write.pushes.end()))
            broken("a pool is forgotten before all of job " + std::to_string(write.job) + " is written");
    }
    pool.presence = Presence::away;
    ++pool.round;
    pool.last_map = {};
    pool.last_turn = {};
    for (auto& [id, job] : jobs_) {
        if (job.pool != number || job.disk_final) continue;
        set_status(id, Status::away);
        kill_wishes_.erase(id);
    }
}

// A result that brings jobs for pools that are there, are not, leave or promise less.
void JobsWorld::push_something(JobAnswered& answer) {
    std::vector<std::uint32_t> targets;
    for (std::uint32_t count = 1 + random_.below(2); count > 0; --count) targets.push_back(random_.below(7) / 2);
    for (const std::uint32_t target : targets)
        answer.pushes.push_back(target < pools_.size() ? id(pools_[target]) : JobPoolId{1'000'000});
    answer.evidence = Evidence{next_evidence_++};
    pushes_[answer.evidence.value] = std::move(targets);
}

// Whether all that the job pushes may be queued.
bool JobsWorld::welcome(const Job& job, std::uint64_t evidence) const {
    const auto pushed = pushes_.find(evidence);
    return pushed == pushes_.end() || std::ranges::all_of(pushed->second, [&](std::uint32_t target) {
               return target < pools_.size() && pools_[target].presence == Presence::declared &&
                      pools_[target].spec->queue.durability >= pools_[job.pool].spec->queue.durability;
           });
}

}  // namespace pinion::sim
