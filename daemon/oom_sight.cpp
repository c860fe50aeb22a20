// SPDX-License-Identifier: Apache-2.0
#include "daemon/oom_sight.h"

#include <vector>

#include "base/text.h"

namespace pinion::daemon {

OomSight oom_sight(const std::optional<process::Cgroups>& cgroups) {
    const bool counted = cgroups && cgroups->counts_oom_kills();
    // Without cgroups of their own they live in ours, whose count the runner reads.
    return {.of_workers = counted, .of_processes = cgroups ? counted : process::own_memory_events().has_value()};
}

std::string unseen_oom_deaths(const std::map<std::string, std::shared_ptr<const PoolSpec>>& pools,
                              const OomSight& sight) {
    std::vector<std::string> names;
    for (const auto& [name, spec] : pools) {
        if (!spec->jobs) continue;
        const JobPolicy& job = spec->jobs->job;
        const bool seen = spec->jobs->protocol == JobProtocol::exec ? sight.of_processes : sight.of_workers;
        if (!seen && job.attempts > 1 && job.retry_on.oom != job.retry_on.crash) names.push_back(name);
    }
    if (names.empty()) return {};
    return "'job.retry_on.oom' of " + join(names, ", ") +
           " has no effect on this host: without a cgroup that has the memory controller, a kill for want of memory "
           "looks like any other, and 'job.retry_on.crash' decides";
}

}  // namespace pinion::daemon
