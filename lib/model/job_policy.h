// SPDX-License-Identifier: Apache-2.0
// What a job pool is declared to be beyond a service pool: its protocol, its queue, and how its jobs are tried, as
// plain values with the defaults in place.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace pinion {

using namespace std::chrono_literals;

enum class JobProtocol : std::uint8_t { exec, lines, frames };
enum class PayloadKind : std::uint8_t { json, raw };
// What an acknowledged submit survives: the weakest first, so that they compare.
enum class Durability : std::uint8_t { memory, os, fsync };
[[nodiscard]] const char* to_string(Durability durability) noexcept;

// Whether an attempt that ended so is followed by another, as long as attempts are left.
struct RetryOn {
    bool error = true;
    bool crash = true;
    bool timeout = false;
    bool oom = true;
    bool operator==(const RetryOn&) const = default;
};

struct JobPolicy {
    std::optional<Duration> timeout;  // of one attempt
    std::uint32_t attempts = 3;       // in all, from 1
    Duration delay = 1s;              // before the second attempt
    Duration max_delay = 5min;
    double factor = 2;
    double jitter = 0.10;  // a fraction, as in RestartPolicy
    RetryOn retry_on;
    std::map<std::string, std::uint32_t> semaphores;  // permits that a job holds while it runs
    bool operator==(const JobPolicy&) const = default;
};

struct QueuePolicy {
    Durability durability = Durability::fsync;
    std::uint64_t capacity = 1'000'000;
    Duration retention = 24h * 7;  // of finished jobs and their results
    bool operator==(const QueuePolicy&) const = default;
};

// When a worker makes way for a fresh one.
struct RecyclePolicy {
    std::optional<std::uint64_t> jobs;
    std::optional<std::uint64_t> memory;  // bytes
    std::optional<Duration> age;
    bool operator==(const RecyclePolicy&) const = default;
};

// Who may submit besides root and the daemon's own user; resolved when loaded. A name that this machine does not have
// allows nobody.
struct AllowPolicy {
    std::vector<std::uint32_t> uids;
    std::vector<std::uint32_t> gids;
    bool operator==(const AllowPolicy&) const = default;
};

struct JobPoolSpec {
    JobProtocol protocol = JobProtocol::lines;
    PayloadKind payload = PayloadKind::json;
    std::optional<std::uint32_t> prefetch;  // nothing: auto
    std::uint32_t concurrency = 1;          // jobs that a worker runs at once: its oldest unanswered
    QueuePolicy queue;
    JobPolicy job;
    RecyclePolicy recycle;
    AllowPolicy allow;
    std::vector<std::string> inputs;  // of the map that is made once: JSON text, or lines, as `payload` is
    bool operator==(const JobPoolSpec&) const = default;
};

// The delay before the attempt that follows the `failed`-th (from 1): delay × factor^(failed−1), at most max_delay,
// times a factor in [1 − jitter, 1 + jitter] that `seed` decides.
[[nodiscard]] Duration retry_delay(const JobPolicy& policy, std::uint32_t failed, std::uint64_t seed) noexcept;

}  // namespace pinion
