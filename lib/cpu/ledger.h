// SPDX-License-Identifier: Apache-2.0
// What is remembered from one plan to the next.
#pragma once

#include "cpu/plan.h"

namespace pinion::cpu {

// The ledger after `plan`, which was made with `earlier` while pools could use the CPUs `usable`. A slot whose earlier
// seat could not be kept because CPUs of it are missing has two entries: that home first, then where it sits meanwhile;
// so it goes home once they are back.
[[nodiscard]] Ledger next_ledger(const Ledger& earlier, const Plan& plan, const CpuSet& usable);

}  // namespace pinion::cpu
