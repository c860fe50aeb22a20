// SPDX-License-Identifier: Apache-2.0
// What the daemon tells about pools, workers and events, as plain values. Each is read from the members that the bus
// sent (see wire/bus_names.h) and keeps them all, so that JSON output shows also what this version does not know.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "wire/json.h"

namespace pinion::ctl {

// Times are since the epoch, 0 where there is none. Members that are missing keep these defaults.
struct PoolRow {
    std::string name;
    std::string kind = "service";
    std::string state;
    Duration since{};
    std::uint64_t wanted = 0;
    std::uint64_t running = 0;
    std::uint64_t up = 0;
    std::uint64_t exits = 0;
    std::string seats;
    std::string note;
    double cores_used = -1;  // negative: not known
    std::uint64_t cores_held = 0;
    std::uint64_t memory_bytes = 0;
    bool withdrawn = false;
    bool stopped_by_operator = false;
    // Of a job pool.
    std::uint64_t jobs_running = 0;
    std::uint64_t jobs_ready = 0;
    std::uint64_t jobs_failed = 0;
    double jobs_rate = 0;
    Duration oldest_ready{};          // 0: none
    std::uint64_t jobs_p95_usec = 0;  // 0: not known
    wire::Json members;
};

struct WorkerRow {
    std::string pool;
    std::uint64_t slot = 0;
    std::string state;
    std::uint64_t pid = 0;
    std::uint64_t generation = 0;
    std::uint64_t restarts = 0;
    std::string cpus;  // in force
    std::string seat;
    std::string home;
    std::string mask;  // that it may use at most
    std::string nodes;
    std::string straddles;
    bool exclusive = false;
    std::uint64_t drifts = 0;
    bool contested = false;
    std::string pin_note;
    std::string origin;
    Duration since{};
    std::uint64_t failures_in_row = 0;
    Duration next_retry{};
    std::uint64_t memory_bytes = 0;
    std::uint64_t cpu_usec = 0;
    std::string note;
    std::string status_text;
    std::uint64_t job = 0;  // what it executes; 0: nothing
    wire::Json members;

    // "web/3".
    [[nodiscard]] std::string name() const { return pool + "/" + std::to_string(slot); }
};

struct EventRow {
    std::string event;
    Duration at{};
    std::string pool;
    bool has_slot = false;
    std::uint64_t slot = 0;
    std::uint64_t priority = 6;
    std::string message;
    wire::Json members;
};

// A line that a worker wrote, as the daemon remembers it.
struct LogLine {
    Duration at{};
    std::uint64_t slot = 0;
    std::uint64_t priority = 6;
    std::string text;
    bool operator==(const LogLine&) const = default;
};

[[nodiscard]] PoolRow to_pool_row(const wire::Json& members);
[[nodiscard]] WorkerRow to_worker_row(const wire::Json& members);
[[nodiscard]] EventRow to_event_row(const wire::Json& members);

// A worker's states, by what they mean to someone who waits.
[[nodiscard]] bool is_at_rest(std::string_view worker_state) noexcept;  // idle, failed, completed
// A pool that does what it was asked to: running, completed, or stopped because nothing of it is wanted.
[[nodiscard]] bool is_healthy(const PoolRow& pool) noexcept;

// Pools by name; or by state, the worst first, then by name.
void sort_by_name(std::vector<PoolRow>& pools);
void sort_by_state(std::vector<PoolRow>& pools);
// Workers by pool and slot.
void sort_by_name(std::vector<WorkerRow>& workers);

}  // namespace pinion::ctl
