// SPDX-License-Identifier: Apache-2.0
#include "cpu/context.h"

#include <algorithm>
#include <cmath>

#include "model/limits.h"

namespace pinion::cpu {

Context::Context(const Topology& machine, const Universe& usable_of, const Ledger& earlier)
    : topology(machine),
      universe(usable_of),
      ledger(earlier),
      levels(machine.root),
      usable(resolve(machine, usable_of)) {
    for (const CpuLevel level : {CpuLevel::core, CpuLevel::l3, CpuLevel::numa, CpuLevel::package})
        domains_[static_cast<std::size_t>(level)] = domains_of(machine, level);
}

const SeatTree& Context::tree(const CpuSet& cpus, CpuExclusive::Unit unit) const {
    const auto found = trees_.find({cpus, unit});
    if (found != trees_.end()) return found->second;
    SeatTree made(restricted(topology.root, cpus), levels, unit);
    return trees_.emplace(std::pair(cpus, unit), std::move(made)).first->second;
}

CpuSet Context::widened(const CpuSet& cpus, CpuLevel level) const {
    CpuSet wide;
    for (const CpuSet& domain : domains(level))
        if (domain.intersects(cpus)) wide |= domain;
    return wide;
}

AutoCount auto_count(const WorkerCount& wish, std::uint64_t fitting, std::optional<double> quota, double busy) {
    AutoCount count;
    std::uint64_t workers = std::min<std::uint64_t>(fitting, wish.most.value_or(limits::max_workers_per_pool));
    workers = std::min<std::uint64_t>(workers, limits::max_workers_per_pool);
    if (quota) {
        // A quota of 0.3 / 0.1 CPUs must not lose a worker to binary fractions.
        const double fed = std::floor(*quota / busy + 1e-9);
        count.quota_below_one = fed < 1;
        if (fed < static_cast<double>(workers)) workers = static_cast<std::uint64_t>(std::max(fed, 0.0));
    }
    count.workers = static_cast<std::uint32_t>(std::max<std::uint64_t>(workers, 1));
    return count;
}

std::uint32_t count_per_domain(const WorkerCount& wish, std::size_t domains) {
    const std::uint64_t workers = std::uint64_t{wish.number} * domains;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(workers, limits::max_workers_per_pool));
}

}  // namespace pinion::cpu
