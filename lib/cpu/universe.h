// SPDX-License-Identifier: Apache-2.0
// U, the hardware threads that pools may use, and what was taken off on the way to it; scopes within it.
#pragma once

#include <string>
#include <vector>

#include "cpu/plan.h"
#include "cpu/topology.h"

namespace pinion::cpu {

struct UsableCpus {
    CpuSet base;      // online ∩ allowed ∩ machine.cpus, isolated CPUs and half cores as `machine` says
    CpuSet reserved;  // the part of it that `machine.reserve` keeps for others, and what is closed for now
    CpuSet cpus;      // the rest: U
    bool operator==(const UsableCpus&) const = default;
};

// `reserve_cores` takes the boot core (CPU 0's) first where it is in `base`, then cores in logical order; with
// `reserve_per` so in each domain of that level. `half_cores: false` takes off cores of which only a part is left.
[[nodiscard]] UsableCpus resolve(const Topology& topology, const Universe& universe);

[[nodiscard]] DomainType type_of(CpuLevel level) noexcept;
// "L3 cache", "NUMA node"
[[nodiscard]] std::string noun_of(CpuLevel level);
// "l3", "numa": as in the configuration
[[nodiscard]] std::string word_of(CpuLevel level);

// The domains of a level by their numbers, with CPUs that are offline now where they are remembered; empty where the
// machine shows none.
[[nodiscard]] std::vector<CpuSet> domains_of(const Topology& topology, CpuLevel level);

// The CPUs that a scope names; a place that the machine lacks adds none.
[[nodiscard]] CpuSet cpus_of(const Topology& topology, const CpuScope& scope);
// "numa:0,0-3": as messages name a scope.
[[nodiscard]] std::string to_string(const CpuScope& scope);
// The first place of `scope` that the machine does not have.
[[nodiscard]] const CpuPlace* find_missing(const Topology& topology, const CpuScope& scope) noexcept;

// All CPUs of the fastest kind of core that `cpus` has any of; all CPUs where the machine is not hybrid.
[[nodiscard]] CpuSet fastest_kind(const Topology& topology, const CpuSet& cpus);

// What of `cpus` a pool of that kind may use, a part for each kind of core that no seat of it mixes with another,
// fastest first. One part where the machine is not hybrid.
[[nodiscard]] std::vector<CpuSet> kinds_of(const Topology& topology, const CpuSet& cpus, CpuExclusive::Kind kind);

// All CPUs of the cores that `cpus` touches.
[[nodiscard]] CpuSet whole_cores(const Topology& topology, const CpuSet& cpus);

// Of each core that `cpus` touches the first thread in it.
[[nodiscard]] CpuSet first_threads(const Topology& topology, const CpuSet& cpus);

}  // namespace pinion::cpu
