// SPDX-License-Identifier: Apache-2.0
#include "supervise/snapshot.h"

namespace pinion::supervise {

const char* to_string(WorkerState state) noexcept {
    switch (state) {
        case WorkerState::idle: return "idle";
        case WorkerState::starting: return "starting";
        case WorkerState::running: return "running";
        case WorkerState::stopping: return "stopping";
        case WorkerState::backoff: return "backoff";
        case WorkerState::failed: return "failed";
        case WorkerState::completed: return "completed";
    }
    return "?";
}

const char* to_string(PoolState state) noexcept {
    switch (state) {
        case PoolState::starting: return "starting";
        case PoolState::running: return "running";
        case PoolState::degraded: return "degraded";
        case PoolState::paused: return "paused";
        case PoolState::stopping: return "stopping";
        case PoolState::stopped: return "stopped";
        case PoolState::failed: return "failed";
        case PoolState::completed: return "completed";
    }
    return "?";
}

}  // namespace pinion::supervise
