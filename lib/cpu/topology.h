// SPDX-License-Identifier: Apache-2.0
// The machine as a value: which hardware threads there are, and what they share. Made from the running machine, an XML
// file or a synthetic string; hwloc is behind it and is let go before these return (a loaded topology costs 2 MiB).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/cpu_request.h"
#include "model/cpu_set.h"

namespace pinion::cpu {

enum class DomainType : std::uint8_t { machine, package, group, numa, l3, l2, core, pu };
[[nodiscard]] const char* to_string(DomainType type) noexcept;

// A node of the topology tree: objects with equal CPU sets are merged into one that keeps all their type names.
struct Domain {
    std::vector<DomainType> types;          // outermost first; never empty
    CpuSet cpus;                            // online PUs below it
    std::vector<std::uint32_t> numa_nodes;  // OS ids of the memory nodes local to these CPUs
    std::vector<Domain> children;           // in logical order
    bool operator==(const Domain&) const = default;
};

// A kind of core on a hybrid machine, slowest first (hwloc's efficiency order).
struct CpuKind {
    CpuSet cpus;
    bool operator==(const CpuKind&) const = default;
};

// The domains of each level by their numbers, so that "numa:1" stays the same while CPUs are offline: as first seen,
// all CPUs included that were ever seen.
struct Places {
    std::array<std::vector<CpuSet>, 4> levels;  // by CpuLevel
    [[nodiscard]] const std::vector<CpuSet>& of(CpuLevel level) const noexcept {
        return levels[static_cast<std::size_t>(level)];
    }
    bool operator==(const Places&) const = default;
};

struct Topology {
    Domain root;
    std::vector<CpuSet> cores;                     // in logical order, each core's PUs
    std::vector<CpuKind> kinds;                    // one or none: not hybrid
    std::vector<std::uint32_t> memory_nodes = {};  // OS ids of the nodes that have memory which we may use, ascending
    Places places = {};                            // nothing in it: as the tree shows
    bool operator==(const Topology&) const = default;
};

// The running machine, online PUs only.
[[nodiscard]] Result<Topology> read_machine();
// hwloc's synthetic description, e.g. "package:2 [numa] l3:1 core:4 pu:2".
[[nodiscard]] Result<Topology> from_synthetic(const std::string& description);
// The XML that lstopo exports.
[[nodiscard]] Result<Topology> from_xml(const std::string& path);

}  // namespace pinion::cpu
