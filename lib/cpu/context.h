// SPDX-License-Identifier: Apache-2.0
// What the parts of one plan() call look at in common.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "cpu/domain.h"
#include "cpu/plan.h"
#include "cpu/seat_search.h"
#include "cpu/universe.h"

namespace pinion::cpu {

class Context {
public:
    Context(const Topology& topology, const Universe& universe, const Ledger& ledger);
    // The shape of the machine cut down to `cpus`. It lives as long as the context, which makes each once.
    [[nodiscard]] const SeatTree& tree(const CpuSet& cpus, CpuExclusive::Unit unit) const;
    [[nodiscard]] const std::vector<CpuSet>& domains(CpuLevel level) const noexcept {
        return domains_[static_cast<std::size_t>(level)];
    }
    // All CPUs of the domains that `cpus` touches.
    [[nodiscard]] CpuSet widened(const CpuSet& cpus, CpuLevel level) const;

    const Topology& topology;
    const Universe& universe;
    const Ledger& ledger;
    const LevelOrder levels;
    const UsableCpus usable;

private:
    std::array<std::vector<CpuSet>, 4> domains_;  // by CpuLevel
    mutable std::map<std::pair<CpuSet, CpuExclusive::Unit>, SeatTree> trees_;
};

// `workers: auto`: as many as seats fit, no more than the quota feeds and the pool wants, at least one.
struct AutoCount {
    std::uint32_t workers = 1;
    bool quota_below_one = false;  // the quota does not even feed the one
};
// `busy`: the CPUs that one worker can keep busy.
[[nodiscard]] AutoCount auto_count(const WorkerCount& wish, std::uint64_t fitting, std::optional<double> quota,
                                   double busy);

// How many workers `number` for each of `domains` makes.
[[nodiscard]] std::uint32_t count_per_domain(const WorkerCount& wish, std::size_t domains);

}  // namespace pinion::cpu
