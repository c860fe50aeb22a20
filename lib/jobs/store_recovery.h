// SPDX-License-Identifier: Apache-2.0
// What a store of jobs finds at start: everything that waits.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/time.h"
#include "jobs/job_event.h"
#include "model/job_ids.h"

namespace pinion::jobs {

struct RecoveredJob {
    JobPoolId pool;
    JobId job;
    MapId map;
    std::uint32_t size = 0;
    std::uint32_t attempts = 0;
    std::uint8_t priority = 0;
    bool claimed = false;  // it was executing, or about to, when the daemon died
    WallTime not_before{};
};
struct RecoveredMap {
    JobPoolId pool;
    MapId map;
    std::string name;
    bool fail_fast = false;
    bool cancelled = false;
    std::optional<MapSeal> seal;  // set: it is sealed
};
struct RecoveredQueue {
    JobPoolId pool;
    QueueMode mode = QueueMode::running;
    std::string by{};  // who wanted it so, and when; empty and 0 where that is not known
    WallTime at{};
};
// Called in the order: queues, maps, jobs by id.
struct RecoveryVisitor {
    std::function<void(const RecoveredQueue&)> queue;
    std::function<void(const RecoveredMap&)> map;
    std::function<void(const RecoveredJob&)> job;
};

}  // namespace pinion::jobs
