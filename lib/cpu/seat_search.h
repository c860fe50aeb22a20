// SPDX-License-Identifier: Apache-2.0
// Where the next seat of a pool goes: the one-seat algorithm of the placement specification.
//
// A unit is what a seat is counted in: a core, one hardware thread, or a whole domain. A domain *fits* a seat of k
// units where it has k free ones and none of its children has. Only fits of the tightest level present are considered:
// locality before balance. The search walks down from the root, at each step into a child that holds such a fit (the
// emptiest where spread, the one in use where packed), and takes k units from the fewest children of the fit it
// reaches.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cpu/domain.h"
#include "model/cpu_request.h"
#include "model/cpu_set.h"

namespace pinion::cpu {

// The shape that searches share: the domains as numbered nodes, a node after its parent.
class SeatTree {
public:
    static constexpr std::uint32_t none = ~0U;
    struct Node {
        std::uint32_t parent = none;
        std::uint32_t level = 0;                // larger is tighter
        std::uint32_t unit = none;              // of a leaf
        std::vector<std::uint32_t> children{};  // in logical order
    };

    // `root` holds just the CPUs in reach. With cores for units a core is a leaf, at the level of cores even where only
    // one of its threads is in reach; with domains of a type these are, and what lies in none of them is no unit.
    SeatTree(const Domain& root, const LevelOrder& levels, CpuExclusive::Unit unit);

    [[nodiscard]] const std::vector<Node>& nodes() const noexcept { return nodes_; }
    [[nodiscard]] const std::vector<CpuSet>& units() const noexcept { return units_; }  // in logical order
    [[nodiscard]] std::uint32_t leaf(std::uint32_t unit) const noexcept { return leaves_[unit]; }
    // The units that `cpus` touches.
    [[nodiscard]] std::vector<std::uint32_t> units_at(const CpuSet& cpus) const;

private:
    std::uint32_t add(const Domain& domain, const LevelOrder& levels, CpuExclusive::Unit unit, std::uint32_t parent);

    std::vector<Node> nodes_;
    std::vector<CpuSet> units_;
    std::vector<std::uint32_t> leaves_;
    std::vector<std::uint32_t> unit_of_cpu_;
};

// One pool's search. The tree must outlive it.
class SeatSearch {
public:
    // Seats of `size` units; a unit that touches `blocked` is not free. A seat must fit inside one domain of
    // `least_level` or tighter.
    SeatSearch(const SeatTree& tree, std::uint32_t size, const CpuSet& blocked, std::uint32_t least_level = 0);

    [[nodiscard]] std::uint32_t free() const noexcept { return state_.front().free; }
    // How many seats `take` can still give.
    [[nodiscard]] std::uint32_t capacity() const;
    void set_free(std::uint32_t unit, bool free);
    // A seat of this pool sits on `cpus`: it counts for balance, and its units are no longer free.
    void hold(const CpuSet& cpus);
    // The next seat, held. Nothing where no more fits. `remaining`: the seats still to be placed,
    // this one included; only `pack` looks at it.
    [[nodiscard]] std::optional<CpuSet> take(CpuExclusive::Place place, std::uint32_t remaining);

private:
    struct State {
        std::uint32_t free = 0;
        std::uint32_t seats = 0;     // of this pool, in part or whole
        std::int32_t level = -1;     // of the tightest fit at or below; -1 where none
        std::uint32_t capacity = 0;  // seats that the fits of that level hold
    };
    void refresh(std::uint32_t node);
    void count_seat(const std::vector<std::uint32_t>& units);
    [[nodiscard]] bool is_fit(std::uint32_t node) const;
    [[nodiscard]] std::uint32_t next_child(std::uint32_t node, CpuExclusive::Place place,
                                           std::uint32_t remaining) const;
    void collect(std::uint32_t node, std::uint32_t wanted, std::vector<std::uint32_t>& units) const;

    const SeatTree* tree_;  // outlives the search
    std::uint32_t size_;
    std::int32_t least_level_;
    std::vector<State> state_;  // by node
    std::vector<bool> free_;    // by unit
};

}  // namespace pinion::cpu
