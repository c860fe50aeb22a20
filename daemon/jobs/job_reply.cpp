// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_reply.h"

#include <charconv>

#include "daemon/jobs/job_records.h"
#include "jobs/job_phase.h"

namespace pinion::daemon {
namespace {

using wire::Json;

std::int64_t micros(WallTime time) { return time.time_since_epoch().count(); }

Json attempt_reply(const jobs::AttemptRow& attempt) {
    Json row = Json::object();
    row.set("number", attempt.number).set("outcome", jobs::to_string(attempt.outcome));
    row.set("slot", attempt.slot).set("started_usec", micros(attempt.started)).set("ended_usec", micros(attempt.ended));
    // On record is what its worker said, its death (of `exec` both), or an error of ours.
    const auto detail = Json::parse(attempt.detail);
    if (!detail) return row;
    const Json* error = detail->find("error");
    const Json* death = detail->find("death");
    if (error != nullptr) row.set("error", *error);
    if (death != nullptr) row.set("death", *death);
    if (detail->find("type") != nullptr) row.set("error", *detail);
    return row;
}

Json running_reply(const RunningAttempt& attempt) {
    Json row = Json::object().set("number", attempt.number).set("slot", attempt.slot.value);
    if (!attempt.seat.empty()) row.set("seat", attempt.seat);
    row.set("started_usec", micros(attempt.started));
    if (attempt.deadline) row.set("deadline_usec", micros(*attempt.deadline));
    if (attempt.progress) row.set("progress", *attempt.progress);
    if (!attempt.note.empty()) row.set("note", attempt.note);
    return row;
}

// Numbers by the tens of thousands: written at once, not built first.
void append_ids(std::string& out, std::span<const jobs::PlacedJob> placed, bool existing_only) {
    out += '[';
    bool first = true;
    for (const auto& job : placed) {
        if (existing_only && !job.existing) continue;
        if (!first) out += ',';
        first = false;
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof digits, job.id.value).ptr;
        out.append(digits, end);
    }
    out += ']';
}

}  // namespace

const char* to_string(FailureCode code) noexcept {
    switch (code) {
        case FailureCode::protocol: return "protocol";
        case FailureCode::version: return "version";
        case FailureCode::permission: return "permission";
        case FailureCode::not_found: return "not_found";
        case FailureCode::invalid: return "invalid";
        case FailureCode::refused: return "refused";
        case FailureCode::busy: return "busy";
    }
    return "?";
}

const char* to_string(PayloadKind payload) noexcept { return payload == PayloadKind::json ? "json" : "raw"; }

const char* to_string(jobs::QueueMode mode) noexcept {
    switch (mode) {
        case jobs::QueueMode::running: return "running";
        case jobs::QueueMode::paused: return "paused";
        case jobs::QueueMode::draining: return "draining";
    }
    return "?";
}

FailureCode code_of(Refusal::Kind kind) noexcept {
    switch (kind) {
        case Refusal::Kind::not_found: return FailureCode::not_found;
        case Refusal::Kind::invalid: return FailureCode::invalid;
        case Refusal::Kind::refused: break;
    }
    return FailureCode::refused;
}

Json job_reply(const jobs::StoredJob& job, jobs::JobPhase phase, const std::optional<RunningAttempt>& running) {
    const bool live = !jobs::is_final(job.state) && phase != jobs::JobPhase::none;
    Json reply = Json::object();
    reply.set("id", job.id.value).set("pool", job.pool);
    reply.set("state", jobs::to_string(live ? jobs::visible(phase) : job.state));
    if (job.map.value != 0) reply.set("map", job.map.value).set("index", job.index);
    if (!job.map_name.empty()) reply.set("map_name", job.map_name);
    reply.set("priority", job.priority).set("queued_usec", micros(job.queued));
    if (job.not_before > job.queued) reply.set("not_before_usec", micros(job.not_before));
    if (jobs::is_final(job.state)) reply.set("ended_usec", micros(job.ended));
    if (job.retry_of.value != 0) reply.set("retry_of", job.retry_of.value);
    if (!job.key.empty()) reply.set("key", job.key);
    if (running) reply.set("running", running_reply(*running));
    Json attempts = Json::array();
    for (const auto& attempt : job.attempts) attempts.push(attempt_reply(attempt));
    return reply.set("attempts", std::move(attempts));
}

std::string error_of(const jobs::StoredJob& job) {
    if (job.state != jobs::JobState::failed && job.state != jobs::JobState::cancelled) return {};
    // What its last attempt met is not why it was cancelled.
    if (job.state == jobs::JobState::cancelled || job.attempts.empty())
        return outcome_error(jobs::Outcome::cancelled, {});
    const jobs::AttemptRow& last = job.attempts.back();
    const auto detail = Json::parse(last.detail);
    const Json* error = detail ? detail->find("error") : nullptr;
    if (error != nullptr && error->is_object()) return error->dump();
    if (detail && detail->find("type") != nullptr) return detail->dump();
    return outcome_error(last.outcome, last.detail);
}

std::string accepted_reply(std::span<const jobs::PlacedJob> placed, Durability durability) {
    std::string reply = R"({"ids":)";
    append_ids(reply, placed, false);
    reply += R"(,"existing":)";
    append_ids(reply, placed, true);
    return reply + R"(,"durability":")" + to_string(durability) + R"("})";
}

std::string added_reply(std::uint64_t from, std::span<const jobs::PlacedJob> placed) {
    std::string reply = R"({"from":)" + std::to_string(from) + R"(,"ids":)";
    append_ids(reply, placed, false);
    return reply + '}';
}

Json pool_reply(const JobPool& pool, const std::optional<jobs::QueueView>& queue, bool may_steer) {
    const JobPoolSpec& spec = *pool.spec->jobs;
    Json reply = Json::object();
    reply.set("pool", pool.spec->name).set("payload", to_string(spec.payload));
    reply.set("durability", pinion::to_string(spec.queue.durability)).set("capacity", spec.queue.capacity);
    reply.set("may_steer", may_steer);
    if (!queue) return reply;
    reply.set("mode", to_string(queue->mode)).set("ready", queue->ready + queue->sent).set("delayed", queue->delayed);
    reply.set("running", queue->running).set("waiting_submits", queue->waiting_submits);
    reply.set("workers", queue->workers).set("busy_workers", queue->busy_workers);
    reply.set("done", queue->done).set("failed", queue->failed).set("cancelled", queue->cancelled);
    return reply.set("retried", queue->retried);
}

Json map_reply(const JobPool& pool, const jobs::StoredMap& map) {
    const JobPoolSpec& spec = *pool.spec->jobs;
    Json reply = Json::object();
    reply.set("map", map.map.value).set("pool", pool.spec->name).set("payload", to_string(spec.payload));
    reply.set("existing", map.existing).set("sealed", map.sealed).set("items", std::max(map.items, map.given));
    return reply.set("durability", pinion::to_string(spec.queue.durability));
}

Json log_reply(JobId job, std::span<const JobLogLine> lines, std::optional<std::uint32_t> attempt) {
    Json list = Json::array();
    for (const auto& line : lines) {
        if (attempt && *attempt != line.attempt) continue;
        list.push(Json::object().set("attempt", line.attempt).set("at_usec", micros(line.at)).set("text", line.text));
    }
    return Json::object().set("job", job.value).set("lines", std::move(list));
}

}  // namespace pinion::daemon
