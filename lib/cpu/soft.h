// SPDX-License-Identifier: Apache-2.0
// Soft pins: every worker of a `cpu: auto` pool sits on one core of the shared set, the one with the fewest soft
// workers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cpu/context.h"

namespace pinion::cpu {

struct SoftPool {
    std::string pool;
    std::uint32_t workers = 0;
    // The worker of slot s belongs in the domain of s modulo their number; none: anywhere. Where exclusive seats hold
    // all of its domain a worker sits anywhere, too.
    std::vector<CpuSet> domains = {};

    [[nodiscard]] const CpuSet* find_domain(std::uint32_t slot) const noexcept {
        return domains.empty() ? nullptr : &domains[slot % domains.size()];
    }
};

// How many cores `shared` has a thread of.
[[nodiscard]] std::uint32_t shared_cores(const Context& context, const CpuSet& shared);

// The CPUs of each worker, by slot, for pools sorted by name. A worker that the ledger knows stays unless its core was
// taken. Among cores with equally few workers the fastest kind comes first, then cores of which no thread is held by
// an exclusive seat, then `spread` order. `shared` must not be empty.
[[nodiscard]] std::map<std::string, std::vector<CpuSet>> place_soft(const Context& context, const CpuSet& shared,
                                                                    const std::vector<SoftPool>& pools);

}  // namespace pinion::cpu
