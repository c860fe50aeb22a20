// SPDX-License-Identifier: Apache-2.0
// A slot as its pool keeps it; for the pool's own sources.
#pragma once

#include <cstdint>
#include <optional>

#include "base/ids.h"
#include "cpu/plan.h"
#include "supervise/worker.h"

namespace pinion::supervise {

struct Place {
    explicit Place(Slot number, Generation last) : slot(number), worker(last) {}
    Slot slot;
    Worker worker;
    cpu::Seat seat;
    std::optional<cpu::Seat> next = {};  // where its worker is to move
    bool stopped = false;                // by an operator
    bool removed = false;                // above the declared count, and at rest
    bool past_gate = false;              // it was started since the gate was closed, so by an operator if it still is
    std::uint64_t ticket = 0;            // in queue_ or gated_, where it waits
};

}  // namespace pinion::supervise
