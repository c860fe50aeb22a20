// SPDX-License-Identifier: Apache-2.0
#include "cpu/kinds.h"

#include <algorithm>

namespace pinion::cpu {
namespace {

constexpr double same_kind_share = 0.8;

bool differ(const ReportedKind& slower, const ReportedKind& faster) {
    if (!slower.core_type.empty() && !faster.core_type.empty() && slower.core_type != faster.core_type) return true;
    if (slower.capacity <= 0 || faster.capacity <= 0) return false;
    return slower.capacity < same_kind_share * faster.capacity;
}

}  // namespace

std::vector<CpuKind> fold_kinds(std::vector<ReportedKind> reported) {
    std::erase_if(reported, [](const ReportedKind& kind) { return kind.cpus.empty(); });
    const bool by_efficiency = std::ranges::all_of(reported, [](const auto& kind) { return kind.efficiency >= 0; });
    const bool by_capacity = std::ranges::all_of(reported, [](const auto& kind) { return kind.capacity > 0; });
    if (reported.size() < 2 || (!by_efficiency && !by_capacity)) return {};
    std::ranges::stable_sort(reported, [&](const ReportedKind& a, const ReportedKind& b) {
        return by_efficiency ? a.efficiency < b.efficiency : a.capacity < b.capacity;
    });

    std::vector<CpuKind> kinds{{reported.front().cpus}};
    for (std::size_t i = 1; i < reported.size(); ++i) {
        if (differ(reported[i - 1], reported[i]))
            kinds.push_back({reported[i].cpus});
        else
            kinds.back().cpus |= reported[i].cpus;
    }
    if (kinds.size() < 2) kinds.clear();
    return kinds;
}

}  // namespace pinion::cpu
