// SPDX-License-Identifier: Apache-2.0
// The two clocks. Decisions use monotonic time only, which the shell hands in; wall time is for people and records.
#pragma once

#include <chrono>
#include <limits>

namespace pinion {

// All spans of time in the product, in microseconds (the unit of libsystemd).
using Duration = std::chrono::microseconds;

// CLOCK_MONOTONIC. The core never reads it: it is given `now`.
struct MonotonicClock {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonotonicClock>;
    static constexpr bool is_steady = true;
    [[nodiscard]] static time_point now() noexcept;
};
using MonotonicTime = MonotonicClock::time_point;

// CLOCK_REALTIME, since the epoch.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;
[[nodiscard]] WallTime wall_now() noexcept;

// "No deadline": later than every other time.
inline constexpr MonotonicTime no_deadline = MonotonicTime::max();

// `time + span`, or `no_deadline` where that would overflow.
[[nodiscard]] constexpr MonotonicTime add_saturating(MonotonicTime time, Duration span) noexcept {
    if (time == no_deadline || span > no_deadline - time) return no_deadline;
    return time + span;
}

}  // namespace pinion
