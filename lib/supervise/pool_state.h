// SPDX-License-Identifier: Apache-2.0
// A pool's state is no machine of its own: it follows from how many of its workers are where, and from what was said
// about the pool.
#pragma once

#include <cstdint>

#include "supervise/snapshot.h"

namespace pinion::supervise {

struct PoolFacts {
    bool leaving = false;       // withdrawn, or the daemon shuts down
    bool stopped = false;       // by an operator
    std::uint32_t slots = 0;    // declared
    std::uint32_t wanted = 0;   // slots that should run: declared and not stopped by an operator
    std::uint32_t running = 0;  // of those wanted, as the next three
    std::uint32_t completed = 0;
    std::uint32_t failed = 0;
    std::uint32_t backoff = 0;
    std::uint32_t processes = 0;  // slots with a process, or a tree not known to be empty
};

// stopping, stopped: nothing is wanted, and something or nothing is left of it. failed, completed: all that is wanted.
// running: all that is wanted runs or has completed (a pool of no workers is running, since nothing is missing).
// degraded: some wanted worker failed or is in back-off. starting: the rest, still coming up.
[[nodiscard]] PoolState pool_state(const PoolFacts& facts) noexcept;

}  // namespace pinion::supervise
