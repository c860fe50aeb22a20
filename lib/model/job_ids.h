// SPDX-License-Identifier: Apache-2.0
// The names of jobs and of what belongs to them: numbers of different kinds that can't be mixed up.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace pinion {

// A job, as people see it. Growing, never given twice; 0 names none.
using JobId = StrongId<struct JobTag, std::uint64_t>;
// One run of a job, as workers see it: the id on the wire, unique while the daemon lives. 0 names none.
using AttemptId = StrongId<struct AttemptTag, std::uint64_t>;
// Jobs that were submitted together, to be given back together. 0 is the pool's own: jobs that belong to no map.
using MapId = StrongId<struct MapTag, std::uint64_t>;
// A job pool while the daemon knows it; the daemon keeps the names.
using JobPoolId = StrongId<struct JobPoolTag, std::uint32_t>;

// A worker as the scheduler names it: like WorkerId, without the text.
struct WorkerRef {
    JobPoolId pool;
    Slot slot;
    Generation generation;
    auto operator<=>(const WorkerRef&) const = default;
};

}  // namespace pinion
