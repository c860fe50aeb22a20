// SPDX-License-Identifier: Apache-2.0
// A plan that keeps seats while CPUs come and go. Each slot has a home, the seat that the plan gave it.
//
//  - A home whose CPUs are all there is kept, always.
//  - One that lost some keeps the rest.
//  - One that lost all: `on_cpu_loss` decides. The worker moves to another seat, or, where none is free or `share` says
//    so, runs on the shared CPUs; where there are none either, or `stop` says so, it is parked. It is never put on
//    another's seat.
//  - Who is away goes home where `go_home` says so and all of its CPUs are back. Until then they are closed to others.
//
// Missing are CPUs that are offline or that no cgroup gives us; those that the configuration takes away are no home any
// more, and plan() chooses anew.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cpu/ledger.h"
#include "cpu/plan.h"

namespace pinion::cpu {

struct Keep {
    const Topology& topology;
    const Universe& universe;
    const std::vector<PoolRequest>& requests;
    const KeptSeats& earlier;
    bool go_home = false;
    // A change of the machine: nobody is there whom an error would tell. A pool that can't be placed any more keeps
    // what is left of its seats; counts must be given.
    bool unasked = false;
    // Pools that ask for other seats than before: nothing is held for them.
    std::set<std::string> reshaped = {};
};

struct Kept {
    Plan plan;
    KeptSeats seats;
    CpuSet returning = {};  // CPUs that are back and free, that somebody waits to go home to
    bool operator==(const Kept&) const = default;
};

[[nodiscard]] Kept keep_seats(const Keep& keep);

}  // namespace pinion::cpu
