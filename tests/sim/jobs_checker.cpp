// SPDX-License-Identifier: Apache-2.0
// The promises of job pools, seen from the outside: every effect is held against what the world knows by itself.
#include "jobs_world.h"
#include "model/job_limits.h"

namespace pinion::sim {
namespace {

using namespace std::chrono_literals;

std::string name_of(std::uint64_t job) { return "job " + std::to_string(job); }

}  // namespace

void JobsWorld::broken(std::string what) { violations.push_back(std::move(what)); }

void JobsWorld::set_status(std::uint64_t id, Status status) {
    Job& job = jobs_[id];
    Lane& lane = lanes_[{job.pool, job.priority, job.map}];
    if (status == Status::ready) {
        if (lane.ready.empty()) lane.since = pools_[job.pool].dispatches;
        lane.ready.insert(id);
    } else {
        lane.ready.erase(id);
    }
    job.status = status;
}

// What the events of a turn mean, before the scheduler says anything.
void JobsWorld::foresee(const JobEvent& event) {
    if (const auto* queued = std::get_if<JobQueued>(&event)) {
        Job& job = jobs_[queued->job.value];
        job.due = queued->not_before;
        if (job.due > now_) job.was_delayed = true;
        job.order = next_order_++;
        if (queued->cancelled) kill_wishes_.insert(queued->job.value);
        if (queued->interrupted) blamed_.insert(queued->job.value);
        if (!queued->interrupted) set_status(queued->job.value, job.due > now_ ? Status::delayed : Status::ready);
    } else if (std::holds_alternative<TimerFired>(event)) {
        for (auto& [id, job] : jobs_)
            if (job.known && !job.disk_final && job.status == Status::delayed &&
                std::chrono::ceil<std::chrono::milliseconds>(job.due) <= now_)
                set_status(id, Status::ready);
    } else if (const auto* arrived = std::get_if<WorkerArrived>(&event)) {
        Worker& worker = pool_at(arrived->worker.pool).workers[arrived->worker.slot.value];
        worker = {.alive = true, .generation = arrived->worker.generation.value};
    } else if (const auto* settled = std::get_if<SubmitSettled>(&event)) {
        pool_at(settled->pool).reserved -= settled->count;
    } else if (const auto* cancelled = std::get_if<CancelRequested>(&event)) {
        kill_wishes_.insert(cancelled->job.value);
    } else if (const auto* map = std::get_if<MapCancelRequested>(&event)) {
        for (const auto& [id, job] : jobs_)
            if (job.map == map->map.value) kill_wishes_.insert(id);
    } else if (const auto* answered = std::get_if<JobAnswered>(&event)) {
        Worker& worker = pool_at(answered->worker.pool).workers[answered->worker.slot.value];
        settled_.insert(answered->attempt);
        for (std::size_t i = 0; i < worker.sent.size(); ++i) {
            if (worker.sent[i].id != answered->attempt) continue;
            if (worker.sent[i].gap) worker.sent.erase(worker.sent.begin() + static_cast<std::ptrdiff_t>(i));
            break;
        }
    } else if (const auto* told = std::get_if<PayloadAwaited>(&event)) {
        for (Attempt& attempt : pool_at(told->worker.pool).workers[told->worker.slot.value].sent)
            if (attempt.id == told->attempt) attempt.awaited = told->awaited;
    } else if (const auto* lost = std::get_if<PayloadLost>(&event)) {
        Worker& worker = pool_at(lost->worker.pool).workers[lost->worker.slot.value];
        settled_.insert(lost->attempt);
        std::erase_if(worker.sent, [&](const Attempt& a) { return a.id == lost->attempt && a.gap; });
    } else if (const auto* gone = std::get_if<WorkerGone>(&event)) {
        Worker& worker = pool_at(gone->worker.pool).workers[gone->worker.slot.value];
        const bool by_itself = !worker.dying && gone->how != Departure::stopped;
        for (const Attempt& attempt : worker.sent) {
            if (attempt.gap) continue;
            for (const auto& [semaphore, count] : attempt.permits) held_[semaphore] -= count;
            if (attempt.executing && by_itself) blamed_.insert(attempt.job);
            if (scheduler_->phase(JobId{attempt.job}) == JobPhase::ending) {
                blamed_.insert(attempt.job);
            } else if (!(attempt.executing && by_itself)) {
                set_status(attempt.job, Status::ready);  // uncharged
                jobs_[attempt.job].claim_on_disk = false;
            }
        }
        worker = {.generation = worker.generation};
    }
}

JobsWorld::Attempt* JobsWorld::find_attempt(std::uint64_t job, Worker** holder) {
    for (Worker& worker : pools_[jobs_[job].pool].workers) {
        for (Attempt& attempt : worker.sent) {
            if (attempt.job != job || attempt.gap) continue;
            *holder = &worker;
            return &attempt;
        }
    }
    return nullptr;
}

void JobsWorld::check(const Claim& e) {
    Job& job = jobs_[e.job.value];
    Pool& pool = pools_[job.pool];
    if (pool.spec->queue.durability == Durability::memory) broken("a claim for a pool in memory");
    if (e.number != job.attempts + 1) broken(name_of(e.job.value) + ": a claim with a wrong number");
    writes_.push_back({.kind = Write::Kind::claim,
                       .job = e.job.value,
                       .number = e.number,
                       .answer = e.answer,
                       .worker = e.worker,
                       .attempt = e.attempt});
    if (!e.answer) return;
    check_order(job, e.job.value);
    Worker& worker = pool.workers[e.worker.slot.value];
    if (worker.sent.size() >= pool.spec->concurrency) broken(name_of(e.job.value) + " is claimed for a busy worker");
    const auto& permits = pool.spec->job.semaphores;
    for (const auto& [semaphore, count] : permits) held_[semaphore] += count;
    worker.sent.push_back(
        {.id = e.attempt, .job = e.job.value, .dispatched = false, .permits = permits, .size = job.size});
    set_status(e.job.value, Status::claiming);
}

// The priorities, the turns of the maps, first come first served.
void JobsWorld::check_order(const Job& job, std::uint64_t id) {
    Pool& pool = pools_[job.pool];
    if (!scheduler_) return;
    if (!jobs_[id].known || job.status != Status::ready) broken(name_of(id) + " is started, but is not ready");
    for (std::uint8_t higher = static_cast<std::uint8_t>(job.priority + 1); higher < 10; ++higher)
        for (auto at = lanes_.lower_bound({job.pool, higher, 0});
             at != lanes_.end() && std::get<0>(at->first) == job.pool && std::get<1>(at->first) == higher; ++at)
            for (const std::uint64_t other : at->second.ready)
                if (scheduler_->phase(JobId{other}) == JobPhase::ready)
                    return broken(name_of(id) + " is started before " + name_of(other) + " of higher priority");
    const std::uint64_t turn = ++pool.dispatches;
    const std::size_t level = job.priority;
    if (pool.last_turn[level] == turn - 1 && pool.last_map[level] == job.map && pool.last_turn[level] > 0) {
        for (const auto& [key, lane] : lanes_) {
            if (std::get<0>(key) != job.pool || std::get<1>(key) != job.priority || std::get<2>(key) == job.map)
                continue;
            if (lane.ready.empty() || lane.since + 1 >= turn) continue;
            for (const std::uint64_t other : lane.ready)
                if (scheduler_->phase(JobId{other}) == JobPhase::ready)
                    return broken("map " + std::to_string(job.map) + " has two turns in a row while map " +
                                  std::to_string(std::get<2>(key)) + " waits");
        }
    }
    pool.last_turn[level] = turn;
    pool.last_map[level] = job.map;
    Lane& lane = lanes_[{job.pool, job.priority, job.map}];
    if (!job.was_delayed && !job.was_sent) {
        if (job.order < lane.last_order) broken(name_of(id) + " is overtaken within its map");
        lane.last_order = job.order;
    }
}

// At once, or once its payload was read, which is told.
void JobsWorld::hand_over(const Dispatch& e, Attempt& attempt) {
    attempt.awaited = random_.one_in(4);
    if (attempt.awaited) inbox_.emplace_back(PayloadAwaited{e.worker, e.attempt, true});
}

void JobsWorld::check(const Dispatch& e) {
    const std::uint64_t id = e.job.value;
    Job& job = jobs_[id];
    Pool& pool = pools_[job.pool];
    Worker& worker = pool.workers[e.worker.slot.value];
    if (!worker.alive || worker.generation != e.worker.generation.value)
        return broken(name_of(id) + " is sent to nobody");
    if (e.number != job.attempts + 1)
        broken(name_of(id) + ": attempt " + std::to_string(e.number) + " after " + std::to_string(job.attempts));
    if (job.disk_final || job.ends > 0) broken(name_of(id) + " is sent after its end");
    if (is_cancelled(job)) broken(name_of(id) + " is sent though its map was cancelled");
    const bool durable = pool.spec->queue.durability != Durability::memory;
    Worker* holder = nullptr;
    if (Attempt* claimed = find_attempt(id, &holder); claimed != nullptr) {
        if (holder != &worker || claimed->dispatched || claimed->id != e.attempt)
            return broken(name_of(id) + " is sent twice");
        if (!job.claim_on_disk) broken(name_of(id) + ": a later attempt is sent before its claim is on disk");
        claimed->dispatched = true;
        job.needs_claim = true;
        hand_over(e, *claimed);
        set_status(id, Status::sent);
        return;
    }
    if (durable && e.number > 1) broken(name_of(id) + ": a later attempt without a claim");
    if (pool.presence != Presence::declared) broken(name_of(id) + " is sent by a pool that leaves");
    std::uint64_t bytes = 0;
    for (const Attempt& attempt : worker.sent) bytes += attempt.size;
    if (bytes >= limits::bytes_ahead && worker.sent.size() >= pool.spec->concurrency)
        broken(name_of(id) + " is sent ahead past the bound of bytes");
    if (worker.dying) broken(name_of(id) + " is sent to a worker that is being killed");
    if (pool.mode == QueueMode::paused) broken(name_of(id) + " is sent while its queue is paused");
    if (durable && !store_ok_) broken(name_of(id) + " is sent while the store is stopped");
    if (durable && store_behind_) broken(name_of(id) + " is sent while the store is behind");
    check_order(job, id);
    const std::size_t depth = pool.spec->concurrency - 1 + pool.spec->prefetch.value_or(limits::max_prefetch);
    if (worker.sent.size() >= depth) broken("a worker is sent more than its depth");
    if (pool.spec->recycle.jobs && worker.taken >= *pool.spec->recycle.jobs)
        broken("a worker is sent more than recycle.jobs");
    ++worker.taken;
    const auto& permits = pool.spec->job.semaphores;
    if (!permits.empty() && worker.sent.size() >= pool.spec->concurrency)
        broken(name_of(id) + " holds permits in a pipe");
    for (const auto& [semaphore, count] : permits) held_[semaphore] += count;
    worker.sent.push_back({.id = e.attempt, .job = id, .permits = permits, .size = job.size});
    hand_over(e, worker.sent.back());
    job.was_sent = true;
    job.needs_claim = false;
    set_status(id, Status::sent);
}

void JobsWorld::drop_attempt(std::uint64_t id) {
    Worker* worker = nullptr;
    Attempt* attempt = find_attempt(id, &worker);
    if (attempt == nullptr) return;
    for (const auto& [semaphore, count] : attempt->permits) held_[semaphore] -= count;
    std::erase_if(worker->sent, [&](const Attempt& a) { return a.job == id && !a.gap; });
}

void JobsWorld::check_end(std::uint64_t id, const AttemptNote& note) {
    Job& job = jobs_[id];
    if (note.number != job.attempts + 1) broken(name_of(id) + ": an attempt is missing on record");
    const bool death = note.outcome == Outcome::crash || note.outcome == Outcome::oom || note.outcome == Outcome::lost;
    if (death && !blamed_.contains(id)) broken(name_of(id) + " is charged for a death that was not its");
    if (note.outcome == Outcome::timeout && !blamed_.contains(id)) broken(name_of(id) + " timed out without a kill");
    if (!job.claim_on_disk && job.needs_claim && note.outcome != Outcome::lost)
        broken(name_of(id) + ": a later attempt ran without a claim");
    charged_.insert(id);
    job.attempts = note.number;
    job.claim_on_disk = false;
    drop_attempt(id);
}

void JobsWorld::check(const Retry& e) {
    const std::uint64_t id = e.job.value;
    check_end(id, e.attempt);
    Job& job = jobs_[id];
    const JobPolicy& policy = pools_[job.pool].spec->job;
    if (is_cancelled(job)) broken(name_of(id) + " is tried again though its map was cancelled");
    if (e.attempt.number >= policy.attempts) broken(name_of(id) + " is tried more often than job.attempts");
    if (kill_wishes_.contains(id) && e.attempt.outcome == Outcome::cancelled)
        broken(name_of(id) + " is tried again though cancelled");
    if (e.delay > policy.max_delay + policy.max_delay / 10) broken(name_of(id) + ": delayed for too long");
    job.due = now_ + e.delay;
    job.was_delayed = true;
    set_status(id, e.delay > 0s ? Status::delayed : Status::ready);
    if (pools_[job.pool].spec->queue.durability != Durability::memory || true)
        writes_.push_back({.kind = Write::Kind::retry, .job = id, .number = e.attempt.number, .due = job.due});
}

void JobsWorld::check(const Release& e) { writes_.push_back({.kind = Write::Kind::release, .job = e.job.value}); }

void JobsWorld::check(const Finish& e) {
    const std::uint64_t id = e.job.value;
    Job& job = jobs_[id];
    if (job.disk_final || job.ends++ > 0) broken(name_of(id) + " has two ends");
    if ((e.state == JobState::cancelled) != (e.attempt.outcome == Outcome::cancelled))
        broken(name_of(id) + ": state and outcome differ");
    if (e.state == JobState::cancelled && !kill_wishes_.contains(id) && !maps_[job.map].fail_fast &&
        !(job.map != 0 && scheduler_->map(MapId{job.map}) && scheduler_->map(MapId{job.map})->cancelled))
        broken(name_of(id) + " is cancelled though nobody asked");
    if (e.attempt.number > 0) {
        check_end(id, e.attempt);
    } else if (e.state != JobState::cancelled) {
        broken(name_of(id) + " has an end without an attempt");
    } else {
        Worker* worker = nullptr;
        Attempt* attempt = find_attempt(id, &worker);
        if (attempt != nullptr && attempt->executing) broken(name_of(id) + " is cancelled while it runs");
        // An answer before it in this turn may have ended its map; its own, after that, is taken as a gap's.
        if (attempt != nullptr && attempt->dispatched && !settled_.contains(attempt->id))
            attempt->gap = true;
        else
            drop_attempt(id);
    }
    set_status(id, Status::finishing);
    const bool cancels = job.map != 0 && maps_[job.map].fail_fast && e.state == JobState::failed;
    if (e.cancels_map != cancels) broken(name_of(id) + ": its failure and the cancel of its map are not one");
    Write write{.kind = Write::Kind::finish, .job = id, .worker = {}, .attempt = {}, .pushes = {}, .pool = {}};
    if (e.cancels_map) write.map = job.map;
    const std::uint64_t evidence = e.attempt.evidence.value;
    if (e.state == JobState::done && evidence != job.evidence) broken(name_of(id) + ": another's evidence");
    if (e.state == JobState::done && !welcome(job, evidence)) broken(name_of(id) + " is done, its pushes are not");
    if (e.attempt.outcome == Outcome::refused_push && welcome(job, evidence))
        broken(name_of(id) + " fails for pushes that are welcome");
    if (const auto pushed = pushes_.extract(evidence); pushed && e.state == JobState::done)
        write.pushes = pushed.mapped();
    writes_.push_back(std::move(write));
}

void JobsWorld::check(const KillTree& e) {
    ++kills;
    Pool& pool = pool_at(e.worker.pool);
    Worker& worker = pool.workers[e.worker.slot.value];
    if (!worker.alive || worker.generation != e.worker.generation.value) return broken("nobody is killed");
    if (worker.dying) broken("a worker is killed twice");
    worker.dying = true;
    for (const Attempt& attempt : worker.sent) {
        if (attempt.job != e.job.value) continue;
        if (e.why == Outcome::timeout &&
            (!attempt.timeout || !attempt.executing || now_ - *attempt.executing < *attempt.timeout))
            broken(name_of(e.job.value) + " is killed before its timeout");
        return;
    }
    broken(name_of(e.job.value) + ": a worker is killed for a job that it does not have");
}

void JobsWorld::check(const Recycle& e) {
    Worker& worker = pool_at(e.worker.pool).workers[e.worker.slot.value];
    if (!worker.sent.empty()) broken("a worker is recycled while it has jobs");
    worker.dying = true;  // the shell replaces it
}

bool JobsWorld::runs_anything(const Pool& pool) const {
    for (const Worker& worker : pool.workers)
        if (worker.alive && !worker.dying && !worker.sent.empty()) return true;
    return false;
}

void JobsWorld::check(const SubmitAdmitted& e) {
    for (Pool& pool : pools_) {
        const auto asked = pool.asked.find(e.token);
        if (asked == pool.asked.end()) continue;
        pool.reserved += asked->second;
        const auto view = scheduler_->queue(id(pool));
        if (view->ready + view->delayed + pool.reserved > pool.spec->queue.capacity)
            broken("a queue grows beyond its capacity");
        if (pool.mode == QueueMode::draining) broken("a queue that drains takes jobs");
        if (pool.presence != Presence::declared) broken("a pool that leaves takes jobs");
        for (std::uint32_t i = 0; i < asked->second; ++i) {
            const std::uint64_t id = next_job_++;
            Job& job = jobs_[id];
            job.pool = number(pool);
            job.priority = static_cast<std::uint8_t>(random_.pick({5, 5, 5, 0, 9}));
            job.size = random_.pick({0U, 10U, 1000U, 12U << 20, 16U << 20});
            job.fate = faults_ && random_.one_in(4) ? 1 + random_.below(3) : 0;
            if (random_.one_in(2)) {
                const std::uint64_t map = 1 + random_.below(6);
                if (maps_[map].pool == job.pool && !maps_[map].sealed) job.map = map;
            }
            if (random_.one_in(10)) job.disk_due = now_ + random_.up_to(2s);
            writes_.push_back({.kind = Write::Kind::enqueue, .job = id});
        }
        pool.asked.erase(asked);
        return;
    }
    broken("a submit that nobody made is admitted");
}

void JobsWorld::check(const SubmitRefused& e) {
    for (Pool& pool : pools_)
        if (pool.asked.erase(e.token) == 1) return;
    broken("a submit that nobody made is refused");
}

void JobsWorld::check_after_turn() {
    for (const std::uint64_t job : blamed_)
        if (!charged_.contains(job)) broken(name_of(job) + " is to blame, and not charged");
    for (const auto& [semaphore, count] : held_)
        if (count > permits_[semaphore]) broken("semaphore " + semaphore + " is exceeded");
    for (Pool& pool : pools_) {
        for (Worker& worker : pool.workers) {
            for (std::size_t i = 0; i < worker.sent.size(); ++i) {
                Attempt& attempt = worker.sent[i];
                const bool oldest = i < pool.spec->concurrency;
                if (oldest && attempt.gap && !worker.dying) broken("a worker runs a cancelled job and lives");
                if (!attempt.dispatched || attempt.gap || worker.dying) continue;
                // Whose turn it was keeps it, should `concurrency` become less.
                attempt.its_turn = attempt.its_turn || oldest;
                if (attempt.executing || attempt.awaited || !attempt.its_turn) continue;
                attempt.executing = now_;
                attempt.timeout = pool.spec->job.timeout;
            }
        }
    }
    if (scheduler_->next_deadline() < now_ - 1s) broken("a deadline was missed");
    // Nobody idles while somebody could work.
    for (Pool& pool : pools_) {
        if (pool.mode == QueueMode::paused || !pool.spec->job.semaphores.empty() || !store_ok_ || store_behind_ ||
            pool.presence != Presence::declared)
            continue;
        bool idle = false;
        for (const Worker& worker : pool.workers) idle = idle || (worker.alive && !worker.dying && worker.sent.empty());
        const auto view = scheduler_->queue(id(pool));
        const bool parked = std::ranges::any_of(maps_, [&](const auto& map) {
            const auto seen = scheduler_->map(MapId{map.first});
            return map.second.pool == number(pool) && seen && seen->cancelled;
        });
        if (idle && view->ready > 0 && !parked) broken("a worker idles while jobs are ready");
    }
}

}  // namespace pinion::sim
