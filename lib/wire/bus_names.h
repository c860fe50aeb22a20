// SPDX-License-Identifier: Apache-2.0
// The names of the D-Bus interface, for the daemon that serves it and the client that calls it.
//
// Manager, at manager_path:
//   Reload() → (b changed, as messages)          Error org.pinion.Error.Refused with every diagnostic, a line each
//   Rebalance() → (b changed, as messages)       the same, with all seats chosen anew
//   Start|Stop|Restart(s target) → ()            target: "POOL" or "POOL/SLOT"
//   Scale(s pool, u workers) → ()
//   Kill(s target, i signal) → (u signalled)
//   ListPools() → aa{sv}                         keys below
//   ListWorkers(s pool or "") → aa{sv}
//   Explain(s "POOL/SLOT") → a{sv}               worker's keys, and deaths: aa{sv}, curve: at (µs)
//   LastLines(s "POOL" or "POOL/SLOT") → a(tuus) time µs, slot, priority, text; oldest first
//   History() → aa{sv}                           the newest events, oldest first
//   Stats() → a{sv}                              of the daemon: version s, pid u, started t, config s, pools u, …;
//                                                cpus_allowed s (by cpusets and the inherited mask), cpus_reserved s
//   signal Event(a{sv})                          every lifecycle record: event s, at t, pool s, slot u, generation t,
//   message s, priority y, and its fields properties Version s, ConfigPath s
// Pool, at pool_path_prefix + sd_bus_path_encode(name): properties Name s, State s, Wanted u, Running u, Generation t,
// Note s;
//   method ListWorkers() → aa{sv}; ObjectManager at manager_path.
//
// A pool: name s, kind s, state s, since t (µs since the epoch), wanted u, running u, up u (with a live process),
//   exits t, seats s ("0,8+1,9"), note s, cores_used d, cores_held u, memory_bytes t, withdrawn b, stopped_by_operator
//   b; of a job pool: queue s (running, paused, draining), jobs_running t, jobs_ready t, jobs_delayed t; since the
//   daemon began jobs_done t, jobs_failed t, jobs_cancelled t, jobs_stray_lines t; jobs_rate d (ends a second, over the
//   last ten), oldest_ready_usec t (since when it is ready; absent where none is), jobs_p95_usec t (of the last
//   attempts; absent before the first).
// A worker: pool s, slot u, state s, pid u (0: none), generation t, restarts u, cpus s (mask in force), seat s, since
// t,
//   failures_in_row u, next_retry t (0: none), memory_bytes t, cpu_usec t, note s, status_text s, job t (what it
//   executes; 0: none); of its pin: home s (the seat it returns to; differs from seat only while CPUs are missing),
//   mask s (what it may use at most), nodes s (memory nodes, "0,1"), straddles s (levels whose borders the seat
//   crosses, "numa,package"), exclusive b, drifts u (how often its mask was found wider and set again), contested b
//   (somebody sets it too often: left alone), pin_note s (what is out of order, in words), origin s (how it came to its
//   seat: planned, kept, moved, home, away; "" where it has none).
#pragma once

namespace pinion::bus {

inline constexpr const char* service = "org.pinion.Pinion1";
inline constexpr const char* manager_path = "/org/pinion/Pinion1";
inline constexpr const char* pool_path_prefix = "/org/pinion/Pinion1/pool";
inline constexpr const char* manager_interface = "org.pinion.Pinion1.Manager";
inline constexpr const char* pool_interface = "org.pinion.Pinion1.Pool";

inline constexpr const char* error_not_found = "org.pinion.Error.NotFound";  // no such pool or worker
inline constexpr const char* error_refused = "org.pinion.Error.Refused";     // the daemon will not, and says why
inline constexpr const char* error_access_denied = "org.pinion.Error.AccessDenied";
inline constexpr const char* error_invalid = "org.pinion.Error.InvalidArgument";

// In the runtime folder.
inline constexpr const char* control_socket = "control.sock";

}  // namespace pinion::bus
