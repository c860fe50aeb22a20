// SPDX-License-Identifier: Apache-2.0
// The bounds of the job socket: what a client, however it behaves, can cost the daemon. Each is tested.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace pinion::daemon::socket_limits {

using namespace std::chrono_literals;

inline constexpr std::size_t max_connections = 512;
inline constexpr std::size_t max_connections_of_user = 128;  // of one that is neither root nor the daemon's own
inline constexpr std::size_t kept_connections = 32;          // more, for root and the daemon's own user alone
inline constexpr Duration hello_within = 10s;                // of the connection; whoever says nothing holds a place
inline constexpr std::size_t read_bytes = 64 << 10;          // at once, of one client
inline constexpr std::size_t hello_bytes = 4096;             // of the first message, before we know who speaks
inline constexpr std::size_t max_in_flight = 128;            // unanswered requests; past it a client is not read
inline constexpr std::size_t in_flight_bytes = 32 << 20;     // the same in bytes of inputs
inline constexpr std::size_t output_bytes = 1 << 20;         // not taken by a client; past it nothing is done for it
inline constexpr std::size_t output_resume_bytes = 256 << 10;
inline constexpr std::size_t max_maps = 8;                // open on one connection
inline constexpr std::size_t max_unanswered_adds = 2;     // add_items of one map
inline constexpr std::size_t map_window = 16'384;         // items of a map whose results were not sent yet
inline constexpr std::size_t map_buffer_bytes = 1 << 20;  // of results that wait for an earlier one
inline constexpr std::size_t look_ups_ahead = 32;         // results that are being read for one map or for `wait`
inline constexpr std::size_t large_result = 64 << 10;     // such ones are read back one at a time
inline constexpr std::size_t max_waited_jobs = 65'536;    // of one connection
inline constexpr std::size_t max_named_jobs = 4096;       // of one cancel or retry
inline constexpr std::size_t cancels_ahead = 256;         // whose ends are waited for, of one cancel
inline constexpr std::uint32_t max_listed = 1000;         // of one jobs_listed
inline constexpr std::uint32_t read_items_most = 256;     // of one read of an attached map
inline constexpr std::size_t batch_items = 256;           // results of one `finished`
inline constexpr std::size_t batch_bytes = 64 << 10;
inline constexpr Duration progress_every = 100ms;  // map_progress, at most
inline constexpr Duration read_again = 5ms;        // after a read of an attached map that found nothing

}  // namespace pinion::daemon::socket_limits
