// SPDX-License-Identifier: Apache-2.0
// What a client asks of single jobs: waiting, looking, listing, cancelling, retrying.
#include <algorithm>

#include "daemon/jobs/connection_parts.h"
#include "daemon/jobs/job_reply.h"
#include "daemon/jobs/socket_limits.h"

namespace pinion::daemon {

using wire::Json;

namespace {

std::string end_in_words(jobs::JobState state) {
    switch (state) {
        case jobs::JobState::done: return "nothing: it is done";
        case jobs::JobState::failed: return "nothing: it failed";
        case jobs::JobState::cancelled: return "nothing: it was cancelled";
        default: return "";
    }
}

// The one state that the store can look for; nothing where it must be asked for all.
std::optional<jobs::JobState> one_state(const std::vector<jobs::JobState>& states) {
    const auto first = [&](jobs::JobState state) { return jobs::is_final(state) ? state : jobs::JobState::queued; };
    if (states.empty()) return std::nullopt;
    const bool same = std::ranges::all_of(states, [&](auto state) { return first(state) == first(states[0]); });
    return same ? std::optional(first(states[0])) : std::nullopt;
}

}  // namespace

void JobConnection::on(std::uint64_t id, WaitRequest request) {
    if (waits_->size() + request.jobs.size() > socket_limits::max_waited_jobs)
        return fail(id, FailureCode::busy,
                    "wait: a connection may wait for " + std::to_string(socket_limits::max_waited_jobs) + " jobs");
    waits_->add(id, request.jobs);
}

void JobConnection::on(std::uint64_t id, AskJobRequest request) {
    // A result may be large: such requests are answered one after another.
    auto token = in_flight(request.result ? socket_limits::max_in_flight : 1);
    with_job(id, request.job, [this, id, request, token = std::move(token)](const jobs::StoredJob& job) {
        Json reply = job_reply(job, queue_.phase(job.id), queue_.attempt(job.id));
        reply.set("result_bytes", job.result.size());
        if (const std::string error = error_of(job); !error.empty())
            if (auto value = Json::parse(error)) reply.set("error", std::move(*value));
        outbox_.add_body(wire::MessageType::job_state, id, reply,
                         request.result ? std::string_view(job.result) : std::string_view());
        changed();
    });
}

void JobConnection::on(std::uint64_t id, ListRequest request) {
    if (!request.pool.empty() && !may_see(request.pool) && !usable(id, request.pool)) return;
    if (request.map.empty()) return list(id, request, std::nullopt, in_flight());
    with_map(id, {request.pool, request.map},
             [this, id, request, token = in_flight()](const JobPool&, MapId map) { list(id, request, map, token); });
}

void JobConnection::list(std::uint64_t id, const ListRequest& request, std::optional<MapId> map,
                         std::shared_ptr<InFlight> token) {
    jobs::ListJobs query{
        .map = map, .state = one_state(request.states), .after = request.after, .limit = request.limit};
    if (!request.pool.empty()) {
        const auto pool = usable(id, request.pool);
        if (!pool) return;
        query.pool = pool->id;
    }
    queue_.list(query, [weak = weak_from_this(), id, request, token = std::move(token)](Answer<JobPage> found) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        if (!found) return self->fail(id, code_of(found.error().kind), found.error().message);
        Json rows = Json::array();
        for (const auto& job : found->jobs) {
            if (!self->may_see(job.pool)) continue;
            const auto phase = self->queue_.phase(job.id);
            const bool live = !jobs::is_final(job.state) && phase != jobs::JobPhase::none;
            const auto state = live ? jobs::visible(phase) : job.state;
            if (!request.states.empty() && std::ranges::find(request.states, state) == request.states.end()) continue;
            rows.push(job_reply(job, phase, self->queue_.attempt(job.id)));
        }
        // What was looked at may be of another state, or not for this client: it goes on from there all the same.
        Json reply = Json::object().set("jobs", std::move(rows)).set("more", found->seen.value != 0);
        if (found->seen.value != 0) reply.set("last", found->seen.value);
        self->outbox_.add(wire::MessageType::jobs_listed, id, reply);
        self->changed();
    });
}

void JobConnection::on(std::uint64_t id, CancelRequest request) {
    if (!request.map.empty())
        return with_map(
            id, {request.pool, request.map}, [this, id, token = in_flight()](const JobPool& pool, MapId map) {
                queue_.cancel_map(
                    map, [weak = weak_from_this(), id, token, map, pool = pool.spec->name](Answer<bool> cancelled) {
                        const auto self = weak.lock();
                        if (self == nullptr) return;
                        if (!cancelled)
                            return self->fail(id, code_of(cancelled.error().kind), cancelled.error().message);
                        Json reply = Json::object().set("map", map.value).set("pool", pool);
                        if (!*cancelled) reply.set("ended", true);
                        self->answer(id, reply);
                    });
            });
    auto work = std::make_shared<Cancelling>();
    work->id = id;
    work->jobs = std::move(request.jobs);
    work->token = in_flight();
    cancel_next(std::move(work));
}

// Many are begun before the first end is waited for, so that ends are written together. Once the client was told that
// it can't be had, none is begun any more.
void JobConnection::cancel_next(std::shared_ptr<Cancelling> work) {
    if (work->refused) return;
    if (work->at == work->jobs.size()) return tell_cancelled(*work);
    work->paused = work->waited >= socket_limits::cancels_ahead;
    if (work->paused) return;
    const JobId next = work->jobs[work->at++];
    ++work->waited;
    look_up(next, [this, work = std::move(work)](const std::expected<jobs::StoredJob, Failure>& seen) mutable {
        if (!seen) return refuse(*work, seen.error());
        if (work->refused) return;
        if (jobs::is_final(seen->state)) {
            work->ended.push(seen->id.value);
            --work->waited;
            return cancel_next(std::move(work));
        }
        queue_.cancel(seen->id, [weak = weak_from_this(), job = seen->id, work](Answer<jobs::JobState> end) {
            if (const auto self = weak.lock()) self->cancelled(work, job, std::move(end));
        });
        cancel_next(std::move(work));
    });
}

void JobConnection::cancelled(const std::shared_ptr<Cancelling>& work, JobId job, Answer<jobs::JobState> end) {
    if (!end) return refuse(*work, {code_of(end.error().kind), end.error().message});
    if (work->refused) return;
    (*end == jobs::JobState::cancelled ? work->cancelled : work->ended).push(job.value);
    --work->waited;
    work->paused ? cancel_next(work) : tell_cancelled(*work);
}

// Several may be the matter with it: the first is told.
void JobConnection::refuse(Cancelling& work, const Failure& why) {
    if (!std::exchange(work.refused, true)) fail(work.id, why.code, why.message);
}

// Once nothing is waited for any more.
void JobConnection::tell_cancelled(Cancelling& work) {
    if (work.waited > 0) return;
    answer(work.id, Json::object().set("cancelled", std::move(work.cancelled)).set("ended", std::move(work.ended)));
}

void JobConnection::on(std::uint64_t id, RetryRequest request) {
    auto work = std::make_shared<Retrying>();
    work->id = id;
    work->jobs = std::move(request.jobs);
    work->token = in_flight(socket_limits::max_in_flight);  // inputs may be large
    retry_next(std::move(work));
}

void JobConnection::retry_next(std::shared_ptr<Retrying> work) {
    if (work->at == work->jobs.size()) {
        outbox_.add_text(wire::MessageType::accepted, work->id, accepted_reply(work->placed, work->durability));
        return changed();
    }
    const std::uint64_t id = work->id;
    const JobId next = work->jobs[work->at++];
    with_job(id, next, [this, id, work = std::move(work)](const jobs::StoredJob& job) mutable {
        const std::string name = "retry job " + std::to_string(job.id.value);
        if (!jobs::is_final(job.state)) return fail(id, FailureCode::refused, name + ": it is not at its end");
        queue_.payload(job.id,
                       [weak = weak_from_this(), id, job, work = std::move(work)](Answer<std::string> input) mutable {
                           const auto self = weak.lock();
                           if (self == nullptr) return;
                           if (!input) return self->fail(id, code_of(input.error().kind), input.error().message);
                           work->input = std::move(*input);
                           self->resubmit(std::move(work), job);
                       });
    });
}

void JobConnection::resubmit(std::shared_ptr<Retrying> work, const jobs::StoredJob& job) {
    const std::uint64_t id = work->id;
    const auto pool = usable(id, job.pool);
    if (!pool) return;
    work->durability = std::min(work->durability, pool->spec->jobs->queue.durability);
    JobOrder order{.pool = pool->id};
    order.inputs.push_back(std::move(work->input));
    order.priority = job.priority;
    order.retry_of = job.id;
    const auto done = [weak = weak_from_this(), id,
                       work = std::move(work)](Answer<std::vector<jobs::PlacedJob>> placed) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        if (!placed) return self->fail(id, code_of(placed.error().kind), placed.error().message);
        work->placed.insert(work->placed.end(), placed->begin(), placed->end());
        self->retry_next(work);
    };
    queue_.submit(std::move(order), done);
}

void JobConnection::on(std::uint64_t id, WhyRequest request) {
    with_job(id, request.job, [this, id, token = in_flight()](const jobs::StoredJob& job) {
        const auto phase = queue_.phase(job.id);
        const bool live = phase != jobs::JobPhase::none;
        const auto state = live ? jobs::visible(phase) : job.state;
        const bool ended = !live && jobs::is_final(job.state);
        answer(id, Json::object()
                       .set("job", job.id.value)
                       .set("pool", job.pool)
                       .set("state", jobs::to_string(state))
                       .set("why", ended ? end_in_words(job.state) : queue_.why(job.id)));
    });
}

void JobConnection::on(std::uint64_t id, LogRequest request) {
    with_job(id, request.job, [this, id, request, token = in_flight()](const jobs::StoredJob& job) {
        answer(id, log_reply(job.id, queue_.log(job.id), request.attempt));
    });
}

}  // namespace pinion::daemon
