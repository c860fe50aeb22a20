// SPDX-License-Identifier: Apache-2.0
// What the memory policies of a plan come to on this machine.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/plan.h"
#include "cpu/topology.h"

namespace pinion::cpu {

// E_NO_MEMORY for each pool that has `memory: strict` and a seat on nodes of which none has memory.
[[nodiscard]] std::vector<PlanNote> without_memory(const Topology& topology, const Plan& plan);

// Sets each seat's memory nodes, and takes the policy off seats for which it would choose among nothing: where fewer
// than two nodes have memory, or none of the seat's own has (the kernel then takes the nearest that does).
void settle_memory(const Topology& topology, Plan& plan);

}  // namespace pinion::cpu
