// SPDX-License-Identifier: Apache-2.0
// What single values can't tell of a job pool, and what follows from them: its specification.
#pragma once

#include <map>
#include <string>

#include "config/rules.h"

namespace pinion::config {

// Within one pool: keys that only job pools have, and combinations that contradict each other.
void check_job_keys(const ReadPool& pool, Report& report);

// The specification of a pool of kind jobs; nothing for another. Its inputs are told apart by `payload`; users and
// groups are looked up, which may block. What can't be had is reported and left out.
[[nodiscard]] std::optional<JobPoolSpec> resolve_jobs(const ReadPool& pool, Report& report);

// Across pools: whether the semaphores that jobs hold exist, and have so many permits.
void check_semaphores(const std::map<std::string, ReadPool>& pools, const Semaphores& semaphores, Report& report);

}  // namespace pinion::config
