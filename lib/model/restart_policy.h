// SPDX-License-Identifier: Apache-2.0
// When a worker that ended is started again, and after how long: the policy as a plain value, and its two pure rules.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace pinion {

using namespace std::chrono_literals;

enum class RestartWhen : std::uint8_t { always, on_failure, never };

// An exit code (0–255) or a signal by which a process ended, as listed in `restart.success` and `restart.fatal`.
struct ExitPattern {
    enum class Kind : std::uint8_t { code, signal };
    Kind kind = Kind::code;
    int value = 0;
    auto operator<=>(const ExitPattern&) const = default;
};

// At most `count` restarts in any window of `within`; one more and the worker is failed.
struct RestartLimit {
    std::uint32_t count = 0;
    Duration within{};
    bool operator==(const RestartLimit&) const = default;
};

struct RestartPolicy {
    RestartWhen policy = RestartWhen::always;
    Duration delay = 100ms;
    Duration max_delay = 30s;
    double factor = 2;
    double jitter = 0.10;        // a fraction: the delay is multiplied by a number in [1 − jitter, 1 + jitter]
    Duration reset_after = 60s;  // of life in one go; a worker that lived so long starts counting anew
    std::optional<RestartLimit> limit;
    std::vector<ExitPattern> success{{ExitPattern::Kind::code, 0}};
    std::vector<ExitPattern> fatal;

    bool operator==(const RestartPolicy&) const = default;
};

// The delay before the restart that follows the `n`-th end in a row without a stable life between (n counts from 1),
// before jitter: 0 for n = 1, else min(max_delay, delay × factor^(n−2)). Monotone in n.
[[nodiscard]] Duration backoff_delay(const RestartPolicy& policy, std::uint32_t n) noexcept;

// The same with jitter: `seed` decides, evenly, where in [1 − jitter, 1 + jitter] the factor lies. Never above
// max_delay × (1 + jitter).
[[nodiscard]] Duration backoff_delay_jittered(const RestartPolicy& policy, std::uint32_t n,
                                              std::uint64_t seed) noexcept;

// Whether a worker that dies at once, each time, can ever exceed `policy.limit`: false where back-off alone spreads
// `count + 1` restarts over more than `within`. True where there is no limit.
[[nodiscard]] bool limit_is_reachable(const RestartPolicy& policy) noexcept;

}  // namespace pinion
