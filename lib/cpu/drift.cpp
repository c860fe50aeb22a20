// SPDX-License-Identifier: Apache-2.0
#include "cpu/drift.h"

namespace pinion::cpu {

Suspect suspect_of(const CpuSet& found, const CpuSet& everything) noexcept {
    return everything.is_subset_of(found) ? Suspect::kernel : Suspect::somebody;
}

const char* to_string(Suspect suspect) noexcept {
    if (suspect == Suspect::kernel)
        return "the kernel, as after a change of a cpuset or of the CPUs that are online, or somebody who allowed all";
    return "somebody who set it, such as taskset, a tuning daemon or the worker itself";
}

DriftWatch::Verdict DriftWatch::drifted(const std::string& pool, std::uint32_t slot, MonotonicTime now, bool excused) {
    Seat& seat = seats_[{pool, slot}];
    if (seat.contested) return Verdict::leave;
    if (!excused) {
        while (!seat.recent.empty() && now - seat.recent.front() >= window) seat.recent.pop_front();
        if (seat.recent.size() >= most_repairs) {
            seat.contested = true;
            seat.recent.clear();
            return Verdict::contested;
        }
        seat.recent.push_back(now);
    }
    ++seat.repairs;
    return Verdict::repair;
}

void DriftWatch::forgive(const std::string& pool, std::uint32_t slot) {
    const auto found = seats_.find({pool, slot});
    if (found == seats_.end()) return;
    found->second.contested = false;
    found->second.recent.clear();
}

void DriftWatch::forgive_all() {
    for (auto& [key, seat] : seats_) {
        seat.contested = false;
        seat.recent.clear();
    }
}

void DriftWatch::forget(const std::string& pool, std::uint32_t slot) { seats_.erase({pool, slot}); }

DriftWatch::Record DriftWatch::of(const std::string& pool, std::uint32_t slot) const {
    const auto found = seats_.find({pool, slot});
    if (found == seats_.end()) return {};
    return {found->second.repairs, found->second.contested};
}

bool DriftWatch::any_contested(const std::string& pool) const {
    for (auto seat = seats_.lower_bound({pool, 0}); seat != seats_.end() && seat->first.first == pool; ++seat)
        if (seat->second.contested) return true;
    return false;
}

}  // namespace pinion::cpu
