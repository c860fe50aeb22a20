// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_request.h"

#include <array>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "daemon/jobs/socket_limits.h"
#include "wire/json_scan.h"
#include "wire/limits.h"
#include "wire/lines.h"

namespace pinion::daemon {
namespace {

using wire::Json;
using wire::MessageType;

// Takes members out of a head, and remembers the first that is not as it should be.
class Members {
public:
    explicit Members(const Json& head) : head_(head) {}

    std::string text(std::string_view name, bool required = false) {
        const Json* value = find(name, required);
        if (value == nullptr) return {};
        const std::string* text = value->as_string();
        if (text == nullptr) return wrong(name, "text"), std::string();
        return *text;
    }
    bool flag(std::string_view name, bool fallback = false) {
        const Json* value = find(name, false);
        if (value == nullptr) return fallback;
        const auto flag = value->as_bool();
        if (!flag) wrong(name, "true or false");
        return flag.value_or(fallback);
    }
    std::uint64_t number(std::string_view name, bool required = false, std::uint64_t fallback = 0) {
        const Json* value = find(name, required);
        if (value == nullptr) return fallback;
        const auto number = value->as_uint();
        if (!number) wrong(name, "a number of at least 0");
        return number.value_or(fallback);
    }
    std::uint8_t priority() {
        const auto number = this->number("priority", false, limits::default_priority);
        if (number > wire::limits::max_priority) wrong("priority", "a number from 0 to 9");
        return static_cast<std::uint8_t>(number);
    }
    Duration seconds(std::string_view name) {
        const Json* value = find(name, false);
        if (value == nullptr) return {};
        constexpr double most = 100.0 * 365 * 24 * 3600;
        const auto number = value->as_double();
        if (!number || !std::isfinite(*number) || *number < 0 || *number > most) {
            wrong(name, "a number of seconds");
            return {};
        }
        return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*number));
    }
    std::vector<JobId> jobs(std::size_t most, bool required = true) {
        const Json* value = find("jobs", required);
        if (value == nullptr) return {};
        std::vector<JobId> ids;
        if (!value->is_array() || value->items().size() > most) {
            wrong("jobs", "a list of at most " + std::to_string(most) + " ids");
            return {};
        }
        for (const Json& item : value->items()) {
            const auto id = item.as_uint();
            if (!id || *id == 0) return wrong("jobs", "a list of ids"), std::vector<JobId>();
            ids.push_back(JobId{*id});
        }
        return ids;
    }
    const Json* find(std::string_view name, bool required) {
        const Json* value = head_.find(name);
        if (value != nullptr && value->is_null()) value = nullptr;
        if (value == nullptr && required && problem_.empty()) problem_ = "'" + std::string(name) + "' is missing";
        return value;
    }
    void wrong(std::string_view name, const std::string& wanted) {
        if (problem_.empty()) problem_ = "'" + std::string(name) + "' is not " + wanted;
    }
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    const Json& head_;
    std::string problem_;
};

std::vector<std::string> inputs_of(const wire::Body& body, Members& members) {
    std::vector<std::string> inputs;
    inputs.reserve(body.items.size());
    for (const auto item : body.items) {
        if (item.size() > wire::limits::max_payload_bytes)
            members.wrong("an input", "at most " + std::to_string(wire::limits::max_payload_bytes) + " bytes");
        inputs.emplace_back(item);
    }
    if (inputs.empty()) members.wrong("the list of inputs", "of at least one");
    return inputs;
}

std::vector<std::string> keys_of(Members& members, std::size_t inputs) {
    const Json* value = members.find("keys", false);
    if (value == nullptr) return {};
    std::vector<std::string> keys;
    for (const Json& item : value->items()) {
        const std::string* key = item.as_string();
        if (key == nullptr || key->size() > limits::max_key_bytes) break;
        keys.push_back(*key);
    }
    if (keys.size() != inputs)
        members.wrong("keys", "a list of one text for each input, of at most " + std::to_string(limits::max_key_bytes) +
                                  " bytes");
    return keys;
}

std::vector<jobs::JobState> states_of(Members& members) {
    using enum jobs::JobState;
    const Json* value = members.find("states", false);
    if (value == nullptr) return {};
    std::vector<jobs::JobState> states;
    for (const Json& item : value->items()) {
        const std::string* word = item.as_string();
        bool known = false;
        for (const auto state : std::array{delayed, queued, running, done, failed, cancelled}) {
            if (word == nullptr || *word != jobs::to_string(state)) continue;
            states.push_back(state);
            known = true;
        }
        if (!known) members.wrong("states", "a list of states");
    }
    if (!value->is_array()) members.wrong("states", "a list of states");
    return states;
}

jobs::QueueMode mode_of(Members& members) {
    const std::string verb = members.text("verb", true);
    if (verb == "pause") return jobs::QueueMode::paused;
    if (verb == "drain") return jobs::QueueMode::draining;
    if (verb != "resume") members.wrong("verb", "pause, resume or drain");
    return jobs::QueueMode::running;
}

JobId job_of(Members& members) { return JobId{members.number("job", true)}; }

std::string map_name(Members& members, std::string_view member, bool required) {
    std::string name = members.text(member, required);
    if (!name.empty() && !is_name(name)) members.wrong(member, "a name ([a-z][a-z0-9_-]*, at most 63 characters)");
    return name;
}

JobRequest submit_of(Members& members, const wire::Body& body) {
    SubmitRequest request{.pool = members.text("pool", true)};
    request.priority = members.priority();
    request.delay = members.seconds("delay");
    request.wait = members.flag("wait");
    request.keys = keys_of(members, body.items.size());
    request.inputs = inputs_of(body, members);
    return request;
}

JobRequest open_of(Members& members) {
    OpenMapRequest request{.pool = members.text("pool", true)};
    request.name = map_name(members, "name", false);
    request.fail_fast = members.flag("fail_fast");
    request.unordered = members.flag("unordered");
    request.results = members.flag("results", true);
    request.priority = members.priority();
    return request;
}

JobRequest list_of(Members& members) {
    ListRequest request{.pool = members.text("pool")};
    request.map = map_name(members, "map", false);
    request.states = states_of(members);
    request.after = JobId{members.number("after")};
    const auto limit = members.number("limit", false, socket_limits::max_listed);
    if (limit == 0) members.wrong("limit", "a number of at least 1");
    request.limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(limit, socket_limits::max_listed));
    return request;
}

JobRequest cancel_of(Members& members) {
    CancelRequest request{.jobs = members.jobs(socket_limits::max_named_jobs, false)};
    request.pool = members.text("pool");
    request.map = map_name(members, "map", false);
    if (request.jobs.empty() == request.map.empty()) members.wrong("the request", "'jobs' or 'map'");
    return request;
}

JobRequest json_request(MessageType type, MapId map, Members& members) {
    switch (type) {
        case MessageType::hello: return HelloRequest{members.number("version", true)};
        case MessageType::open_map: return open_of(members);
        case MessageType::seal_map: return SealMapRequest{map};
        case MessageType::attach_map: {
            AttachMapRequest request{.pool = members.text("pool")};
            request.name = map_name(members, "name", true);
            request.from = members.number("from");
            return request;
        }
        case MessageType::allow: return AllowRequest{map, members.number("results", true)};
        case MessageType::wait: return WaitRequest{members.jobs(socket_limits::max_waited_jobs)};
        case MessageType::ask_job: return AskJobRequest{job_of(members), members.flag("result")};
        case MessageType::list_jobs: return list_of(members);
        case MessageType::cancel: return cancel_of(members);
        case MessageType::retry: return RetryRequest{members.jobs(socket_limits::max_named_jobs)};
        case MessageType::queue: {
            QueueRequest request{.pool = members.text("pool", true)};
            request.mode = mode_of(members);
            return request;
        }
        case MessageType::why: return WhyRequest{job_of(members)};
        case MessageType::log: {
            LogRequest request{.job = job_of(members)};
            if (members.find("attempt", false) != nullptr)
                request.attempt = static_cast<std::uint32_t>(members.number("attempt"));
            return request;
        }
        case MessageType::ask_pool: return AskPoolRequest{members.text("pool", true), members.flag("cpu_time")};
        default: break;
    }
    members.wrong("the message", "one for a client to send");
    return HelloRequest{};
}

std::unexpected<BadRequest> broken(std::string message) {
    return std::unexpected(BadRequest{true, std::move(message)});
}

}  // namespace

std::expected<JobRequest, BadRequest> read_request(MessageType type, std::uint64_t id, std::string_view payload) {
    const auto checked = [](JobRequest request, const Members& members) -> std::expected<JobRequest, BadRequest> {
        if (!members.problem().empty()) return std::unexpected(BadRequest{false, members.problem()});
        return request;
    };
    if (type == MessageType::submit || type == MessageType::add_items) {
        auto body = wire::decode_body(payload);
        if (!body) return broken(std::move(body).error().message);
        Members members(body->head);
        if (type == MessageType::submit) return checked(submit_of(members, *body), members);
        const auto from = members.number("from", true);
        return checked(AddItemsRequest{MapId{id}, from, inputs_of(*body, members)}, members);
    }
    auto head = Json::parse(payload);
    if (!head) return broken("read message: " + head.error().message);
    if (!head->is_object()) return broken("read message: its payload is no object");
    Members members(*head);
    return checked(json_request(type, MapId{id}, members), members);
}

Result<void> check_input(const JobPoolSpec& pool, std::string_view input) {
    if (pool.payload == PayloadKind::json && !wire::is_json(input)) return fail("an input is not JSON");
    if (pool.payload == PayloadKind::raw && pool.protocol == JobProtocol::lines && !wire::fits_raw_line(input))
        return fail("an input has a line break, which a pool of 'payload: raw' can't take");
    return {};
}

}  // namespace pinion::daemon
