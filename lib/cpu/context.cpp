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
      usable(resolve(machine, usable_of)),
      scope(fastest_kind(machine, usable.cpus) & usable.cpus),
      scope_base(fastest_kind(machine, usable.cpus) & usable.base),
      core_tree(restricted(machine.root, scope), levels, CpuExclusive::Unit::cores),
      thread_tree(restricted(machine.root, scope), levels, CpuExclusive::Unit::threads) {}

AutoCount auto_count(std::uint64_t fitting, std::optional<double> quota, double busy) {
    AutoCount count;
    std::uint64_t workers = std::min<std::uint64_t>(fitting, limits::max_workers_per_pool);
    if (quota) {
        // A quota of 0.3 / 0.1 CPUs must not lose a worker to binary fractions.
        const double fed = std::floor(*quota / busy + 1e-9);
        count.quota_below_one = fed < 1;
        if (fed < static_cast<double>(workers)) workers = static_cast<std::uint64_t>(std::max(fed, 0.0));
    }
    count.workers = static_cast<std::uint32_t>(std::max<std::uint64_t>(workers, 1));
    return count;
}

}  // namespace pinion::cpu
