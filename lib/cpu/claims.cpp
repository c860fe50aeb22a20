// SPDX-License-Identifier: Apache-2.0
#include "cpu/claims.h"

#include "base/check.h"

namespace pinion::cpu {

void Claims::add(const std::string& pool, std::uint32_t slot, const CpuSet& cpus) {
    ASSERT(!cpus.intersects(all_));
    const bool added = pools_[pool].emplace(slot, cpus).second;
    ASSERT(added);
    all_ |= cpus;
}

void Claims::release(const std::string& pool, std::uint32_t slot) {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return;
    const auto claim = found->second.find(slot);
    if (claim == found->second.end()) return;
    all_ -= claim->second;
    found->second.erase(claim);
    if (found->second.empty()) pools_.erase(found);
}

void Claims::release(const std::string& pool) {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return;
    for (const auto& [slot, cpus] : found->second) all_ -= cpus;
    pools_.erase(found);
}

const Claims::Slots& Claims::of(const std::string& pool) const {
    static const Slots nothing;
    const auto found = pools_.find(pool);
    return found == pools_.end() ? nothing : found->second;
}

CpuSet Claims::of_others(const std::string& pool) const {
    CpuSet others = all_;
    for (const auto& [slot, cpus] : of(pool)) others -= cpus;
    return others;
}

}  // namespace pinion::cpu
