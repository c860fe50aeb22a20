// SPDX-License-Identifier: Apache-2.0
// Whether a death for want of memory can be told from other kills on this host, and the job pools for which that makes
// a difference. To a parent both are SIGKILL; only the count of a cgroup with the memory controller tells.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "model/pool_spec.h"
#include "process/cgroup.h"

namespace pinion::daemon {

struct OomSight {
    bool of_workers = false;    // by us
    bool of_processes = false;  // of `exec` jobs, by their runner
};

// What can be told of workers that live in `cgroups`, where there are any.
[[nodiscard]] OomSight oom_sight(const std::optional<process::Cgroups>& cgroups);

// A sentence about the pools whose `job.retry_on` wants such a death treated otherwise than a crash and can't have it;
// empty where there are none. Pure.
[[nodiscard]] std::string unseen_oom_deaths(const std::map<std::string, std::shared_ptr<const PoolSpec>>& pools,
                                            const OomSight& sight);

}  // namespace pinion::daemon
