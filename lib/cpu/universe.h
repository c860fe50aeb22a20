// SPDX-License-Identifier: Apache-2.0
// U, the hardware threads that pools may use, and what was taken off on the way to it.
#pragma once

#include <vector>

#include "cpu/plan.h"
#include "cpu/topology.h"

namespace pinion::cpu {

struct UsableCpus {
    CpuSet base;      // online ∩ allowed ∩ machine.cpus
    CpuSet reserved;  // the part of it that `machine.reserve` keeps for others
    CpuSet cpus;      // the rest: U
    bool operator==(const UsableCpus&) const = default;
};

// `reserve_cores` takes the boot core (CPU 0's) first where it is in `base`, then cores in logical order.
[[nodiscard]] UsableCpus resolve(const Topology& topology, const Universe& universe);

// All CPUs of the fastest kind of core that `cpus` has any of; all CPUs where the machine is not hybrid.
[[nodiscard]] CpuSet fastest_kind(const Topology& topology, const CpuSet& cpus);

// All CPUs of the cores that `cpus` touches.
[[nodiscard]] CpuSet whole_cores(const Topology& topology, const CpuSet& cpus);

}  // namespace pinion::cpu
