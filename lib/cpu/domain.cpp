// SPDX-License-Identifier: Apache-2.0
#include "cpu/domain.h"

#include <algorithm>
#include <bitset>
#include <utility>

namespace pinion::cpu {
namespace {

constexpr std::size_t type_count = 8;
using Enclosed = std::array<std::bitset<type_count>, type_count>;  // [inner] → the types found around it

std::size_t index(DomainType type) noexcept { return static_cast<std::size_t>(type); }

// `above`: the types of all domains around this one. Types merged in one domain say nothing about each other.
void note_enclosures(const Domain& domain, std::bitset<type_count> above, Enclosed& outer) {
    for (const DomainType type : domain.types) outer[index(type)] |= above;
    for (const DomainType type : domain.types) above.set(index(type));
    for (const Domain& child : domain.children) note_enclosures(child, above, outer);
}

void sort_unique(auto& values) {
    std::ranges::sort(values);
    const auto duplicates = std::ranges::unique(values);
    values.erase(duplicates.begin(), duplicates.end());
}

void merge_only_child(Domain& domain) {
    Domain child = std::move(domain.children.front());
    domain.types.insert(domain.types.end(), child.types.begin(), child.types.end());
    sort_unique(domain.types);
    domain.numa_nodes = std::move(child.numa_nodes);
    domain.children = std::move(child.children);
}

void collect_cores(const Domain& domain, std::vector<CpuSet>& cores) {
    if (has_type(domain, DomainType::core) || has_type(domain, DomainType::pu)) {
        cores.push_back(domain.cpus);
        return;
    }
    for (const Domain& child : domain.children) collect_cores(child, cores);
}

void collect_nodes(const Domain& domain, const CpuSet& cpus, std::vector<std::uint32_t>& nodes) {
    if (!domain.cpus.intersects(cpus)) return;
    if (domain.children.empty()) nodes.insert(nodes.end(), domain.numa_nodes.begin(), domain.numa_nodes.end());
    for (const Domain& child : domain.children) collect_nodes(child, cpus, nodes);
}

}  // namespace

const char* to_string(DomainType type) noexcept {
    switch (type) {
        case DomainType::machine: return "machine";
        case DomainType::package: return "package";
        case DomainType::group: return "group";
        case DomainType::numa: return "numa";
        case DomainType::l3: return "l3";
        case DomainType::l2: return "l2";
        case DomainType::core: return "core";
        case DomainType::pu: return "pu";
    }
    return "?";
}

bool has_type(const Domain& domain, DomainType type) noexcept {
    return std::ranges::find(domain.types, type) != domain.types.end();
}

Domain restricted(const Domain& domain, const CpuSet& cpus) {
    Domain kept{.types = domain.types, .cpus = domain.cpus & cpus, .numa_nodes = domain.numa_nodes, .children = {}};
    for (const Domain& child : domain.children)
        if (child.cpus.intersects(cpus)) kept.children.push_back(restricted(child, cpus));
    if (kept.children.empty()) return kept;

    kept.numa_nodes.clear();
    for (const Domain& child : kept.children)
        kept.numa_nodes.insert(kept.numa_nodes.end(), child.numa_nodes.begin(), child.numa_nodes.end());
    sort_unique(kept.numa_nodes);
    if (kept.children.size() == 1 && kept.children.front().cpus == kept.cpus) merge_only_child(kept);
    return kept;
}

Topology restricted(const Topology& topology, const CpuSet& cpus) {
    Topology kept{
        .root = restricted(topology.root, cpus), .cores = {}, .kinds = {}, .memory_nodes = topology.memory_nodes};
    for (const CpuSet& core : topology.cores)
        if (core.intersects(cpus)) kept.cores.push_back(core & cpus);
    for (const CpuKind& kind : topology.kinds)
        if (kind.cpus.intersects(cpus)) kept.kinds.push_back({kind.cpus & cpus});
    return kept;
}

std::vector<CpuSet> cores_below(const Domain& domain) {
    std::vector<CpuSet> cores;
    collect_cores(domain, cores);
    return cores;
}

std::vector<std::uint32_t> nodes_near(const Domain& root, const CpuSet& cpus) {
    std::vector<std::uint32_t> nodes;
    collect_nodes(root, cpus, nodes);
    sort_unique(nodes);
    return nodes;
}

LevelOrder::LevelOrder(const Domain& root) {
    Enclosed outer;
    note_enclosures(root, {}, outer);
    for (std::size_t type = 0; type < type_count; ++type) outer[type].reset(type);  // groups within groups

    std::bitset<type_count> ranked;
    for (std::uint32_t rank = 0; rank < type_count; ++rank) {
        // The first type whose enclosing types are all ranked; where two enclose each other, simply the first.
        std::size_t next = type_count;
        for (std::size_t type = type_count; type-- > 0;)
            if (!ranked[type] && (outer[type] & ~ranked).none()) next = type;
        for (std::size_t type = 0; next == type_count; ++type)
            if (!ranked[type]) next = type;
        rank_[next] = rank;
        ranked.set(next);
    }
}

std::uint32_t LevelOrder::of(const Domain& domain) const noexcept {
    std::uint32_t tightest = 0;
    for (const DomainType type : domain.types) tightest = std::max(tightest, of(type));
    return tightest;
}

}  // namespace pinion::cpu
