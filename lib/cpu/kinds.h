// SPDX-License-Identifier: Apache-2.0
// Which differences between cores make a hybrid machine. Operating systems report a kind for every small difference
// (cores of one type whose turbo frequencies differ by 2 %); a placement cares for large ones only.
#pragma once

#include <string>
#include <vector>

#include "cpu/topology.h"

namespace pinion::cpu {

// A kind as the operating system tells it.
struct ReportedKind {
    CpuSet cpus;
    int efficiency = -1;    // larger is faster; -1 where unknown
    std::string core_type;  // "IntelAtom"; empty where unknown
    double capacity = 0;    // in any unit, the same for all kinds; 0 where unknown
};

// The kinds that count, slowest first; empty on a machine that is not hybrid, and where the order of speed is unknown.
// Two neighbours in speed stay apart where their core types differ, or the slower has less than 80 % of the capacity.
[[nodiscard]] std::vector<CpuKind> fold_kinds(std::vector<ReportedKind> reported);

}  // namespace pinion::cpu
