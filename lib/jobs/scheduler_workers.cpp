// SPDX-License-Identifier: Apache-2.0
// Workers come, answer and go.
#include <algorithm>

#include "jobs/scheduler_impl.h"

namespace pinion::jobs {

void Scheduler::Impl::on(const WorkerArrived& event) {
    PoolRecord* found = pool(event.worker.pool);
    if (found == nullptr) return;
    const std::uint32_t slot = event.worker.slot.value;
    if (found->workers.size() <= slot) found->workers.resize(slot + 1);
    if (found->workers[slot] != nullptr) on(WorkerGone{found->workers[slot]->ref, Departure::stopped, {}});
    found->workers[slot] = std::make_unique<JobWorker>();
    found->workers[slot]->ref = event.worker;
    found->workers[slot]->arrived = now_;
    ++found->worker_count;
    touch(*found, *found->workers[slot]);
}

void Scheduler::Impl::on(const WorkerGone& event) {
    JobWorker* gone = worker(event.worker);
    if (gone == nullptr) return;
    PoolRecord& pool = *this->pool(event.worker.pool);
    std::vector<Sent> blamed;
    std::vector<Sent> unblamed;
    const bool by_itself = gone->phase != WorkerPhase::killing && event.how != Departure::stopped;
    std::size_t older = 0;
    for (Sent& sent : gone->sent.take_all()) {
        // Answers of this very turn may have made it one of the oldest.
        const bool oldest = sent.executing || (sent.dispatched && older < pool.spec->concurrency);
        const bool executing = oldest && !sent.awaited;
        ++older;
        if (sent.is_gap()) continue;
        const bool charged = sent.doom || (executing && by_itself);
        (charged ? blamed : unblamed).push_back(std::move(sent));
    }
    gone->claiming = 0;
    pool.buckets.place(pool.workers, event.worker.slot.value, false);
    if (gone->timer != no_deadline) timers_.erase({gone->timer, gone->ref});
    give_back(pool, *gone, std::move(unblamed));
    const Outcome natural = event.how == Departure::oom ? Outcome::oom : Outcome::crash;
    for (Sent& sent : blamed) {
        const Verdict verdict{.outcome = sent.doom.value_or(natural), .retry = {}, .after = {}};
        settle(pool, *gone, std::move(sent), verdict, event.evidence);
    }
    pool.workers[event.worker.slot.value].reset();
    --pool.worker_count;
    touch(pool);
}

void Scheduler::Impl::on(const WorkerBlocked& event) {
    JobWorker* there = worker(event.worker);
    if (there == nullptr) return;
    there->blocked = event.blocked;
    touch(*pool(event.worker.pool), *there);
}

void Scheduler::Impl::on(const WorkerMemory& event) {
    JobWorker* there = worker(event.worker);
    if (there == nullptr || there->phase != WorkerPhase::open) return;
    PoolRecord& pool = *this->pool(event.worker.pool);
    const auto& limit = pool.spec->recycle.memory;
    if (!limit || event.bytes <= *limit) return;
    there->phase = WorkerPhase::retiring;
    there->reason = RecycleReason::memory;
    touch(pool, *there);
}

void Scheduler::Impl::on(const JobAnswered& event) {
    JobWorker* there = worker(event.worker);
    PoolRecord* found = pool(event.worker.pool);
    const std::size_t index = there == nullptr ? 0 : there->sent.find(event.attempt);
    if (there == nullptr || index == there->sent.size() || !there->sent[index].dispatched) {
        if (found != nullptr) ++found->counts.strays;
        return emit(Stray{event.worker, event.attempt, event.evidence});
    }
    if (there->sent[index].doom) return;  // its end is decided
    ++there->answered;
    touch(*found, *there);
    Sent sent = std::move(there->sent[index]);
    there->sent.remove(index);
    if (sent.is_gap()) return;
    Verdict verdict = event.verdict;
    // A push is part of the result's transaction, so it must be as durable, and to a pool that is there.
    const auto welcome = [&](JobPoolId to) {
        const PoolRecord* target = pool(to);
        return target != nullptr && !target->withdrawn &&
               target->spec->queue.durability >= found->spec->queue.durability;
    };
    if (verdict.outcome == Outcome::done && !std::ranges::all_of(event.pushes, welcome))
        verdict = {.outcome = Outcome::refused_push, .retry = {}, .after = {}};
    settle(*found, *there, std::move(sent), verdict, event.evidence);
}

void Scheduler::Impl::on(const PayloadAwaited& event) {
    JobWorker* there = worker(event.worker);
    const std::size_t index = there == nullptr ? 0 : there->sent.find(event.attempt);
    if (there == nullptr || index == there->sent.size() || !there->sent[index].dispatched) return;
    Sent& sent = there->sent[index];
    sent.awaited = event.awaited;
    if (sent.executing) time(*pool(event.worker.pool), *there, sent);
}

void Scheduler::Impl::on(const PayloadLost& event) {
    JobWorker* there = worker(event.worker);
    if (there == nullptr) return;
    PoolRecord& pool = *this->pool(event.worker.pool);
    const std::size_t index = there->sent.find(event.attempt);
    if (index == there->sent.size() || !there->sent[index].dispatched || there->sent[index].doom) return;
    Sent sent = std::move(there->sent[index]);
    there->sent.remove(index);
    touch(pool, *there);
    if (sent.is_gap()) return;
    settle(pool, *there, std::move(sent), {.outcome = Outcome::unreadable, .retry = {}, .after = {}}, event.evidence);
}

void Scheduler::Impl::on(const ClaimPersisted& event) {
    JobWorker* there = worker(event.worker);
    if (there == nullptr) return;
    const std::size_t index = there->sent.find(event.attempt);
    if (index == there->sent.size() || there->sent[index].dispatched) return;
    PoolRecord& pool = *this->pool(event.worker.pool);
    touch(pool, *there);
    if (there->phase == WorkerPhase::killing) return;  // it goes back when the worker is gone
    Sent& sent = there->sent[index];
    sent.dispatched = true;
    --there->claiming;
    jobs_.at(sent.place).become(JobPhase::sent);
    dispatch(pool, *there, sent);
}

}  // namespace pinion::jobs
