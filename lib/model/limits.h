// SPDX-License-Identifier: Apache-2.0
// Every bound of the product, once. Each is tested at the bound and one past it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace pinion::limits {

using namespace std::chrono_literals;

// Configuration.
inline constexpr std::size_t max_file_bytes = 256 * 1024;
inline constexpr std::size_t max_config_bytes = 1024 * 1024;
inline constexpr std::size_t max_depth = 16;
inline constexpr std::size_t max_alias_expansions = 1000;
inline constexpr std::size_t max_config_nodes = 200'000;  // after alias expansion
inline constexpr std::size_t max_diagnostics = 100;
inline constexpr std::uint32_t max_pools = 1000;
inline constexpr std::uint32_t max_workers_per_pool = 1000;
inline constexpr std::uint32_t max_workers = 10'000;  // in all pools together
inline constexpr std::size_t max_name_length = 63;
inline constexpr std::size_t max_argv_bytes = 128 * 1024;  // of one string, as the kernel's MAX_ARG_STRLEN
inline constexpr std::size_t max_env_file_bytes = 256 * 1024;
inline constexpr std::uint32_t max_cpus = 4096;

// Output of workers.
inline constexpr std::size_t max_line_bytes = 16 * 1024;  // a longer line is cut into several, marked
inline constexpr std::size_t last_lines = 10;             // kept per worker for the death record and `status`
inline constexpr std::size_t last_lines_bytes = 2048;     // of all those lines together

// Placement.
inline constexpr std::size_t max_ledger_bytes = 4 << 20;  // a longer ledger is neither written nor read
inline constexpr std::size_t max_foreign_pins = 256;      // pinned processes of others that are looked at
inline constexpr Duration machine_debounce = 200ms;       // after the last sign that CPUs came or went
inline constexpr Duration home_delay = 5s;                // that CPUs are back before a worker goes home to them
inline constexpr Duration shortest_audit = 100ms;         // `machine.audit`, where it is not 0

// Queues in the daemon.
inline constexpr std::size_t log_queue_lines = 4096;     // worker output waiting for the journal, in lines
inline constexpr std::size_t log_queue_bytes = 1 << 20;  // and in bytes
inline constexpr std::size_t log_queue_records = 4096;   // lifecycle records, in a lane of their own
inline constexpr std::size_t log_open_files = 256;       // `log: file:PATH` files held open; past it all are reopened
inline constexpr std::size_t event_history = 256;        // lifecycle events kept for `pinionctl events`
inline constexpr std::size_t death_history = 5;          // deaths kept per slot for `explain`
inline constexpr Duration shutdown_patience = 8s;        // with what outlives the SIGKILL at the end of a shutdown

// Control.
inline constexpr std::size_t max_clients = 64;              // on the private socket
inline constexpr std::size_t max_message_bytes = 16 << 20;  // of one reply or request

// Time.
inline constexpr Duration longest_duration = 24h * 365 * 100;
inline constexpr Duration reload_debounce = 100ms;
inline constexpr Duration log_flush_at_exit = 2s;
inline constexpr Duration turn_budget = 1ms;  // of one loop turn, for output and jobs

}  // namespace pinion::limits
