// SPDX-License-Identifier: Apache-2.0
// What the daemon shows of itself over the bus, as plain rows: the supervisor's view joined with the processes'.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "daemon/output.h"
#include "log/record.h"
#include "supervise/snapshot.h"

namespace pinion::daemon {

// What a job pool adds to its row.
struct JobFigures {
    std::string mode = "running";  // running, paused, draining
    std::string mode_by;           // who wants it so, and since when; empty and 0 where that is not known
    WallTime mode_at{};
    std::uint64_t running = 0;
    std::uint64_t ready = 0;
    std::uint64_t delayed = 0;
    std::uint64_t done = 0;  // these three since the daemon began
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t strays = 0;  // lines that were no answers
    std::optional<WallTime> oldest_ready;
    double rate = 0;              // ends a second, over the last ten
    std::optional<Duration> p95;  // of the last attempts
};

struct PoolRow {
    std::string name;
    std::string kind = "service";
    std::string state;
    WallTime since;
    std::uint32_t wanted = 0;
    std::uint32_t running = 0;
    std::uint32_t up = 0;  // with a live process
    std::uint64_t exits = 0;
    std::string seats;  // distinct seats in slot order: "0,8+1,9"
    std::string note;
    double cores_used = 0;
    std::uint32_t cores_held = 0;
    std::uint64_t memory_bytes = 0;
    bool withdrawn = false;
    bool stopped_by_operator = false;
    std::optional<JobFigures> jobs;
};

struct WorkerRow {
    std::string pool;
    std::uint32_t slot = 0;
    std::string state;
    pid_t pid = 0;
    std::uint64_t generation = 0;
    std::uint32_t restarts = 0;
    std::string cpus;  // in force, read back; the seat's where there is no process
    std::string seat;  // where it sits now
    // Of its pin.
    std::string home;          // the seat it returns to; `seat` but while CPUs are missing
    std::string mask;          // what it may use at most: the seat, or what `bind` or sharing widens it to
    std::string nodes;         // the seat's memory nodes
    std::string straddles;     // levels whose borders the seat crosses: "numa,package"
    bool exclusive = false;    // nobody else's workers may use the seat
    std::uint32_t drifts = 0;  // how often its mask was found wider than that and set again
    bool contested = false;    // somebody sets it too often: it is left alone
    std::string pin_note;      // what is out of order about it, in words; may be empty
    std::string origin;        // how it came to its seat, as in cpu/origin.h; empty where it has none
    WallTime since;
    std::uint32_t failures_in_row = 0;
    std::optional<WallTime> next_retry;
    std::uint64_t memory_bytes = 0;
    Duration cpu{};
    std::string note;
    std::string status_text;
    std::uint64_t job = 0;  // what it executes; 0: nothing, or it is of a service pool
};

// One past life, for explain.
struct LifeRow {
    std::uint64_t generation = 0;
    std::string what;      // "exit 1", "exec '/nosuch': no such file or directory"
    std::string decision;  // "restarting in 3.2s (3 in a row)"
    Duration uptime{};
    WallTime at;
    std::uint64_t peak_memory_bytes = 0;
    Duration cpu{};
    std::vector<std::string> last_lines;
};

struct Explanation {
    WorkerRow worker;
    std::vector<LifeRow> lives;   // newest last
    std::vector<Duration> curve;  // the delays before the next restarts in a row, from the first on
    std::string policy;           // "always", …
};

// One lifecycle record as the bus and `events` show it.
struct EventRow {
    WallTime at;
    log::Priority priority = log::Priority::info;
    std::string event;
    std::string message;
    std::vector<std::pair<std::string, std::string>> fields;
};

struct LineRow {
    std::uint32_t slot = 0;
    KeptLine line;
};

struct StatsRow {
    pid_t pid = 0;
    WallTime started;
    std::string config;
    std::uint32_t pools = 0;
    std::uint32_t workers = 0;
    std::uint32_t running = 0;
    std::uint64_t spawns = 0;
    std::uint64_t deaths = 0;
    std::uint64_t dropped_lines = 0;
    std::uint64_t dropped_records = 0;
    bool cgroups = false;
    std::string last_reload;    // "ok", or the reason of the last refusal
    std::string cpus_allowed;   // by cpusets and the mask that the daemon was started with
    std::string cpus_reserved;  // of those that pools might use
};

// STATUS= for the service manager: "4 pools, 31 of 32 workers running; web/3 backoff: exit 1". Pure.
[[nodiscard]] std::string status_line(const std::vector<supervise::PoolView>& pools, bool shutting_down,
                                      const std::string& refused_reload);

}  // namespace pinion::daemon
