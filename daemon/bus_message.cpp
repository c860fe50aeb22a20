// SPDX-License-Identifier: Apache-2.0
#include "daemon/bus_message.h"

#include <algorithm>

#include "base/text.h"

namespace pinion::daemon {
namespace {

// A D-Bus string must be UTF-8 without NULs; a worker's words may be neither.
std::string clean(const std::string& text) {
    const bool sound = is_valid_utf8(text) && text.find('\0') == std::string::npos;
    return sound ? text : printable(text, text.size() * 4);
}

void put_worker(DictWriter& dict, const WorkerRow& row) {
    dict.text("pool", row.pool).number("slot", row.slot).text("state", row.state);
    dict.number("pid", static_cast<std::uint32_t>(row.pid))
        .big("generation", row.generation)
        .number("restarts", row.restarts);
    dict.text("cpus", row.cpus).text("seat", row.seat).text("home", row.home).text("mask", row.mask);
    dict.text("nodes", row.nodes).text("straddles", row.straddles).flag("exclusive", row.exclusive);
    dict.number("drifts", row.drifts).flag("contested", row.contested).text("pin_note", row.pin_note);
    dict.text("origin", row.origin);
    dict.big("since", to_usec(row.since));
    dict.number("failures_in_row", row.failures_in_row);
    dict.big("next_retry", row.next_retry ? to_usec(*row.next_retry) : 0);
    dict.big("memory_bytes", row.memory_bytes).big("cpu_usec", static_cast<std::uint64_t>(row.cpu.count()));
    dict.text("note", row.note).text("status_text", row.status_text);
    dict.big("job", row.job);
}

// Opens {sv} with `key` and a variant of `type`, lets `fill` append the value, and closes both.
template <class Fill>
void entry(DictWriter& dict, const char* key, const char* type, Fill fill) {
    if (!dict.good()) return;
    dict.keep(sd_bus_message_open_container(dict.message(), 'e', "sv"));
    if (dict.good()) dict.keep(sd_bus_message_append_basic(dict.message(), 's', key));
    if (dict.good()) dict.keep(sd_bus_message_open_container(dict.message(), 'v', type));
    if (dict.good()) dict.keep(fill(dict.message()));
    if (dict.good()) dict.keep(sd_bus_message_close_container(dict.message()));
    if (dict.good()) dict.keep(sd_bus_message_close_container(dict.message()));
}

}  // namespace

std::uint64_t to_usec(WallTime time) noexcept { return static_cast<std::uint64_t>(time.time_since_epoch().count()); }

DictWriter::DictWriter(sd_bus_message* message) : message_(message) {
    keep(sd_bus_message_open_container(message_, 'a', "{sv}"));
}

DictWriter& DictWriter::text(const char* key, const std::string& value) {
    const auto sound = clean(value);
    if (good()) keep(sd_bus_message_append(message_, "{sv}", key, "s", sound.c_str()));
    return *this;
}

DictWriter& DictWriter::number(const char* key, std::uint32_t value) {
    if (good()) keep(sd_bus_message_append(message_, "{sv}", key, "u", value));
    return *this;
}

DictWriter& DictWriter::big(const char* key, std::uint64_t value) {
    if (good()) keep(sd_bus_message_append(message_, "{sv}", key, "t", value));
    return *this;
}

DictWriter& DictWriter::byte(const char* key, std::uint8_t value) {
    if (good()) keep(sd_bus_message_append(message_, "{sv}", key, "y", static_cast<int>(value)));
    return *this;
}

DictWriter& DictWriter::real(const char* key, double value) {
    if (good()) keep(sd_bus_message_append(message_, "{sv}", key, "d", value));
    return *this;
}

DictWriter& DictWriter::flag(const char* key, bool value) {
    if (good()) keep(sd_bus_message_append(message_, "{sv}", key, "b", static_cast<int>(value)));
    return *this;
}

DictWriter& DictWriter::texts(const char* key, const std::vector<std::string>& values) {
    entry(*this, key, "as", [&](sd_bus_message* message) {
        int result = sd_bus_message_open_container(message, 'a', "s");
        for (const auto& value : values)
            if (result >= 0) result = sd_bus_message_append_basic(message, 's', clean(value).c_str());
        return result < 0 ? result : sd_bus_message_close_container(message);
    });
    return *this;
}

int DictWriter::close() {
    if (good()) keep(sd_bus_message_close_container(message_));
    return result_;
}

int append(sd_bus_message* message, const PoolRow& row) {
    DictWriter dict(message);
    dict.text("name", row.name).text("kind", row.kind).text("state", row.state).big("since", to_usec(row.since));
    dict.number("wanted", row.wanted).number("running", row.running).number("up", row.up).big("exits", row.exits);
    dict.text("seats", row.seats).text("note", row.note).real("cores_used", row.cores_used);
    dict.number("cores_held", row.cores_held).big("memory_bytes", row.memory_bytes);
    dict.flag("withdrawn", row.withdrawn).flag("stopped_by_operator", row.stopped_by_operator);
    if (!row.jobs) return dict.close();
    const JobFigures& jobs = *row.jobs;
    dict.text("queue", jobs.mode).big("jobs_running", jobs.running).big("jobs_ready", jobs.ready);
    dict.big("jobs_delayed", jobs.delayed).big("jobs_done", jobs.done).big("jobs_failed", jobs.failed);
    dict.big("jobs_cancelled", jobs.cancelled).big("jobs_stray_lines", jobs.strays).real("jobs_rate", jobs.rate);
    if (jobs.oldest_ready) dict.big("oldest_ready_usec", to_usec(*jobs.oldest_ready));
    if (jobs.p95) dict.big("jobs_p95_usec", static_cast<std::uint64_t>(jobs.p95->count()));
    return dict.close();
}

int append(sd_bus_message* message, const WorkerRow& row) {
    DictWriter dict(message);
    put_worker(dict, row);
    return dict.close();
}

int append(sd_bus_message* message, const EventRow& row) {
    DictWriter dict(message);
    dict.text("event", row.event).big("at", to_usec(row.at)).byte("priority", static_cast<std::uint8_t>(row.priority));
    dict.text("message", row.message);
    for (const auto& [name, value] : row.fields) {
        const auto number = parse_integer(value);
        if (name == "PINION_POOL")
            dict.text("pool", value);
        else if (name == "PINION_SLOT" && number)
            dict.number("slot", static_cast<std::uint32_t>(*number));
        else if (name == "PINION_GENERATION" && number)
            dict.big("generation", static_cast<std::uint64_t>(*number));
        else
            dict.text(name.c_str(), value);
    }
    return dict.close();
}

int append(sd_bus_message* message, const StatsRow& row) {
    DictWriter dict(message);
    dict.text("version", PINION_VERSION)
        .number("pid", static_cast<std::uint32_t>(row.pid))
        .big("started", to_usec(row.started));
    dict.text("config", row.config)
        .number("pools", row.pools)
        .number("workers", row.workers)
        .number("running", row.running);
    dict.big("spawns", row.spawns).big("deaths", row.deaths).big("dropped_lines", row.dropped_lines);
    dict.big("dropped_records", row.dropped_records).flag("cgroups", row.cgroups).text("last_reload", row.last_reload);
    dict.text("cpus_allowed", row.cpus_allowed).text("cpus_reserved", row.cpus_reserved);
    return dict.close();
}

int append(sd_bus_message* message, const LifeRow& life) {
    DictWriter dict(message);
    dict.big("generation", life.generation).text("what", life.what).text("decision", life.decision);
    dict.big("uptime_usec", static_cast<std::uint64_t>(life.uptime.count())).big("at", to_usec(life.at));
    dict.big("peak_memory_bytes", life.peak_memory_bytes).big("cpu_usec", static_cast<std::uint64_t>(life.cpu.count()));
    dict.texts("last_lines", life.last_lines);
    return dict.close();
}

int append(sd_bus_message* message, const Explanation& row) {
    DictWriter dict(message);
    put_worker(dict, row.worker);
    dict.text("policy", row.policy);
    entry(dict, "deaths", "aa{sv}", [&](sd_bus_message* m) { return append_all(m, row.lives); });
    entry(dict, "curve", "at", [&](sd_bus_message* m) {
        std::vector<std::uint64_t> delays;
        for (const auto delay : row.curve) delays.push_back(static_cast<std::uint64_t>(delay.count()));
        return sd_bus_message_append_array(m, 't', delays.data(), delays.size() * sizeof(std::uint64_t));
    });
    return dict.close();
}

}  // namespace pinion::daemon
