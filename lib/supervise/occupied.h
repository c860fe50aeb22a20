// SPDX-License-Identifier: Apache-2.0
// CPUs that nobody can have yet, since others are still on their way off them.
#pragma once

#include "cpu/plan.h"
#include "model/cpu_set.h"

namespace pinion::supervise {

// CPUs that workers still use who are to leave them: of pools that are withdrawn, of slots that are no more, and of who
// waits to move to such a seat. A seat is free only when the process and all of its tree are gone: until then nobody
// starts or moves there who would own one of `any`, or sit softly on one of `owned`.
struct Occupied {
    CpuSet any;
    CpuSet owned;  // those that one of them had for itself
    void add(const cpu::Seat& seat) {
        any |= seat.mask;
        if (seat.exclusive) owned |= seat.mask;
    }
    [[nodiscard]] bool bars(const cpu::Seat& seat) const {
        return seat.exclusive ? seat.mask.intersects(any) : seat.cpus.intersects(owned);
    }
    bool operator==(const Occupied&) const = default;
};

}  // namespace pinion::supervise
