// SPDX-License-Identifier: Apache-2.0
#include "ctl/rows.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace pinion::ctl {

namespace {

// Reads members by name; one that is missing, or of another type, leaves the target as it was.
class Members {
public:
    explicit Members(const wire::Json& json) : json_(json) {}
    void text(const char* name, std::string& target) const {
        const wire::Json* found = json_.find(name);
        if (found == nullptr) return;
        if (const std::string* value = found->as_string()) target = *value;
    }
    bool number(const char* name, std::uint64_t& target) const {
        const wire::Json* found = json_.find(name);
        const auto value = found == nullptr ? std::nullopt : found->as_uint();
        if (value) target = *value;
        return value.has_value();
    }
    void real(const char* name, double& target) const {
        const wire::Json* found = json_.find(name);
        if (const auto value = found == nullptr ? std::nullopt : found->as_double()) target = *value;
    }
    void flag(const char* name, bool& target) const {
        const wire::Json* found = json_.find(name);
        if (const auto value = found == nullptr ? std::nullopt : found->as_bool()) target = *value;
    }
    void time(const char* name, Duration& target) const {
        const wire::Json* found = json_.find(name);
        if (const auto value = found == nullptr ? std::nullopt : found->as_int()) target = Duration(*value);
    }

private:
    const wire::Json& json_;
};

// The worst first.
constexpr std::array<std::string_view, 8> by_urgency{"failed", "degraded", "stopping",  "starting",
                                                     "paused", "running",  "completed", "stopped"};

}  // namespace

PoolRow to_pool_row(const wire::Json& json) {
    PoolRow row;
    const Members members(json);
    members.text("name", row.name);
    members.text("kind", row.kind);
    members.text("state", row.state);
    members.time("since", row.since);
    members.number("wanted", row.wanted);
    members.number("running", row.running);
    members.number("up", row.up);
    members.number("exits", row.exits);
    members.text("seats", row.seats);
    members.text("note", row.note);
    members.real("cores_used", row.cores_used);
    members.number("cores_held", row.cores_held);
    members.number("memory_bytes", row.memory_bytes);
    members.flag("withdrawn", row.withdrawn);
    members.flag("stopped_by_operator", row.stopped_by_operator);
    members.number("jobs_running", row.jobs_running);
    members.number("jobs_ready", row.jobs_ready);
    members.number("jobs_failed", row.jobs_failed);
    members.real("jobs_rate", row.jobs_rate);
    members.time("oldest_ready_usec", row.oldest_ready);
    members.number("jobs_p95_usec", row.jobs_p95_usec);
    row.members = json;
    return row;
}

WorkerRow to_worker_row(const wire::Json& json) {
    WorkerRow row;
    const Members members(json);
    members.text("pool", row.pool);
    members.number("slot", row.slot);
    members.text("state", row.state);
    members.number("pid", row.pid);
    members.number("generation", row.generation);
    members.number("restarts", row.restarts);
    members.text("cpus", row.cpus);
    members.text("seat", row.seat);
    members.text("home", row.home);
    members.text("mask", row.mask);
    members.text("nodes", row.nodes);
    members.text("straddles", row.straddles);
    members.flag("exclusive", row.exclusive);
    members.number("drifts", row.drifts);
    members.flag("contested", row.contested);
    members.text("pin_note", row.pin_note);
    members.text("origin", row.origin);
    members.time("since", row.since);
    members.number("failures_in_row", row.failures_in_row);
    members.time("next_retry", row.next_retry);
    members.number("memory_bytes", row.memory_bytes);
    members.number("cpu_usec", row.cpu_usec);
    members.text("note", row.note);
    members.text("status_text", row.status_text);
    members.number("job", row.job);
    row.members = json;
    return row;
}

EventRow to_event_row(const wire::Json& json) {
    EventRow row;
    const Members members(json);
    members.text("event", row.event);
    members.time("at", row.at);
    members.text("pool", row.pool);
    row.has_slot = members.number("slot", row.slot);
    members.number("priority", row.priority);
    members.text("message", row.message);
    row.members = json;
    return row;
}

bool is_at_rest(std::string_view state) noexcept {
    return state == "idle" || state == "failed" || state == "completed";
}

bool is_healthy(const PoolRow& pool) noexcept {
    if (pool.state == "stopped") return pool.wanted == 0 && !pool.stopped_by_operator;
    return pool.state == "running" || pool.state == "completed";
}

void sort_by_name(std::vector<PoolRow>& pools) { std::ranges::sort(pools, {}, &PoolRow::name); }

void sort_by_state(std::vector<PoolRow>& pools) {
    std::ranges::sort(pools, {}, [](const PoolRow& pool) {
        return std::tuple(std::ranges::find(by_urgency, pool.state) - by_urgency.begin(), pool.name);
    });
}

void sort_by_name(std::vector<WorkerRow>& workers) {
    std::ranges::sort(workers, {}, [](const WorkerRow& worker) { return std::tuple(worker.pool, worker.slot); });
}

}  // namespace pinion::ctl
