// SPDX-License-Identifier: Apache-2.0
// The flow of a connection; what its requests do is in connection_requests.cpp and connection_jobs.cpp.
#include "daemon/jobs/job_connection.h"

#include "base/text.h"
#include "daemon/jobs/connection_parts.h"
#include "daemon/jobs/job_access.h"
#include "daemon/jobs/job_reply.h"
#include "daemon/jobs/socket_limits.h"
#include "wire/limits.h"

namespace pinion::daemon {

JobConnection::JobConnection(JobQueue& queue, ConnectionSetting setting)
    : queue_(queue),
      setting_(std::move(setting)),
      reader_(wire::limits::max_answer_bytes),
      hello_by_(add_saturating(setting_.now(), socket_limits::hello_within)),
      waits_(std::make_shared<JobWaits>(queue, *this, [this](const std::string& pool) { return may_see(pool); })) {}

JobConnection::~JobConnection() {
    for (const std::uint64_t ticket : tickets_) queue_.abandon(ticket);
}

// --- Bytes in

void JobConnection::feed(std::string_view bytes) {
    if (closing_) return;
    const auto read = reader_.feed(bytes, [this](const wire::FrameHeader& header, std::string_view payload) {
        if (closing_) return;
        if (pending_.empty() && may_take()) return handle(header, payload);
        pending_.push_back({header, std::string(payload)});
    });
    if (!read) return break_off(0, FailureCode::protocol, read.error().message);
    // A stranger is not waited for with more than a hello takes.
    if (!greeted_ && reader_.held_bytes() > socket_limits::hello_bytes)
        break_off(0, FailureCode::protocol, "read message: the first must be 'hello'");
}

bool JobConnection::has_room() const {
    full_ = outbox_.size() > (full_ ? socket_limits::output_resume_bytes : socket_limits::output_bytes);
    return !full_;
}

std::size_t JobConnection::input_bytes() const {
    std::size_t bytes = in_flight_bytes_;
    for (const auto& [id, map] : opened_) bytes += map->input_bytes();
    return bytes;
}

bool JobConnection::may_take() const {
    return !closing_ && in_flight_ < socket_limits::max_in_flight && has_room() && queue_.has_room() &&
           input_bytes() <= socket_limits::in_flight_bytes;
}

bool JobConnection::wants_input() const { return pending_.empty() && may_take(); }

void JobConnection::handle(const wire::FrameHeader& header, std::string_view payload) {
    const auto type = wire::check_frame(header, wire::Sender::client);
    if (!type) return break_off(header.id, FailureCode::protocol, type.error().message);
    if (greeted_ == (*type == wire::MessageType::hello))
        return break_off(header.id, FailureCode::protocol,
                         greeted_ ? "read message: 'hello' came again" : "read message: the first must be 'hello'");
    auto request = read_request(*type, header.id, payload);
    if (!request && request.error().broken) return break_off(header.id, FailureCode::protocol, request.error().message);
    if (!request)
        return fail(header.id, FailureCode::invalid,
                    std::string(wire::find_message(header.type)->name) + ": " + request.error().message);
    std::visit([&](auto& known) { on(header.id, std::move(known)); }, *request);
}

// --- Bytes out

void JobConnection::fail(std::uint64_t id, FailureCode code, const std::string& message) {
    outbox_.add(wire::MessageType::failure, id,
                wire::Json::object().set("code", to_string(code)).set("message", message));
    changed();
}

void JobConnection::break_off(std::uint64_t id, FailureCode code, const std::string& message) {
    if (closing_) return;
    fail(id, code, message);
    closing_ = true;
    pending_.clear();
}

void JobConnection::answer(std::uint64_t id, const wire::Json& payload) {
    outbox_.add(wire::MessageType::answer, id, payload);
    changed();
}

void JobConnection::tend() {
    std::erase_if(opened_, [](const auto& entry) { return entry.second->over(); });
    std::erase_if(attached_, [](const auto& entry) { return entry.second->over(); });
    if (closing_) return;
    while (!pending_.empty() && may_take()) {
        const Frame frame = std::move(pending_.front());
        pending_.pop_front();
        handle(frame.header, frame.payload);
    }
    if (!has_room()) return;
    for (const auto& [id, map] : opened_) map->pump();
    for (const auto& [id, map] : attached_) map->pump();
    waits_->pump();
}

std::optional<MonotonicTime> JobConnection::deadline() const {
    std::optional<MonotonicTime> first;
    const auto consider = [&first](std::optional<MonotonicTime> at) {
        if (at && (!first || *at < *first)) first = at;
    };
    if (!greeted_ && !closing_) consider(hello_by_);
    for (const auto& [id, map] : opened_) consider(map->deadline());
    for (const auto& [id, map] : attached_) consider(map->deadline());
    return first;
}

void JobConnection::tick(MonotonicTime now) {
    if (!greeted_ && now >= hello_by_) {
        // It may have come while we were busy, or did not read: what has is read before the second look.
        if (is_late_ && wants_input())
            return break_off(0, FailureCode::protocol, "read message: no 'hello' came within 10 s");
        is_late_ = wants_input();
        hello_by_ = add_saturating(now, socket_limits::hello_within / 10);
    }
    for (const auto& [id, map] : opened_) map->tick(now);
    for (const auto& [id, map] : attached_) map->tick(now);
}

// --- Rights, and what requests have in common

std::shared_ptr<JobConnection::InFlight> JobConnection::in_flight(std::size_t weight, std::size_t bytes) {
    return std::make_shared<InFlight>(weak_from_this(), weight, bytes);
}

bool JobConnection::may_see(const std::string& name) const {
    if (may_steer(setting_.caller, setting_.own_uid)) return true;
    const auto pool = queue_.find(name);
    return pool && may_use(setting_.caller, setting_.own_uid, pool->spec->jobs->allow);
}

std::optional<JobPool> JobConnection::usable(std::uint64_t id, const std::string& name) {
    auto pool = queue_.find(name);
    if (pool && may_use(setting_.caller, setting_.own_uid, pool->spec->jobs->allow)) return pool;
    const std::string shown = "'" + printable(name, 64) + "'";
    if (pool) {
        fail(id, FailureCode::permission,
             describe(setting_.caller) + " may not use pool " + shown +
                 ": only root, the daemon's own user and those whom the pool's 'allow' names may");
        return std::nullopt;
    }
    std::vector<std::string> names;
    for (const JobPool& known : queue_.pools())
        if (may_see(known.spec->name)) names.push_back(known.spec->name);
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const auto meant = closest(name, candidates);
    fail(id, FailureCode::not_found,
         "there is no job pool " + shown + (meant ? " (did you mean '" + std::string(*meant) + "'?)" : ""));
    return std::nullopt;
}

bool JobConnection::check_inputs(std::uint64_t id, const JobPool& pool, const std::vector<std::string>& inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto fits = check_input(*pool.spec->jobs, inputs[i]);
        if (fits) continue;
        fail(id, FailureCode::invalid,
             "pool '" + pool.spec->name + "': " + fits.error().message + " (number " + std::to_string(i) + ", '" +
                 printable(inputs[i], 64) + "')");
        return false;
    }
    return true;
}

bool JobConnection::has_map_to_spare(std::uint64_t id) {
    if (opened_.size() + attached_.size() < socket_limits::max_maps) return true;
    fail(id, FailureCode::busy,
         "open a map: this connection has " + std::to_string(socket_limits::max_maps) + " open, and no more may be");
    return false;
}

void JobConnection::look_up(JobId job, JobSeen seen) {
    queue_.look_up(job, [weak = weak_from_this(), job,
                         seen = std::move(seen)](Answer<std::optional<jobs::StoredJob>> stored) mutable {
        const auto self = weak.lock();
        if (self == nullptr) return;
        const auto refused = [&](FailureCode code, const std::string& message) {
            seen(std::unexpected(Failure{code, message}));
        };
        const std::string name = "job " + std::to_string(job.value);
        if (!stored) return refused(code_of(stored.error().kind), stored.error().message);
        if (!*stored) return refused(FailureCode::not_found, "there is no " + name);
        if (!self->may_see((*stored)->pool))
            return refused(FailureCode::permission, name + " is of pool '" + (*stored)->pool + "', which " +
                                                        describe(self->caller()) + " may not use");
        seen(std::move(**stored));
    });
}

void JobConnection::with_job(std::uint64_t id, JobId job, JobFound found) {
    look_up(job, [this, id, found = std::move(found)](const std::expected<jobs::StoredJob, Failure>& seen) mutable {
        if (!seen) return fail(id, seen.error().code, seen.error().message);
        found(*seen);
    });
}

void JobConnection::with_map(std::uint64_t id, NamedMap map, MapKnown found) {
    const std::string name = map.name;
    queue_.find_map(name, [weak = weak_from_this(), id, map = std::move(map),
                           found = std::move(found)](Answer<std::map<JobPoolId, MapId>> maps) mutable {
        const auto self = weak.lock();
        if (self == nullptr) return;
        if (!maps) return self->fail(id, code_of(maps.error().kind), maps.error().message);
        std::vector<std::pair<JobPool, MapId>> having;
        for (const JobPool& pool : self->queue_.pools()) {
            const auto has = maps->find(pool.id);
            const bool meant = map.pool.empty() || map.pool == pool.spec->name;
            if (has != maps->end() && meant && self->may_see(pool.spec->name)) having.emplace_back(pool, has->second);
        }
        if (having.empty()) return self->fail(id, FailureCode::not_found, "there is no map '" + map.name + "'");
        if (having.size() > 1)
            return self->fail(id, FailureCode::invalid,
                              "there is a map '" + map.name + "' in pool '" + having[0].first.spec->name +
                                  "' and in '" + having[1].first.spec->name + "': say which");
        found(having[0].first, having[0].second);
    });
}

}  // namespace pinion::daemon
