// SPDX-License-Identifier: Apache-2.0
#include "cpu/seat_search.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "model/limits.h"

namespace pinion::cpu {
namespace {

DomainType leaf_type(CpuExclusive::Unit unit) {
    switch (unit) {
        case CpuExclusive::Unit::cores: return DomainType::core;
        case CpuExclusive::Unit::threads: return DomainType::pu;
        case CpuExclusive::Unit::l3: return DomainType::l3;
        case CpuExclusive::Unit::numa: return DomainType::numa;
        case CpuExclusive::Unit::package: break;
    }
    return DomainType::package;
}

}  // namespace

SeatTree::SeatTree(const Domain& root, const LevelOrder& levels, CpuExclusive::Unit unit)
    : unit_of_cpu_(limits::max_cpus, none) {
    add(root, levels, unit, none);
}

std::uint32_t SeatTree::add(const Domain& domain, const LevelOrder& levels, CpuExclusive::Unit unit,
                            std::uint32_t parent) {
    const auto number = static_cast<std::uint32_t>(nodes_.size());
    nodes_.push_back({.parent = parent, .level = levels.of(domain)});
    const DomainType type = leaf_type(unit);
    const bool whole = type != DomainType::pu && has_type(domain, type);
    const bool part = domain.children.empty() && (type == DomainType::core || type == DomainType::pu);
    if (whole) nodes_.back().level = levels.of(type);
    if (!domain.cpus.empty() && (whole || part)) {
        const auto index = static_cast<std::uint32_t>(units_.size());
        nodes_.back().unit = index;
        units_.push_back(domain.cpus);
        leaves_.push_back(number);
        for (const std::uint32_t cpu : domain.cpus.members()) unit_of_cpu_[cpu] = index;
        return number;
    }
    for (const Domain& child : domain.children) {
        const std::uint32_t below = add(child, levels, unit, number);
        nodes_[number].children.push_back(below);
    }
    return number;
}

std::vector<std::uint32_t> SeatTree::units_at(const CpuSet& cpus) const {
    std::vector<std::uint32_t> units;
    for (const std::uint32_t cpu : cpus.members())
        if (unit_of_cpu_[cpu] != none) units.push_back(unit_of_cpu_[cpu]);
    std::ranges::sort(units);
    const auto duplicates = std::ranges::unique(units);
    units.erase(duplicates.begin(), duplicates.end());
    return units;
}

SeatSearch::SeatSearch(const SeatTree& tree, std::uint32_t size, const CpuSet& blocked, std::uint32_t least_level)
    : tree_(&tree),
      size_(size),
      least_level_(static_cast<std::int32_t>(least_level)),
      state_(tree.nodes().size()),
      free_(tree.units().size()) {
    ASSERT(size > 0);
    for (std::size_t unit = 0; unit < free_.size(); ++unit) free_[unit] = !tree.units()[unit].intersects(blocked);
    for (std::size_t node = state_.size(); node-- > 0;) refresh(static_cast<std::uint32_t>(node));
}

// A node's state from its children's.
void SeatSearch::refresh(std::uint32_t node) {
    const SeatTree::Node& shape = tree_->nodes()[node];
    State& state = state_[node];
    state.free = shape.unit != SeatTree::none && free_[shape.unit] ? 1 : 0;
    state.level = -1;
    state.capacity = 0;
    for (const std::uint32_t child : shape.children) {
        const State& below = state_[child];
        state.free += below.free;
        if (below.level > state.level) {
            state.level = below.level;
            state.capacity = 0;
        }
        if (below.level >= 0 && below.level == state.level) state.capacity += below.capacity;
    }
    if (state.level >= 0 || state.free < size_) return;
    state.level = static_cast<std::int32_t>(shape.level);
    state.capacity = state.free / size_;
}

// Below a domain that is tight enough no unit is lost but for the division's remainder; a looser one hosts no seat.
std::uint32_t SeatSearch::capacity() const {
    std::uint32_t seats = 0;
    std::vector<std::uint32_t> open{0};
    while (!open.empty()) {
        const SeatTree::Node& shape = tree_->nodes()[open.back()];
        const State& state = state_[open.back()];
        open.pop_back();
        if (static_cast<std::int32_t>(shape.level) >= least_level_)
            seats += state.free / size_;
        else
            open.insert(open.end(), shape.children.begin(), shape.children.end());
    }
    return seats;
}

void SeatSearch::set_free(std::uint32_t unit, bool free) {
    if (free_[unit] == free) return;
    free_[unit] = free;
    for (std::uint32_t node = tree_->leaf(unit); node != SeatTree::none; node = tree_->nodes()[node].parent)
        refresh(node);
}

void SeatSearch::hold(const CpuSet& cpus) {
    const std::vector<std::uint32_t> units = tree_->units_at(cpus);
    for (const std::uint32_t unit : units) set_free(unit, false);
    count_seat(units);
}

void SeatSearch::count_seat(const std::vector<std::uint32_t>& units) {
    std::vector<std::uint32_t> touched;
    for (const std::uint32_t unit : units)
        for (std::uint32_t node = tree_->leaf(unit); node != SeatTree::none; node = tree_->nodes()[node].parent)
            touched.push_back(node);
    std::ranges::sort(touched);
    const auto duplicates = std::ranges::unique(touched);
    touched.erase(duplicates.begin(), duplicates.end());
    for (const std::uint32_t node : touched) ++state_[node].seats;
}

bool SeatSearch::is_fit(std::uint32_t node) const {
    return std::ranges::none_of(tree_->nodes()[node].children,
                                [&](std::uint32_t child) { return state_[child].free >= size_; });
}

std::uint32_t SeatSearch::next_child(std::uint32_t node, CpuExclusive::Place place, std::uint32_t remaining) const {
    // The smallest key wins; the first of equals, since children are in logical order.
    using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
    const auto key = [&](const State& child) -> Key {
        const std::int64_t free = child.free;
        if (place == CpuExclusive::Place::spread) return {child.seats, -free, 0};
        const std::int64_t fresh = child.seats > 0 ? 0 : 1;
        if (child.capacity >= remaining) return {fresh, 0, free};
        return {fresh, 1, -static_cast<std::int64_t>(child.capacity)};
    };
    std::uint32_t best = SeatTree::none;
    for (const std::uint32_t child : tree_->nodes()[node].children) {
        if (state_[child].level != state_[node].level) continue;
        if (best == SeatTree::none || key(state_[child]) < key(state_[best])) best = child;
    }
    return best;
}

std::optional<CpuSet> SeatSearch::take(CpuExclusive::Place place, std::uint32_t remaining) {
    if (state_.front().level < least_level_) return std::nullopt;
    std::uint32_t node = 0;
    while (!is_fit(node)) node = next_child(node, place, remaining);
    std::vector<std::uint32_t> units;
    collect(node, size_, units);
    CpuSet seat;
    for (const std::uint32_t unit : units) {
        seat |= tree_->units()[unit];
        set_free(unit, false);
    }
    count_seat(units);
    return seat;
}

// `wanted` free units below `node` from the fewest children: whole children, largest first, while they are no larger
// than what is missing; the rest from the smallest child that has it.
void SeatSearch::collect(std::uint32_t node, std::uint32_t wanted, std::vector<std::uint32_t>& units) const {
    const SeatTree::Node& shape = tree_->nodes()[node];
    if (shape.unit != SeatTree::none) {
        units.push_back(shape.unit);
        return;
    }
    std::vector<std::uint32_t> children = shape.children;
    std::ranges::stable_sort(children, std::ranges::greater{}, [&](std::uint32_t child) { return state_[child].free; });
    auto next = children.begin();
    for (; wanted > 0 && next != children.end() && state_[*next].free <= wanted; ++next) {
        if (state_[*next].free == 0) break;
        collect(*next, state_[*next].free, units);
        wanted -= state_[*next].free;
    }
    if (wanted == 0) return;
    auto best = next;  // each child from here on has more than is missing until the sizes fall below it
    for (auto child = next; child != children.end() && state_[*child].free >= wanted; ++child)
        if (state_[*child].free < state_[*best].free) best = child;
    ASSERT(best != children.end());
    collect(*best, wanted, units);
}

}  // namespace pinion::cpu
