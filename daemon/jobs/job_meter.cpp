// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_meter.h"

#include <algorithm>

namespace pinion::daemon {
namespace {

std::int64_t second_of(MonotonicTime time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

void JobMeter::add(MonotonicTime now, Duration took) {
    if (count_ == 0) first_ = now;
    took_[count_++ % samples] = took;
    const auto at = second_of(now);
    auto& second = seconds_[static_cast<std::size_t>(at % window)];
    if (second.at != at) second = {at, 0};
    ++second.ends;
}

double JobMeter::rate(MonotonicTime now) const {
    if (count_ == 0) return 0;
    const auto oldest = second_of(now) - window + 1;
    std::uint64_t ends = 0;
    for (const auto& second : seconds_)
        if (second.at >= oldest) ends += second.ends;
    const Duration whole = now - MonotonicTime{std::chrono::seconds{oldest}};
    const Duration passed = std::clamp(now - first_, Duration{std::chrono::seconds{1}}, whole);
    return static_cast<double>(ends) * 1e6 / static_cast<double>(passed.count());
}

std::optional<Duration> JobMeter::p95() const {
    if (count_ == 0) return std::nullopt;
    const auto held = std::min<std::size_t>(count_, samples);
    std::array<Duration, samples> sorted = took_;
    const auto place = sorted.begin() + static_cast<std::ptrdiff_t>((held * 95 + 99) / 100 - 1);
    std::nth_element(sorted.begin(), place, sorted.begin() + static_cast<std::ptrdiff_t>(held));
    return *place;
}

}  // namespace pinion::daemon
