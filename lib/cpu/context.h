// SPDX-License-Identifier: Apache-2.0
// What the parts of one plan() call look at in common.
#pragma once

#include <cstdint>
#include <optional>

#include "cpu/domain.h"
#include "cpu/plan.h"
#include "cpu/seat_search.h"
#include "cpu/universe.h"

namespace pinion::cpu {

struct Context {
    Context(const Topology& topology, const Universe& universe, const Ledger& ledger);
    [[nodiscard]] const SeatTree& tree(CpuExclusive::Unit unit) const noexcept {
        return unit == CpuExclusive::Unit::cores ? core_tree : thread_tree;
    }

    const Topology& topology;
    const Universe& universe;
    const Ledger& ledger;
    LevelOrder levels;
    UsableCpus usable;
    CpuSet scope;       // where seats counted in cores or threads may lie: the fastest kind of U
    CpuSet scope_base;  // that kind, with what is reserved of it
    SeatTree core_tree;
    SeatTree thread_tree;
};

// `workers: auto`: as many as seats fit, no more than the quota feeds, at least one.
struct AutoCount {
    std::uint32_t workers = 1;
    bool quota_below_one = false;  // the quota does not even feed the one
};
// `busy`: the CPUs that one worker can keep busy.
[[nodiscard]] AutoCount auto_count(std::uint64_t fitting, std::optional<double> quota, double busy);

}  // namespace pinion::cpu
