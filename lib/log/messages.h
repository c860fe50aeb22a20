// SPDX-License-Identifier: Apache-2.0
// Every kind of lifecycle record, once. An id is never reused or changed: people match on it.
#pragma once

#include <array>

#include "log/record.h"

namespace pinion::log::messages {

// clang-format off
inline constexpr MessageKind daemon_started      {"daemon-started",       "5ab1c1a0f0d94a3c8f5b8f0d0c1e7a01"};
inline constexpr MessageKind daemon_stopping     {"daemon-stopping",      "6d3b7b52f3f14c0a9c27d8a3a2b94e02"};
inline constexpr MessageKind daemon_stopped      {"daemon-stopped",       "0f9ce0a9c3c2478cb3b0c51f7a5d6103"};
inline constexpr MessageKind config_loaded       {"config-loaded",        "9b1f30de24794d3a8d7aa0f61e0c9b04"};
inline constexpr MessageKind config_refused      {"config-refused",       "e2c8e3a9d1714f6eb6b5a4cbe1f0d305"};
inline constexpr MessageKind config_warning      {"config-warning",       "b7a0d1c6f8a945d2a0c3e4d95e6f1706"};
inline constexpr MessageKind pool_added          {"pool-added",           "1c5d8e07a0b3496d8b67f2d0c9a1e807"};
inline constexpr MessageKind pool_changed        {"pool-changed",         "7e2f1b90c4d84b5b9f3c6a1d2e0f4b08"};
inline constexpr MessageKind pool_removed        {"pool-removed",         "c4a9d2e1b0f64e7c8d5a3b1f6e9c0d09"};
inline constexpr MessageKind pool_waiting        {"pool-waiting",         "2d8e6f3a1b9c4c0f9e7d5b3a8c1f2e0a"};
inline constexpr MessageKind pool_state          {"pool-state",           "8f3a2c1d5e6b4d7fa0b9c8e7d6f5a40b"};
inline constexpr MessageKind pool_unplaceable    {"pool-unplaceable",     "3e9f7a4b2c8d4e1ab5d0f6c1a7e8b90c"};
inline constexpr MessageKind worker_started      {"worker-started",       "a5c7e9f1b3d5470b8e2c4f6a8d0b1c0d"};
inline constexpr MessageKind worker_ready        {"worker-ready",         "d1e3f5a7b9c04b2d9f4e6a8c0b2d3e0e"};
inline constexpr MessageKind worker_start_timeout{"worker-start-timeout", "f7b9d1c3e5a74d4fb1a6c8e0d2f4a50f"};
inline constexpr MessageKind worker_stopping     {"worker-stopping",      "4b6d8f0a2c4e4f61a3c8e0d2f4b6c710"};
inline constexpr MessageKind worker_killed       {"worker-killed",        "6c8e0a2d4f6b4183b5d0f2e4a6c8d911"};
inline constexpr MessageKind worker_died         {"worker-died",          "8d0f2b4e6a8c43a5c7e2a4f6b8d0eb12"};
inline constexpr MessageKind worker_not_spawned  {"worker-not-spawned",   "9e1a3c5f7b9d45c7d9f4b6a8c0e2fd13"};
inline constexpr MessageKind operator_acted      {"operator-acted",       "af2b4d6a8c0e47e9eba6c8b0d2f40e14"};
inline constexpr MessageKind roll_progress       {"roll-progress",        "b03c5e7b9d1f49fbfdb8dac2e4061f15"};
inline constexpr MessageKind output_dropped      {"output-dropped",       "c14d6f8cae204b0d0fcaecd4f6182016"};
inline constexpr MessageKind worker_pin_failed   {"worker-pin-failed",    "d25e709dbf314c1f21dcfee608293117"};
inline constexpr MessageKind predecessor_ended   {"predecessor-ended",    "e36f81aec0424d3143ee10f81a3a4218"};
inline constexpr MessageKind control_unavailable {"control-unavailable",  "f47092bfd1534e4365f0220a2c4b5319"};
inline constexpr MessageKind enforcement         {"enforcement",          "b60c4f1d72e94a8da25f9e3b08d1c764"};
inline constexpr MessageKind seat_moved          {"seat-moved",           "3d8f17b2ce6a4b50a94e1c7f52d0860b"};
inline constexpr MessageKind seat_home           {"seat-home",            "a17c5e903b2d4f66b8d04a9e6f13c72c"};
inline constexpr MessageKind seat_drift          {"seat-drift",           "6f02d9b84ea1473c95c7b3e81d4fa60d"};
inline constexpr MessageKind seat_contested      {"seat-contested",       "c95e3a71f8064d2eb1a7d60f284b9e3e"};
inline constexpr MessageKind cpus_changed        {"cpus-changed",         "18b4f6c27d9a4e05a3e90c5b716d2f4f"};
inline constexpr MessageKind ledger_ignored      {"ledger-ignored",       "e4a86b1d0f7c4953b2d8f39a5c016e70"};
inline constexpr MessageKind worker_starved      {"worker-starved",       "57d1c0e98a3b4f1296e4a7b80cf25d81"};
inline constexpr MessageKind job_store           {"job-store",            "2a9d7c40e6f84b31a85c1be7930fd682"};
inline constexpr MessageKind queue_changed       {"queue-changed",        "8c3e51f7a0d2469fb7e40a9c6d18b593"};
inline constexpr MessageKind map_done            {"map-done",             "b1f60d82c95e4a77930ed4c8a72f5ea4"};
inline constexpr MessageKind notice              {"notice",               "05812ac0e2644f5587023342ee5c641a"};

inline constexpr std::array all{
    &daemon_started, &daemon_stopping, &daemon_stopped, &config_loaded, &config_refused, &config_warning, &pool_added,
    &pool_changed, &pool_removed, &pool_waiting, &pool_state, &pool_unplaceable, &worker_started, &worker_ready,
    &worker_start_timeout, &worker_stopping, &worker_killed, &worker_died, &worker_not_spawned, &operator_acted,
    &roll_progress, &output_dropped, &worker_pin_failed, &predecessor_ended, &control_unavailable, &enforcement,
    &seat_moved, &seat_home, &seat_drift, &seat_contested, &cpus_changed, &ledger_ignored, &worker_starved,
    &job_store, &queue_changed, &map_done, &notice};
// clang-format on

}  // namespace pinion::log::messages
