// SPDX-License-Identifier: Apache-2.0
// The scheduler's orders, carried out.
#include <fmt/format.h>

#include "daemon/jobs/job_host.h"
#include "daemon/jobs/job_records.h"

namespace pinion::daemon {

using namespace jobs;

struct JobHost::Execute {
    JobHost& host;

    void operator()(const Dispatch& d) const {
        JobToSend job{.attempt = d.attempt, .job = d.job, .number = d.number, .remaining = {}, .payload = {}};
        if (d.timeout > Duration::zero()) job.remaining = d.timeout;
        WorkerLink* const link = host.link(d.worker);
        // Its end gives the job back, which it never had.
        if (link == nullptr || link->ended) return host.note(PayloadAwaited{d.worker, d.attempt, true});
        // Nothing overtakes what is being fetched: the scheduler's oldest job is to be the worker's.
        if (const auto input = link->awaited.empty() ? host.store_->input_at_hand(d.job) : std::nullopt) {
            job.payload = *input;
            return link->send(job, host.loop_.now());
        }
        const auto token = host.pending_.next_token++;
        host.pending_.sendings.emplace(token, Sending{d.worker, job, {}});
        link->awaited.push_back(token);
        host.note(PayloadAwaited{d.worker, d.attempt, true});
        host.store_->post(ReadRequest{FetchPayload{token, d.job}});
    }
    void operator()(const Claim& c) const {
        NoteClaim note{.job = c.job, .pool = c.worker.pool, .number = c.number, .token = {}};
        // Claimed on disk, a job is charged if we die now: not before its worker could execute it.
        if (!c.answer && host.is_awaited(c)) return;
        if (c.answer) {
            note.token = host.pending_.next_token++;
            host.pending_.claims.emplace(*note.token, std::pair{c.worker, c.attempt});
        }
        host.store_->post(WriteRequest{note});
    }
    void operator()(const Release& r) const { host.store_->post(WriteRequest{VoidClaim{r.job}}); }
    void operator()(const Retry& r) const {
        const auto evidence = host.take(r.attempt.evidence);
        host.store_->post(
            WriteRequest{NoteRetry{r.job, host.to_row(r.attempt, evidence.detail), wall_now() + r.delay}});
    }
    void operator()(const Finish& f) const {
        auto evidence = host.take(f.attempt.evidence);
        const auto outcome = f.attempt.outcome;
        // What the worker itself said of an error stands, and why an input can't be read; all else is ours to say.
        const bool told = outcome == Outcome::error || outcome == Outcome::unreadable;
        if (outcome != Outcome::done && (!told || evidence.error.empty()))
            evidence.error = outcome_error(outcome, evidence.detail);
        // A result and what it pushes stand or fall together.
        if (outcome != Outcome::done) {
            evidence.result.clear();
            evidence.pushes.clear();
        }
        auto row = host.to_row(f.attempt, evidence.detail.empty() ? evidence.error : evidence.detail);
        // Kept until it is written, whether somebody waits for it already or comes meanwhile.
        JobEnd end{.job = f.job,
                   .pool = f.pool,
                   .map = f.map,
                   .state = f.state,
                   .attempts = f.attempts,
                   .result = {},
                   .error = {}};
        host.add_ending(Ending{end, evidence.result, evidence.error});
        host.store_->post(WriteRequest{NoteFinish{.job = f.job,
                                                  .pool = f.pool,
                                                  .state = f.state,
                                                  .attempt = std::move(row),
                                                  .result = std::move(evidence.result),
                                                  .pushes = std::move(evidence.pushes),
                                                  .cancels = f.cancels_map ? f.map : MapId{}}});
    }
    void operator()(const KillTree& k) const {
        if (WorkerLink* link = host.link(k.worker); link != nullptr && link->is_exec()) {
            link->killed.emplace();
            if (const auto* sent = link->find_job(k.job)) {
                link->killed->sent = *sent;
                link->killed->used = host.services_.usage_below(link->worker());
            }
        }
        end(k.worker, k.why == Outcome::cancelled ? supervise::Unwanted::cancelled : supervise::Unwanted::timeout);
    }
    void operator()(const Recycle& r) const { end(r.worker, supervise::Unwanted::recycled); }
    void end(const WorkerRef& worker, supervise::Unwanted why) const {
        if (WorkerLink* link = host.link(worker)) link->unwanted = true;
        host.services_.unwanted(host.worker_id(worker), why);
    }
    void operator()(const Stray& s) const {
        const auto evidence = host.take(s.evidence);
        if (!evidence.line.empty()) host.services_.log_line(host.worker_id(s.worker), evidence.line);
    }
    void operator()(const SubmitAdmitted& s) const {
        const auto order = host.pending_.orders.find(s.token);
        if (order == host.pending_.orders.end()) return;
        order->second.admitted = true;
        auto& wish = order->second.order;
        Enqueue enqueue{.token = s.token, .jobs = {}};
        enqueue.jobs.reserve(wish.inputs.size());
        for (std::size_t i = 0; i < wish.inputs.size(); ++i)
            enqueue.jobs.push_back({.pool = wish.pool,
                                    .map = wish.map,
                                    .payload = std::move(wish.inputs[i]),
                                    .key = wish.keys.empty() ? std::string() : std::move(wish.keys[i]),
                                    .index = wish.first_index + i,
                                    .priority = wish.priority,
                                    .not_before = wish.not_before,
                                    .retry_of = wish.retry_of});
        wish = {};
        host.store_->post(WriteRequest{std::move(enqueue)});
    }
    void operator()(const SubmitRefused& s) const {
        const auto order = host.pending_.orders.extract(s.token);
        if (!order) return;
        host.arrived(order.mapped().map);
        if (!order.mapped().done) return;
        const auto pool = host.name(order.mapped().pool);
        host.later([done = std::move(order.mapped().done), refusal = host.refusal_of(s.why, pool)]() mutable {
            done(std::unexpected(std::move(refusal)));
        });
    }
    void operator()(const MapSettled& m) const { host.settled(m); }
    void operator()(const KeepCancel& c) const { host.keep_cancel(c); }
    void operator()(const NoSuchJob& n) const { host.cancel_absent(n.job); }
    void operator()(const NoSuchMap& n) const {
        for (auto& done : host.cancels_.take(n.map)) done(false);
    }
    void operator()(const FlushPool& p) const {
        if (host.store_) host.store_->post(WriteRequest{Flush{p.pool, p.number}});
    }
    void operator()(const PoolForgotten& p) const {
        const auto* pool = host.find_pool(p.pool);
        if (pool != nullptr && !pool->declared) host.pools_.erase(host.name(p.pool));
    }
};

void JobHost::execute(const JobEffect& effect) { std::visit(Execute{*this}, effect); }

Refusal JobHost::refusal_of(jobs::Refusal why, const std::string& pool) const {
    using Kind = pinion::daemon::Refusal::Kind;
    switch (why) {
        case jobs::Refusal::no_pool: return {Kind::not_found, fmt::format("submit to '{}': no such job pool", pool)};
        case jobs::Refusal::draining:
            return {Kind::refused,
                    fmt::format("submit to '{0}': its queue is being drained; 'pinionctl queue resume {0}' "
                                "takes jobs again",
                                pool)};
        case jobs::Refusal::full:
            return {Kind::refused,
                    fmt::format("submit to '{}': its queue is full (queue.capacity); try again later, or "
                                "wait for room",
                                pool)};
        case jobs::Refusal::larger_than_queue:
            return {Kind::invalid, fmt::format("submit to '{}': more jobs at once than queue.capacity", pool)};
        case jobs::Refusal::store_stopped: break;
    }
    auto refusal = no_store();
    refusal.message = fmt::format("submit to '{}': {}", pool, refusal.message);
    return refusal;
}

Refusal JobHost::no_store() const {
    std::string reason = store_error_;
    if (store_) {
        const auto health = store_->health();
        reason = health.reason.empty() ? "" : health.reason + "; " + store_advice(health);
    }
    return {Refusal::Kind::refused,
            reason.empty() ? "the job store takes nothing" : "the job store takes nothing: " + reason};
}

AttemptRow JobHost::to_row(const AttemptNote& note, const std::string& detail) const {
    AttemptRow row{.number = note.number, .outcome = note.outcome, .slot = note.worker.slot.value, .detail = detail};
    row.ended = wall_now();
    row.started = note.number == 0 ? row.ended : row.ended - (loop_.now() - note.started);
    return row;
}

jobs::Evidence JobHost::keep(Evidence evidence) {
    evidence_.push_back(std::move(evidence));
    return jobs::Evidence{first_evidence_ + evidence_.size() - 1};
}

JobHost::Evidence JobHost::take(jobs::Evidence id) {
    if (id.value < first_evidence_ || id.value - first_evidence_ >= evidence_.size()) return {};
    Evidence& evidence = evidence_[id.value - first_evidence_];
    // A death may end several attempts (concurrency).
    if (evidence.shared) return evidence;
    return std::exchange(evidence, {});
}

// Whether the payload of this first attempt is still to come; then the claim comes with it. Or the worker is gone.
bool JobHost::is_awaited(const Claim& claim) {
    const WorkerLink* const link = this->link(claim.worker);
    if (link == nullptr || link->ended) return true;
    for (const auto token : link->awaited) {
        Sending& sending = pending_.sendings.at(token);
        if (sending.job.attempt == claim.attempt) return sending.claims = true;
    }
    return false;
}

// What was fetched, as far as nothing before it is still on its way.
void JobHost::send_fetched(WorkerLink& link) {
    while (!link.ended && !link.awaited.empty()) {
        const auto sending = pending_.sendings.find(link.awaited.front());
        if (!sending->second.payload) return;
        JobToSend& job = sending->second.job;
        job.payload = *sending->second.payload;
        link.send(job, loop_.now());
        note(PayloadAwaited{link.ref(), job.attempt, false});
        if (sending->second.claims)
            store_->post(WriteRequest{NoteClaim{.job = job.job, .pool = link.ref().pool, .number = job.number}});
        if (job.remaining) arm();  // its time runs from now on
        pending_.sendings.erase(sending);
        link.awaited.pop_front();
    }
}

void JobHost::settled(const MapSettled& map) {
    if (store_) store_->post(WriteRequest{DropMap{map.map}});
    if (const auto inputs = input_maps_.extract(map.map.value))
        services_.record(map_record(name(inputs.mapped()), "its inputs", map));
    listeners_.tell_settled(map);
}

}  // namespace pinion::daemon
