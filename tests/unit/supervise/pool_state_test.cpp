// SPDX-License-Identifier: Apache-2.0
#include "supervise/pool_state.h"

#include <gtest/gtest.h>

namespace pinion::supervise {
namespace {

TEST(PoolStateOf, FollowsFromCountsAndFlags) {
    struct Row {
        PoolFacts facts;
        PoolState expected;
    };
    const Row rows[] = {
        {{.slots = 2, .wanted = 2, .processes = 2}, PoolState::starting},
        {{.slots = 2, .wanted = 2}, PoolState::starting},
        {{.slots = 2, .wanted = 2, .running = 1, .processes = 2}, PoolState::starting},
        {{.slots = 2, .wanted = 2, .running = 2, .processes = 2}, PoolState::running},
        {{.slots = 0, .wanted = 0}, PoolState::running},
        {{.slots = 2, .wanted = 1, .running = 1, .processes = 1}, PoolState::running},
        {{.slots = 2, .wanted = 2, .running = 1, .completed = 1, .processes = 1}, PoolState::running},
        {{.slots = 2, .wanted = 2, .running = 1, .failed = 1, .processes = 1}, PoolState::degraded},
        {{.slots = 2, .wanted = 2, .running = 1, .backoff = 1, .processes = 1}, PoolState::degraded},
        {{.slots = 2, .wanted = 2, .completed = 1, .failed = 1}, PoolState::degraded},
        {{.slots = 2, .wanted = 2, .backoff = 2}, PoolState::degraded},
        {{.slots = 2, .wanted = 2, .failed = 2}, PoolState::failed},
        {{.slots = 2, .wanted = 2, .completed = 2}, PoolState::completed},
        {{.slots = 2, .wanted = 0, .processes = 1}, PoolState::stopping},
        {{.slots = 2, .wanted = 0}, PoolState::stopped},
        {{.stopped = true, .slots = 2, .wanted = 0, .processes = 2}, PoolState::stopping},
        {{.stopped = true, .slots = 2, .wanted = 0}, PoolState::stopped},
        {{.leaving = true, .slots = 2, .wanted = 0, .running = 2, .processes = 2}, PoolState::stopping},
        {{.leaving = true, .slots = 0}, PoolState::stopped},
    };
    for (const auto& row : rows) {
        EXPECT_STREQ(to_string(pool_state(row.facts)), to_string(row.expected)) << "row " << &row - rows;
    }
}

}  // namespace
}  // namespace pinion::supervise
