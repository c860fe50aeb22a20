// SPDX-License-Identifier: Apache-2.0
// What a finished plan's reader should know though nothing failed: W_STRADDLE, W_HALF_CORE, W_MIXED_KINDS,
// W_NO_HOUSEKEEPING and W_FLAT_TOPOLOGY.
#pragma once

#include <string>
#include <vector>

#include "cpu/context.h"
#include "cpu/plan.h"

namespace pinion::cpu {

// The levels whose borders a seat crosses, outermost last: "numa", "package".
[[nodiscard]] std::vector<std::string> straddled(const Topology& topology, const CpuSet& seat);

[[nodiscard]] std::vector<PlanNote> findings(const Context& context, const Plan& plan);

}  // namespace pinion::cpu
