// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"

#include <ctime>

namespace pinion {
namespace {

Duration read_clock(clockid_t clock) noexcept {
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::duration_cast<Duration>(std::chrono::seconds(time.tv_sec) +
                                                std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace

MonotonicClock::time_point MonotonicClock::now() noexcept { return time_point(read_clock(CLOCK_MONOTONIC)); }

WallTime wall_now() noexcept { return WallTime(read_clock(CLOCK_REALTIME)); }

}  // namespace pinion
