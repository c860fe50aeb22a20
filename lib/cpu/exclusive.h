// SPDX-License-Identifier: Apache-2.0
// Seats that one slot owns alone: in which order the pools choose, what they keep from the ledger, and what happens
// where they do not fit.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cpu/claims.h"
#include "cpu/context.h"

namespace pinion::cpu {

struct ExclusiveSeats {
    std::map<std::string, std::vector<CpuSet>> pools;  // by slot; a pool with an error is absent
    Claims claims;                                     // the same by holder
    std::vector<PlanNote> warnings;
    std::vector<PlanNote> errors;
};

// Places those of `requests` that ask for exclusive seats. `others_share`: pools without seats of their own exist, so
// that a pool whose count is automatic leaves a core to them.
[[nodiscard]] ExclusiveSeats place_exclusive(const Context& context, const std::vector<PoolRequest>& requests,
                                             bool others_share);

}  // namespace pinion::cpu
