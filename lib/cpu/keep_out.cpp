// SPDX-License-Identifier: Apache-2.0
#include "cpu/keep_out.h"

namespace pinion::cpu {

KeepOut::KeepOut(const Context& context, const std::vector<Wish>& wishes) : context_(&context) {
    for (const Wish& wish : wishes)
        if (wish.seat.keep_out) levels_.emplace(wish.pool, *wish.seat.keep_out);
}

CpuSet KeepOut::closed(const Wish& wish, const std::string& holder, const CpuSet& cpus) const {
    CpuSet closed = whole_cores(context_->topology, cpus);
    if (wish.seat.keep_out) closed |= context_->widened(cpus, *wish.seat.keep_out);
    if (const auto level = levels_.find(holder); level != levels_.end())
        closed |= context_->widened(cpus, level->second);
    return closed;
}

CpuSet KeepOut::closed(const Wish& wish, const Claims& claims) const {
    const CpuSet others = claims.of_others(wish.pool);
    CpuSet closed = whole_cores(context_->topology, others);
    if (wish.seat.keep_out) closed |= context_->widened(others, *wish.seat.keep_out);
    return closed |= kept(wish.pool, claims);
}

CpuSet KeepOut::kept(const std::string& pool, const Claims& claims) const {
    CpuSet kept;
    for (const auto& [holder, level] : levels_) {
        if (holder == pool) continue;
        CpuSet held;
        for (const auto& [slot, cpus] : claims.of(holder)) held |= cpus;
        kept |= context_->widened(held, level);
    }
    return kept;
}

}  // namespace pinion::cpu
