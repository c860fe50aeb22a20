// SPDX-License-Identifier: Apache-2.0
#include "cpu/places.h"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "cpu/universe.h"

namespace pinion::cpu {
namespace {

constexpr CpuLevel all_levels[] = {CpuLevel::core, CpuLevel::l3, CpuLevel::numa, CpuLevel::package};

// Adds each of `now` to the one of `known` that it is a part of, or as a new one; false where it is a part of several,
// or several are parts of one.
bool merge(std::vector<CpuSet>& known, const std::vector<CpuSet>& now) {
    std::vector<bool> taken(known.size());
    for (const CpuSet& domain : now) {
        std::optional<std::size_t> same;
        for (std::size_t i = 0; i < known.size(); ++i) {
            if (!known[i].intersects(domain)) continue;
            if (same || taken[i]) return false;
            same = i;
        }
        if (!same) {
            same = known.size();
            known.emplace_back();
            taken.push_back(true);
        }
        known[*same] |= domain;
        taken[*same] = true;
    }
    return true;
}

}  // namespace

Places places_of(const Topology& topology) {
    Places places;
    for (const CpuLevel level : all_levels)
        places.levels[static_cast<std::size_t>(level)] = domains_of(topology, level);
    return places;
}

bool take_places(Topology& topology, const Places& earlier) {
    Places merged = earlier;
    for (const CpuLevel level : all_levels)
        if (!merge(merged.levels[static_cast<std::size_t>(level)], domains_of(topology, level))) return false;
    topology.places = std::move(merged);
    return true;
}

}  // namespace pinion::cpu
