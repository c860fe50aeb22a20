// SPDX-License-Identifier: Apache-2.0
// The only file that knows hwloc. A loaded hwloc topology is turned into our value and destroyed at once.
#include "cpu/topology.h"

#include <fcntl.h>
#include <hwloc.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>

#include "base/fd.h"
#include "cpu/domain.h"
#include "cpu/kinds.h"
#include "model/limits.h"

namespace pinion::cpu {
namespace {

struct DestroyTopology {
    void operator()(hwloc_topology* topology) const noexcept { hwloc_topology_destroy(topology); }
};
using HwlocTopology = std::unique_ptr<hwloc_topology, DestroyTopology>;

// Only what placement looks at: neither devices nor first-level caches, distances and memory attributes, which are most
// of a topology's cost. Disallowed CPUs stay in, so that a core whose sibling is not ours is seen as what it is. The
// x86 component would bind this thread to each CPU in turn to learn what Linux tells anyway.
Result<HwlocTopology> make_topology() {
    hwloc_topology_t raw = nullptr;
    if (hwloc_topology_init(&raw) != 0) return fail_last("prepare a topology");
    HwlocTopology topology(raw);
    hwloc_topology_set_all_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_NONE);
    for (const hwloc_obj_type_t type :
         {HWLOC_OBJ_PACKAGE, HWLOC_OBJ_DIE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_CORE})
        hwloc_topology_set_type_filter(raw, type, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_type_filter(raw, HWLOC_OBJ_GROUP, HWLOC_TYPE_FILTER_KEEP_STRUCTURE);
    hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED | HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING |
                                      HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS);
    hwloc_topology_set_components(raw, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
    return topology;
}

std::vector<std::uint32_t> ids_of(hwloc_const_bitmap_t bitmap) {
    std::vector<std::uint32_t> ids;
    for (int id = hwloc_bitmap_first(bitmap); id >= 0; id = hwloc_bitmap_next(bitmap, id))
        ids.push_back(static_cast<std::uint32_t>(id));
    return ids;
}

CpuSet cpus_of(hwloc_const_bitmap_t bitmap) {
    CpuSet cpus;
    for (const std::uint32_t id : ids_of(bitmap))
        if (id < limits::max_cpus) cpus.add(id);
    return cpus;
}

std::optional<DomainType> type_of(hwloc_obj_type_t type) {
    switch (type) {
        case HWLOC_OBJ_MACHINE: return DomainType::machine;
        case HWLOC_OBJ_PACKAGE: return DomainType::package;
        case HWLOC_OBJ_DIE:
        case HWLOC_OBJ_GROUP: return DomainType::group;
        case HWLOC_OBJ_NUMANODE: return DomainType::numa;
        case HWLOC_OBJ_L3CACHE: return DomainType::l3;
        case HWLOC_OBJ_L2CACHE: return DomainType::l2;
        case HWLOC_OBJ_CORE: return DomainType::core;
        case HWLOC_OBJ_PU: return DomainType::pu;
        default: return std::nullopt;
    }
}

Domain to_domain(hwloc_obj_t object) {
    Domain domain;
    // Kinds of object that the filters let through in spite of us stand for the level around them.
    domain.types.push_back(type_of(object->type).value_or(DomainType::group));
    domain.cpus = cpus_of(object->cpuset);
    domain.numa_nodes = ids_of(object->nodeset);
    for (hwloc_obj_t node = object->memory_first_child; node != nullptr; node = node->next_sibling) {
        if (node->type != HWLOC_OBJ_NUMANODE || !hwloc_bitmap_isequal(node->cpuset, object->cpuset)) continue;
        domain.types.push_back(DomainType::numa);
        break;
    }
    for (hwloc_obj_t child = object->first_child; child != nullptr; child = child->next_sibling) {
        Domain below = to_domain(child);
        if (!below.cpus.empty()) domain.children.push_back(std::move(below));
    }
    return domain;
}

std::string_view info(const hwloc_info_s* infos, unsigned count, std::string_view name) {
    for (unsigned i = 0; i < count; ++i)
        if (name == infos[i].name) return infos[i].value;
    return {};
}

// The kernel's own capacity where it tells one, else the base frequency (which leaves turbo differences out), else the
// maximum.
std::vector<CpuKind> kinds_of(hwloc_topology_t topology) {
    const int count = hwloc_cpukinds_get_nr(topology, 0);
    std::vector<ReportedKind> reported;
    for (const char* measure : {"LinuxCapacity", "FrequencyBaseMHz", "FrequencyMaxMHz"}) {
        reported.clear();
        bool measured = true;
        for (int i = 0; i < count; ++i) {
            const std::unique_ptr<hwloc_bitmap_s, decltype(&hwloc_bitmap_free)> set(hwloc_bitmap_alloc(),
                                                                                    hwloc_bitmap_free);
            ReportedKind kind;
            unsigned info_count = 0;
            hwloc_info_s* infos = nullptr;
            const auto number = static_cast<unsigned>(i);
            if (!set ||
                hwloc_cpukinds_get_info(topology, number, set.get(), &kind.efficiency, &info_count, &infos, 0) != 0)
                continue;
            kind.cpus = cpus_of(set.get());
            kind.core_type = info(infos, info_count, "CoreType");
            kind.capacity = std::strtod(std::string(info(infos, info_count, measure)).c_str(), nullptr);
            measured = measured && kind.capacity > 0;
            reported.push_back(std::move(kind));
        }
        if (measured) break;
    }
    return fold_kinds(std::move(reported));
}

// A node may be there for its CPUs only, or be closed to us by a cpuset. Where none tells of memory, as in many
// descriptions, each is taken to have some.
std::vector<std::uint32_t> memory_nodes_of(hwloc_topology_t topology) {
    const bool told = hwloc_get_root_obj(topology)->total_memory > 0;
    std::vector<std::uint32_t> nodes;
    for (hwloc_obj_t node = nullptr;
         (node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != nullptr;) {
        if (told && node->attr->numanode.local_memory == 0) continue;
        if (!hwloc_bitmap_isset(hwloc_topology_get_allowed_nodeset(topology), node->os_index)) continue;
        nodes.push_back(node->os_index);
    }
    std::ranges::sort(nodes);
    return nodes;
}

Result<Topology> load(HwlocTopology topology, const std::string& what) {
    if (hwloc_topology_load(topology.get()) != 0) return fail_last(what);
    const Domain raw = to_domain(hwloc_get_root_obj(topology.get()));
    if (raw.cpus.empty()) return fail(what + ": it has no CPU");
    Topology value;
    value.root = restricted(raw, raw.cpus);
    value.cores = cores_below(value.root);
    value.kinds = kinds_of(topology.get());
    value.memory_nodes = memory_nodes_of(topology.get());
    return value;
}

}  // namespace

Result<Topology> read_machine() {
    PINION_TRY(topology, make_topology());
    return load(std::move(topology), "read this machine's topology");
}

Result<Topology> from_synthetic(const std::string& description) {
    const std::string what = "build the topology '" + description + "'";
    PINION_TRY(topology, make_topology());
    if (hwloc_topology_set_synthetic(topology.get(), description.c_str()) != 0)
        return fail(what + ": not a synthetic description such as 'package:2 l3:1 core:4 pu:2'");
    return load(std::move(topology), what);
}

Result<Topology> from_xml(const std::string& path) {
    const std::string what = "read the topology '" + path + "'";
    // hwloc has one error for a missing file and a wrong one.
    if (const auto file = open_file(path, O_RDONLY); !file) return in_context(what, file.error());
    PINION_TRY(topology, make_topology());
    if (hwloc_topology_set_xml(topology.get(), path.c_str()) != 0) return fail(what + ": not an XML export of hwloc");
    return load(std::move(topology), what);
}

}  // namespace pinion::cpu
