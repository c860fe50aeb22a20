// SPDX-License-Identifier: Apache-2.0
// The bounds of job pools, as limits.h has those of everything else; those of what goes over a wire are in
// wire/limits.h. Each is tested at the bound and one past it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace pinion::limits {

using namespace std::chrono_literals;

inline constexpr std::uint32_t max_attempts = 1000;
inline constexpr std::uint32_t default_priority = 5;
inline constexpr std::uint32_t max_prefetch = 64;
inline constexpr std::uint32_t max_concurrency = 1024;
inline constexpr std::uint64_t max_queue_capacity = 100'000'000;
inline constexpr std::uint32_t max_semaphores = 256;
inline constexpr std::uint32_t max_permits = 1'000'000;
inline constexpr std::uint64_t max_recycle_jobs = 1'000'000'000;
inline constexpr std::size_t max_inputs = 10'000;            // of a pool's own map
inline constexpr std::size_t max_inputs_bytes = 256 * 1024;  // of all of them together
inline constexpr std::size_t max_input_depth = 8;            // of lists and maps in one of them

inline constexpr std::size_t max_inline_bytes = 4096;  // of an input or a result; larger ones lie in files of their own
inline constexpr std::size_t max_key_bytes = 256;

// The store.
inline constexpr std::size_t store_queue_requests = 65'536;   // waiting for the committer; past it sockets are not read
inline constexpr std::size_t store_queue_bytes = 64 << 20;    // the same in bytes
inline constexpr std::size_t unwritten_bytes = 32 << 20;      // of ends on their way to it; past it no job is started
inline constexpr std::size_t store_batch_requests = 8192;     // of one commit
inline constexpr std::size_t expire_rows = 500;               // finished jobs that one commit forgets
inline constexpr std::size_t wal_checkpoint_bytes = 4 << 20;  // the log is copied into the database from here on
inline constexpr std::size_t wal_restart_bytes = 64 << 20;    // and from here on writers wait for it
inline constexpr std::uint64_t id_block = 100'000;            // ids that are reserved at a time
inline constexpr std::size_t memory_finished_bytes = 256 << 20;  // of finished jobs that are kept in memory only
inline constexpr std::size_t list_memory_jobs = 50'000;          // jobs that one page of a list looks at, in memory
inline constexpr std::size_t list_disk_jobs = 10'000;            // and on disk
inline constexpr Duration store_retry = 1s;                      // between two attempts to write to a full disk

// The scheduler.
inline constexpr Duration prefetch_work = 1ms;           // as much work a worker has ahead
inline constexpr Duration turn_latency = 10ms;           // in which the daemon comes round, however busy
inline constexpr std::size_t bytes_ahead = 32 << 20;     // of inputs at a worker; from here on it has none ahead
inline constexpr std::size_t cancel_slice = 4096;        // jobs of a cancelled map that one turn ends
inline constexpr std::size_t due_slice = 4096;           // delayed jobs that one turn makes ready
inline constexpr std::uint64_t counted_ahead = 100'000;  // how far `why` counts in one queue

}  // namespace pinion::limits
