// SPDX-License-Identifier: Apache-2.0
// What is remembered from one plan to the next: where each slot belongs, and where it sits. They differ only while CPUs
// of its home are missing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpu/plan.h"
#include "model/cpu_set.h"

namespace pinion::cpu {

struct KeptSeat {
    std::string pool;
    std::uint32_t slot = 0;
    CpuSet home;
    CpuSet seat;             // what it has now: its home, a part of it, another seat, or nothing
    bool exclusive = false;  // of a pool whose workers own their seats
    bool operator==(const KeptSeat&) const = default;

    [[nodiscard]] bool at_home() const noexcept { return seat == home; }
};
using KeptSeats = std::vector<KeptSeat>;  // by pool and slot, each once

[[nodiscard]] const KeptSeat* find_kept(const KeptSeats& seats, const std::string& pool, std::uint32_t slot) noexcept;

// The simpler memory of one process whose own seats are all there is: the ledger after `plan`, which was made with
// `earlier` while pools could use the CPUs `usable`. A slot whose earlier seat could not be kept because CPUs of it are
// missing has two entries: that home first, then where it sits meanwhile; so it goes home once they are back.
[[nodiscard]] Ledger next_ledger(const Ledger& earlier, const Plan& plan, const CpuSet& usable);

}  // namespace pinion::cpu
