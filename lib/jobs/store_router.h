// SPDX-License-Identifier: Apache-2.0
// One store before two engines: memory, and the one on disk, which is opened only when the first pool wants it.
//
// Which engine: a job and a map stay where they were made, as their ids tell (store_memory.h). New ones go to memory if
// that is the pool's durability, and it never was stronger in this run; a pool that becomes weaker while the daemon
// runs keeps its queue, its keys and its named maps on disk, and is only no longer synced. One that becomes stronger
// makes new jobs on disk at once; what it has in memory is worked off there, and its keys are not known on disk.
//
// A job in memory that pushes to disk ends when its pushes are committed: they can't be lost with it. While the disk
// is full that end waits. Once it has stopped, nothing is pushed before the daemon starts anew, and the job would not
// live to see that: its end is refused. (What the disk was writing as it failed may be found there by that start.)
//
// If the disk can't be opened, that is told as its health (stopped), submits to its pools are refused with the reason,
// and pools in memory go on. It is not tried again.
#pragma once

#include <functional>
#include <memory>

#include "jobs/store.h"
#include "jobs/store_memory.h"

namespace pinion::jobs {

struct StoreRouterOptions {
    MemoryStoreOptions memory;
    std::function<Result<std::unique_ptr<Store>>()> open_disk;  // called at most once
    // Whether the disk is opened in any case: something lies there, and perhaps waits.
    bool open_now = false;
};

// `health` is the disk's; memory is always open. Tokens of requests must be below 2^63.
[[nodiscard]] Result<std::unique_ptr<Store>> open_store_router(StoreRouterOptions options);

}  // namespace pinion::jobs
