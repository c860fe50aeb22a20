// SPDX-License-Identifier: Apache-2.0
// How fast a pool's jobs end, and how long they take: a rate over the last ten seconds, and the 95th percentile of the
// last attempts. Pure; a fixed amount of memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace pinion::daemon {

class JobMeter {
public:
    // An attempt ended after `took`. `now` never goes back.
    void add(MonotonicTime now, Duration took);

    // Ends a second over the last ten seconds, or since the first where that is later (but at least one second).
    [[nodiscard]] double rate(MonotonicTime now) const;
    // Nothing before the first end.
    [[nodiscard]] std::optional<Duration> p95() const;

    static constexpr std::int64_t window = 10;  // seconds
    static constexpr std::size_t samples = 256;

private:
    struct Second {
        std::int64_t at = -1;
        std::uint64_t ends = 0;
    };
    std::array<Second, window> seconds_{};
    std::array<Duration, samples> took_{};
    std::uint64_t count_ = 0;
    MonotonicTime first_{};
};

}  // namespace pinion::daemon
