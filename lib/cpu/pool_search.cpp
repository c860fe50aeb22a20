// SPDX-License-Identifier: Apache-2.0
#include "cpu/pool_search.h"

namespace pinion::cpu {

PoolSearch::PoolSearch(const Context& context, const Wish& wish, const CpuSet& blocked) : wish_(&wish) {
    for (const Reach& reach : wish.reaches) {
        std::vector<SeatSearch>& kinds = searches_.emplace_back();
        for (const CpuSet& kind : reach.kinds)
            kinds.emplace_back(context.tree(kind, wish.seat.unit), wish.seat.count, blocked, wish.least_level);
    }
}

void PoolSearch::hold(const Claims::Slots& seats) {
    for (const auto& [slot, cpus] : seats)
        for (SeatSearch& search : searches_[wish_->reach_of(slot)]) search.hold(cpus);
}

std::uint64_t PoolSearch::capacity(std::size_t reach) const {
    std::uint64_t seats = 0;
    for (const SeatSearch& search : searches_[reach]) seats += search.capacity();
    return seats;
}

std::uint64_t PoolSearch::capacity() const {
    std::uint64_t seats = 0;
    for (std::size_t reach = 0; reach < searches_.size(); ++reach) seats += capacity(reach);
    return seats;
}

std::uint32_t PoolSearch::seatable(const Claims::Slots& held, std::uint32_t wanted) const {
    std::vector<std::uint64_t> left;
    for (std::size_t reach = 0; reach < searches_.size(); ++reach) left.push_back(capacity(reach));
    for (std::uint32_t slot = 0; slot < wanted; ++slot) {
        if (held.contains(slot)) continue;
        std::uint64_t& there = left[wish_->reach_of(slot)];
        if (there == 0) return slot;
        --there;
    }
    return wanted;
}

std::optional<CpuSet> PoolSearch::take(std::uint32_t slot, std::uint32_t remaining) {
    for (SeatSearch& search : searches_[wish_->reach_of(slot)])
        if (auto seat = search.take(wish_->seat.place, remaining)) return seat;
    return std::nullopt;
}

std::optional<CpuSet> still_valid(const Context& context, const Wish& wish, std::uint32_t slot, const CpuSet& cpus) {
    const CpuSet present = cpus & context.usable.cpus;
    if (present.empty()) return std::nullopt;
    for (const CpuSet& kind : wish.reaches[wish.reach_of(slot)].kinds) {
        if (!present.is_subset_of(kind)) continue;
        const SeatTree& tree = context.tree(kind, wish.seat.unit);
        const std::vector<std::uint32_t> units = tree.units_at(present);
        if (units.size() != wish.seat.count) return std::nullopt;
        CpuSet seat;
        for (const std::uint32_t unit : units) seat |= tree.units()[unit];
        if (wish.least_level == 0) return seat;
        SeatSearch alone(tree, wish.seat.count, kind - seat, wish.least_level);
        return alone.capacity() > 0 ? std::optional(seat) : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace pinion::cpu
