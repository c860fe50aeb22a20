// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_records.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <ctime>

#include "daemon/jobs/channel_parts.h"
#include "log/messages.h"
#include "wire/json.h"

namespace pinion::daemon {

namespace messages = log::messages;
using jobs::Outcome;
using jobs::QueueMode;
using wire::Json;

namespace {

log::Record record(log::Priority priority, const log::MessageKind& kind, const std::string& pool, std::string message) {
    log::Record result{
        .priority = priority, .message = std::move(message), .kind = &kind, .identifier = "piniond", .fields = {}};
    if (!pool.empty()) result.fields.emplace_back("PINION_POOL", pool);
    return result;
}

std::int64_t microseconds(Duration duration) { return duration.count(); }

// "14:02"; of another day than today with its date before.
std::string clock(WallTime at, WallTime now) {
    std::tm then{};
    std::tm today{};
    const auto then_seconds = std::chrono::system_clock::to_time_t(at);
    const auto now_seconds = std::chrono::system_clock::to_time_t(now);
    if (::localtime_r(&then_seconds, &then) == nullptr || ::localtime_r(&now_seconds, &today) == nullptr) return "?";
    const bool same_day = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
    char text[32];
    return {text, std::strftime(text, sizeof text, same_day ? "%H:%M" : "%F %H:%M", &then)};
}

}  // namespace

log::Record store_record(log::Priority priority, std::string message) {
    return record(priority, messages::job_store, "", std::move(message));
}

std::string store_advice(const jobs::StoreHealth& health) {
    if (health.state == jobs::StoreHealth::State::full)
        return health.code == ENOSPC || health.code == EDQUOT ? "free space there, and it goes on by itself"
                                                              : "it is tried again every second";
    switch (health.code) {
        case EUCLEAN:
            return "stop piniond and restore the folder from a backup, salvage it with 'sqlite3 jobs.db .recover', or "
                   "move it away: an empty one is made";
        case EMEDIUMTYPE: return "move that file away and restart piniond: an empty database is made";
        case EROFS:
        case EACCES:
        case EPERM: return "make it writable, then restart piniond";
        case ENOSPC:
        case EDQUOT: return "free space there, then restart piniond";
        case ENOENT: return "put it back where it can be had, then restart piniond";
        default: return "see to it, then restart piniond";
    }
}

log::Record health_record(const jobs::StoreHealth& health) {
    if (health.state == jobs::StoreHealth::State::open)
        return store_record(log::Priority::notice, "the job store takes jobs again");
    const bool full = health.state == jobs::StoreHealth::State::full;
    return store_record(log::Priority::err,
                        fmt::format("{}; {}; {}", health.reason,
                                    full ? "what finishes meanwhile is kept and written then"
                                         : "no job of theirs is handed out, service pools and pools in memory go on",
                                    store_advice(health)));
}

log::Record queue_record(const std::string& pool, QueueMode mode, const std::string& by, bool kept) {
    const char* words = mode == QueueMode::paused     ? "paused: nothing is handed out"
                        : mode == QueueMode::draining ? "draining: what is queued is worked off, submits are refused"
                                                      : "resumed";
    return record(kept ? log::Priority::notice : log::Priority::warning, messages::queue_changed, pool,
                  fmt::format("{}: {}, by {}{}", pool, words, by,
                              kept ? "" : "; that is not on disk, and a daemon that ends now forgets it"));
}

std::string paused_note(const std::string& pool, const JobFigures& figures, WallTime now) {
    if (figures.mode_by.empty()) return "queue paused; pinionctl queue resume " + pool;
    return "paused by " + figures.mode_by + " at " + clock(figures.mode_at, now);
}

log::Record map_record(const std::string& pool, const std::string& map, const jobs::MapSettled& settled) {
    // What ended in the life of another daemon is not counted again.
    const auto ended = settled.done + settled.failed + settled.cancelled;
    const auto before = settled.items > ended ? fmt::format("; {} before this start", settled.items - ended) : "";
    auto result = record(settled.failed == 0 ? log::Priority::notice : log::Priority::warning, messages::map_done, pool,
                         fmt::format("{}: {} completed: {} done, {} failed, {} cancelled{}", pool, map, settled.done,
                                     settled.failed, settled.cancelled, before));
    result.fields.emplace_back("PINION_MAP", std::to_string(settled.map.value));
    return result;
}

std::string death_json(const Death& death, const std::string& cpus, std::string_view error) {
    auto json = Json::object();
    json.set("how", to_string(death));
    json.set(death.cause == Death::Cause::exited ? "exit" : "signal", death.status);
    json.set("core_dumped", death.core_dumped).set("oom_killed", death.oom_killed);
    if (death.peak_memory_bytes != 0) {
        json.set("peak_memory_bytes", death.peak_memory_bytes);
        json.set("cpu_usec", microseconds(death.cpu_user + death.cpu_system));
    }
    if (!cpus.empty()) json.set("seat", cpus);
    auto lines = Json::array();
    for (const auto& line : death.last_lines) lines.push(line);
    json.set("last_lines", std::move(lines));
    const std::string before = error.empty() ? "{" : R"({"error":)" + std::string(error) + ",";
    return before + R"("death":)" + json.dump() + "}";
}

std::string outcome_error(Outcome outcome, const std::string& detail) {
    std::string how;
    if (const auto json = Json::parse(detail))
        if (const auto* death = json->find("death"))
            if (const auto* words = death->find("how"); words && words->as_string()) how = *words->as_string();
    switch (outcome) {
        case Outcome::done: return {};
        case Outcome::error: return error_json("error", "the worker gave no reason");
        case Outcome::crash: return error_json("crash", how.empty() ? "the worker died" : "the worker died: " + how);
        case Outcome::timeout: return error_json("timeout", "it ran longer than job.timeout; its worker was killed");
        case Outcome::oom: return error_json("oom", "the kernel killed its worker for its memory");
        case Outcome::cancelled: return error_json("cancelled", "it was cancelled");
        case Outcome::lost: return error_json("lost", "the daemon died while it was running");
        case Outcome::refused_push:
            return error_json("refused_push",
                              "its result pushes to a pool that is not there, is less durable, or "
                              "does not take such inputs");
        case Outcome::unreadable: return error_json("unreadable", "its input is lost or damaged");
    }
    return {};
}

}  // namespace pinion::daemon
