// SPDX-License-Identifier: Apache-2.0
#include "jobs_world.h"

namespace pinion::sim {

using namespace std::chrono_literals;

JobsWorld::JobsWorld(std::uint64_t seed) : random_(seed) {
    permits_ = {{"gpu", 1 + random_.below(2)}, {"db", 1 + random_.below(4)}};
    pools_.resize(3);
    for (Pool& pool : pools_) {
        pool.spec = std::make_shared<const JobPoolSpec>(random_spec(number(pool)));
        pool.slots = 1 + random_.below(4);
        pool.workers.resize(pool.slots);
    }
    for (std::uint64_t map = 1; map <= 6; ++map)
        maps_[map] = {.pool = random_.below(3), .fail_fast = random_.one_in(4)};
    declare_all();
}

void JobsWorld::declare_all() {
    scheduler_ = std::make_unique<Scheduler>(random_.next());
    std::vector<JobEvent> events;
    events.emplace_back(SemaphoresDeclared{permits_});
    for (Pool& pool : pools_) {
        if (pool.presence != Presence::declared) continue;
        events.emplace_back(PoolDeclared{id(pool), pool.spec});
        for (const auto& [number, map] : maps_)
            if (!map.settled && &pools_[map.pool] == &pool)
                events.emplace_back(MapOpened{MapId{number}, id(pool), map.fail_fast});
    }
    turn(std::move(events));
}

WorkerRef JobsWorld::ref(std::uint32_t pool, std::uint32_t slot) const {
    return {id(pools_[pool]), Slot{slot}, Generation{pools_[pool].workers[slot].generation}};
}

void JobsWorld::turn(std::vector<JobEvent> events) {
    blamed_.clear();
    charged_.clear();
    settled_.clear();
    for (const JobEvent& event : events) foresee(event);
    event_count += events.size();
    JobEffects effects;
    scheduler_->handle(events, now_, effects);
    for (const JobEffect& effect : effects) std::visit([this](const auto& e) { check(e); }, effect);
    check_after_turn();
    pushes_.clear();
    // What is answered at once becomes the next turn.
    if (!inbox_.empty()) {
        std::vector<JobEvent> next(inbox_.begin(), inbox_.end());
        inbox_.clear();
        turn(std::move(next));
    }
}

bool JobsWorld::step() {
    switch (random_.below(41)) {
        case 0: revive(); break;
        case 1: someone_dies(); break;
        case 2: orders(); break;
        case 3: cancel(); break;
        case 4:
            if (faults_ && random_.one_in(20)) daemon_dies();
            break;
        case 5: answer(true); break;
        case 6:
        case 7:
        case 8:
        case 9: submit(); break;
        case 10:
        case 11:
        case 12:
        case 13:
        case 14: pass_time(); break;
        case 15:
        case 16:
        case 17:
        case 18:
        case 19:
        case 20: commit(1 + random_.below(8)); break;
        case 21: reload(); break;
        default: answer(false);
    }
    return violations.empty();
}

void JobsWorld::submit() {
    Pool& pool = random_pool();
    const std::uint64_t token = next_token_++;
    const std::uint32_t count = 1 + random_.below(12);
    pool.asked[token] = count;
    turn({SubmitRequested{token, id(pool), count, random_.one_in(2)}});
    if (pool.asked.contains(token) && random_.one_in(8)) {
        pool.asked.erase(token);
        turn({SubmitAbandoned{token, id(pool)}});
    }
}

// The disk takes what is first in the queue; answers come after.
void JobsWorld::commit(std::size_t writes) {
    std::vector<JobEvent> answers;
    for (; writes > 0 && !writes_.empty() && store_ok_; --writes) {
        const Write first = writes_.front();
        writes_.pop_front();
        write(first, answers);
    }
    if (!answers.empty()) turn(std::move(answers));
}

void JobsWorld::write(const Write& write, std::vector<JobEvent>& answers) {
    if (write.kind == Write::Kind::flush) return void(answers.emplace_back(PoolFlushed{write.pool, write.flush}));
    const auto queued = [&](std::uint64_t id, Job& job) {
        job.known = true;
        answers.emplace_back(JobQueued{.job = JobId{id},
                                       .pool = this->id(pools_[job.pool]),
                                       .map = MapId{job.map},
                                       .not_before = job.disk_due,
                                       .size = job.size,
                                       .priority = job.priority,
                                       .cancelled = is_cancelled(job)});
    };
    if (write.map != 0) maps_[write.map].cancelled = true;
    if (write.kind == Write::Kind::cancel_map) return;
    Job& job = jobs_[write.job];
    switch (write.kind) {
        case Write::Kind::enqueue:
            queued(write.job, job);
            answers.emplace_back(SubmitSettled{id(pools_[job.pool]), 1});
            break;
        case Write::Kind::claim:
            job.disk_claimed = true;
            if (!write.answer) break;
            job.claim_on_disk = true;
            answers.emplace_back(ClaimPersisted{write.worker, write.attempt});
            break;
        case Write::Kind::release: job.disk_claimed = false; break;
        case Write::Kind::retry:
            if (write.number != job.disk_attempts + 1) broken("an attempt on record is overwritten");
            job.disk_attempts = write.number;
            job.disk_claimed = false;
            job.disk_due = write.due;
            break;
        case Write::Kind::finish:
            if (job.disk_final) broken("job " + std::to_string(write.job) + " was finished twice");
            job.disk_final = true;
            ++finished;
            for (const std::uint32_t pool : write.pushes) {
                const std::uint64_t id = next_job_++;
                jobs_[id].pool = pool;
                queued(id, jobs_[id]);
                ++pushes;
            }
            answers.emplace_back(FinishPersisted{JobId{write.job}});
            break;
        case Write::Kind::cancel_map:
        case Write::Kind::flush: break;
    }
}

void JobsWorld::answer(bool garbage) {
    const std::uint32_t number = random_.below(3);
    Pool& pool = pools_[number];
    const std::uint32_t slot = random_.below(static_cast<std::uint32_t>(pool.workers.size()));
    Worker& worker = pool.workers[slot];
    if (!worker.alive) return;
    std::vector<JobEvent> events;
    if (garbage) {
        turn({JobAnswered{ref(number, slot), AttemptId{1'000'000'000 + random_.below(10)}, {}, {}, {}}});
        return;
    }
    std::set<std::size_t> chosen;
    const std::uint32_t count = 1 + random_.below(3);
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::size_t index = random_.one_in(6) ? random_.below(10) : chosen.size();
        if (index < worker.sent.size()) chosen.insert(index);
    }
    for (const std::size_t index : chosen) {
        const Attempt& attempt = worker.sent[index];
        if (attempt.awaited) {
            if (faults_ && random_.one_in(50))
                events.emplace_back(PayloadLost{ref(number, slot), attempt.id, {}});
            else
                events.emplace_back(PayloadAwaited{ref(number, slot), attempt.id, false});
            continue;
        }
        const std::uint32_t fate = attempt.gap ? 0 : jobs_[attempt.job].fate;
        if (fate == 1 && !attempt.gap) continue;           // never answers
        if (fate == 2 && !attempt.gap && !worker.dying) {  // kills its worker when it runs
            if (attempt.executing && chosen.size() == 1) gone(number, slot, Departure::crash);
            if (!worker.alive || attempt.executing) return;
            continue;
        }
        if (!attempt.dispatched) continue;
        Verdict verdict;
        if (fate == 3 || random_.one_in(10)) verdict.outcome = Outcome::error;
        if (verdict.outcome == Outcome::error && random_.one_in(5)) verdict.retry = random_.one_in(2);
        if (verdict.outcome == Outcome::error && random_.one_in(5)) verdict.after = random_.up_to(1s);
        JobAnswered answer{ref(number, slot), attempt.id, verdict, {}, {}};
        if (!attempt.gap) jobs_[attempt.job].evidence = 0;
        if (!attempt.gap && random_.one_in(8)) push_something(answer);
        jobs_[attempt.job].evidence = answer.evidence.value;
        events.emplace_back(answer);
        if (faults_ && random_.one_in(50)) events.back() = PayloadLost{ref(number, slot), attempt.id, {}};
    }
    if (!events.empty()) turn(std::move(events));
}

void JobsWorld::gone(std::uint32_t pool, std::uint32_t slot, Departure how) {
    turn({WorkerGone{ref(pool, slot), how, {}}});
    ++crashes;
}

void JobsWorld::someone_dies() {
    const std::uint32_t number = random_.below(3);
    const std::uint32_t slot = random_.below(static_cast<std::uint32_t>(pools_[number].workers.size()));
    if (!pools_[number].workers[slot].alive) return;
    gone(number, slot,
         faults_ ? random_.pick({Departure::crash, Departure::oom, Departure::stopped}) : Departure::stopped);
}

// What was asked to be killed or replaced ends, and empty slots get a worker.
void JobsWorld::revive() {
    for (Pool& pool : pools_) {
        for (std::uint32_t slot = 0; slot < pool.workers.size(); ++slot) {
            Worker& worker = pool.workers[slot];
            if (worker.dying) gone(number(pool), slot, random_.pick({Departure::stopped, Departure::crash}));
            const bool wanted = slot < pool.slots && pool.presence == Presence::declared;
            if (worker.alive && !wanted && !random_.one_in(4)) gone(number(pool), slot, Departure::stopped);
            if (worker.alive || !wanted || (faults_ && random_.one_in(3))) continue;
            ++worker.generation;
            turn({WorkerArrived{ref(number(pool), slot)}});
        }
    }
}

void JobsWorld::orders() {
    Pool& pool = random_pool();
    switch (random_.below(6)) {
        case 0:
            pool.mode = random_.pick({QueueMode::running, QueueMode::running, QueueMode::paused, QueueMode::draining});
            return turn({QueueOrdered{id(pool), pool.mode}});
        case 1:
            permits_["db"] = std::max(permits_["db"], 1 + random_.below(4));
            return turn({SemaphoresDeclared{permits_}});
        case 2:
            if (!faults_ || !random_.one_in(5)) return;
            store_ok_ = !store_ok_;
            return turn({StoreChanged{store_ok_}});
        case 3: store_behind_ = !store_behind_ && random_.one_in(5); return turn({StoreBehind{store_behind_}});
        case 4: {
            const std::uint32_t slot = random_.below(static_cast<std::uint32_t>(pool.workers.size()));
            return turn({WorkerBlocked{ref(number(pool), slot), true}, WorkerBlocked{ref(number(pool), slot), false}});
        }
        default: {
            const std::uint64_t map = 1 + random_.below(6);
            if (maps_[map].sealed || !random_.one_in(10)) return;
            for (const Write& write : writes_)  // the shell seals after the last item is queued
                if (write.kind == Write::Kind::enqueue && jobs_[write.job].map == map) return;
            maps_[map].sealed = true;
            turn({MapSealed{MapId{map}}});
        }
    }
}

void JobsWorld::cancel() {
    if (random_.one_in(60)) return turn({MapCancelRequested{MapId{1 + random_.below(6)}}});
    if (next_job_ > 1) turn({CancelRequested{JobId{1 + random_.next() % (next_job_ - 1)}}});
}

void JobsWorld::pass_time() {
    const MonotonicTime next = scheduler_->next_deadline();
    const Duration span = random_.pick<Duration>({10us, 1ms, 20ms, 500ms});
    now_ = random_.one_in(2) && next != no_deadline ? std::max(now_, std::min(next, now_ + 10s)) : now_ + span;
    turn({TimerFired{}});
}

// SIGKILL: what the disk has taken stays, in order; everything else is gone, workers included.
void JobsWorld::daemon_dies() {
    ++daemon_deaths;
    store_ok_ = true;
    store_behind_ = false;
    std::vector<JobEvent> unheard;
    std::size_t lasting = random_.below(static_cast<std::uint32_t>(writes_.size()) + 1);
    std::set<std::uint64_t> lost;
    for (; lasting > 0; --lasting) {
        const Write first = writes_.front();
        writes_.pop_front();
        write(first, unheard);
    }
    for (const Write& write : writes_)
        if (write.kind == Write::Kind::enqueue) lost.insert(write.job);
    for (const std::uint64_t job : lost) jobs_.erase(job);  // never acknowledged
    writes_.clear();
    inbox_.clear();
    lanes_.clear();
    held_.clear();
    kill_wishes_.clear();
    for (Pool& pool : pools_) {
        pool.reserved = 0;
        pool.asked.clear();
        pool.mode = QueueMode::running;
        pool.last_map = {};
        pool.last_turn = {};
        if (pool.presence != Presence::declared) {
            pool.presence = Presence::away;
            pool.died_away = true;
        }
        for (Worker& worker : pool.workers) worker = {.generation = worker.generation};
    }
    for (auto& [id, map] : maps_) map.sealed = map.settled;
    for (auto& [id, job] : jobs_) {
        job.status = Status::away;
        job.attempts = job.disk_attempts;
    }
    declare_all();
    std::vector<JobEvent> events;
    for (Pool& pool : pools_)
        if (pool.presence == Presence::declared) recover(pool, events);
    turn(std::move(events));
}

bool JobsWorld::wind_up() {
    faults_ = false;
    store_ok_ = true;
    store_behind_ = false;
    permits_["db"] = 4;  // enough for whoever needs most
    turn({StoreChanged{true}, StoreBehind{false}, SemaphoresDeclared{permits_}});
    for (Pool& pool : pools_) {
        if (pool.presence != Presence::declared) come_back(pool);
        pool.mode = QueueMode::running;
        turn({QueueOrdered{id(pool), pool.mode}});
    }
    for (auto& [id, job] : jobs_)
        if (job.fate == 1) job.fate = 0;  // the hung ones answer at last
    for (int round = 0; round < 20'000 && violations.empty(); ++round) {
        revive();
        for (int i = 0; i < 10 && violations.empty(); ++i) answer(false);
        commit(100);
        pass_time();
        const auto view = scheduler_->snapshot();
        if (view.jobs == 0 && writes_.empty()) break;
    }
    for (const auto& [id, job] : jobs_)
        if (job.known && !job.disk_final && violations.empty())
            broken("job " + std::to_string(id) +
                   " was lost: " + to_string(scheduler_->why(JobId{id}), now_, [](JobPoolId pool) {
                       return "pool " + std::to_string(pool.value);
                   }));
    for (const auto& [name, count] : held_)
        if (count != 0 && violations.empty()) broken("semaphore " + name + " is held by nobody");
    return violations.empty();
}

}  // namespace pinion::sim
