// SPDX-License-Identifier: Apache-2.0
// Pure operations on the tree of a Topology: cutting it down to some CPUs, finding its cores, ordering its levels.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "cpu/topology.h"
#include "model/cpu_set.h"

namespace pinion::cpu {

// `domain` cut down to `cpus`: empty domains dropped, a domain with one child of equal CPUs merged with it (all type
// names kept). Without any CPU left only the childless root remains.
[[nodiscard]] Domain restricted(const Domain& domain, const CpuSet& cpus);

// The same for a whole topology: cores and kinds are cut down too, and dropped where empty.
[[nodiscard]] Topology restricted(const Topology& topology, const CpuSet& cpus);

// The cores in logical order; a PU without a core above it counts as one.
[[nodiscard]] std::vector<CpuSet> cores_below(const Domain& domain);

// The memory nodes local to `cpus`, ascending.
[[nodiscard]] std::vector<std::uint32_t> nodes_near(const Domain& root, const CpuSet& cpus);

[[nodiscard]] bool has_type(const Domain& domain, DomainType type) noexcept;

// How tight each type is on one machine, since what encloses what differs (an L3 holds two NUMA nodes here, a node
// holds two L3s there): a type that encloses another somewhere is looser; the order of the enumeration breaks ties.
class LevelOrder {
public:
    explicit LevelOrder(const Domain& root);
    [[nodiscard]] std::uint32_t of(DomainType type) const noexcept { return rank_[static_cast<std::size_t>(type)]; }
    // Of a merged domain: its tightest type's.
    [[nodiscard]] std::uint32_t of(const Domain& domain) const noexcept;

private:
    std::array<std::uint32_t, 8> rank_{};  // by DomainType; larger is tighter
};

}  // namespace pinion::cpu
