// SPDX-License-Identifier: Apache-2.0
#include "supervise/pool_state.h"

namespace pinion::supervise {

PoolState pool_state(const PoolFacts& facts) noexcept {
    const bool all_stopped = facts.slots > 0 && facts.wanted == 0;
    if (facts.leaving || facts.stopped || all_stopped) {
        return facts.processes > 0 ? PoolState::stopping : PoolState::stopped;
    }
    if (facts.wanted > 0 && facts.failed == facts.wanted) return PoolState::failed;
    if (facts.wanted > 0 && facts.completed == facts.wanted) return PoolState::completed;
    if (facts.running + facts.completed == facts.wanted) return PoolState::running;
    if (facts.failed + facts.backoff > 0) return PoolState::degraded;
    return PoolState::starting;
}

}  // namespace pinion::supervise
