// SPDX-License-Identifier: Apache-2.0
// What a pool's worker process does all its life.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>

#include "pinion/task_table.h"

namespace pinion::inline v0 {

struct WorkerSetup {
    std::uint32_t number = 0;
    int wake_fd = -1;  // the dispatcher's eventfd
    sigset_t signals;  // to be blocked: as where the pool was made
    std::uint64_t max_tasks = 0;
    std::function<void()> initializer;
};

// Claims tasks and runs them until the pool stops or `max_tasks` are done. Returns the exit status; passes on what the
// initializer throws.
int run_worker(TaskTable& table, const WorkerSetup& setup);

}  // namespace pinion::inline v0
