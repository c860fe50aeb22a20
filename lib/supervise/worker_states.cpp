// SPDX-License-Identifier: Apache-2.0
#include "supervise/worker_states.h"

namespace pinion::supervise {

const char* to_string(StopReason reason) noexcept {
    switch (reason) {
        case StopReason::operator_stop: return "stop requested";
        case StopReason::operator_restart: return "restart requested";
        case StopReason::new_text: return "its configuration changed";
        case StopReason::fewer_workers: return "the pool has fewer workers";
        case StopReason::pool_withdrawn: return "the pool left the configuration";
        case StopReason::shutdown: return "shutdown";
        case StopReason::not_ready: return "not ready in time";
        case StopReason::cpus_lost: return "its CPUs are gone";
        case StopReason::job_timeout: return "its job ran out of time";
        case StopReason::job_cancelled: return "its job was cancelled";
        case StopReason::protocol_broken: return "it broke the protocol";
        case StopReason::recycled: return "recycled";
    }
    return "?";
}

const char* to_string(StateKind kind) noexcept {
    switch (kind) {
        case StateKind::idle: return "idle";
        case StateKind::waiting: return "waiting";
        case StateKind::spawning: return "spawning";
        case StateKind::starting: return "starting";
        case StateKind::running: return "running";
        case StateKind::stopping: return "stopping";
        case StateKind::clearing: return "clearing";
        case StateKind::backoff: return "backoff";
        case StateKind::failed: return "failed";
        case StateKind::completed: return "completed";
    }
    return "?";
}

WorkerState visible(StateKind kind) noexcept {
    switch (kind) {
        case StateKind::idle:
        case StateKind::waiting: return WorkerState::idle;
        case StateKind::spawning:
        case StateKind::starting: return WorkerState::starting;
        case StateKind::running: return WorkerState::running;
        case StateKind::stopping:
        case StateKind::clearing: return WorkerState::stopping;
        case StateKind::backoff: return WorkerState::backoff;
        case StateKind::failed: return WorkerState::failed;
        case StateKind::completed: return WorkerState::completed;
    }
    return WorkerState::idle;
}

bool has_process(StateKind kind) noexcept {
    switch (kind) {
        case StateKind::spawning:
        case StateKind::starting:
        case StateKind::running:
        case StateKind::stopping:
        case StateKind::clearing: return true;
        case StateKind::idle:
        case StateKind::waiting:
        case StateKind::backoff:
        case StateKind::failed:
        case StateKind::completed: return false;
    }
    return false;
}

}  // namespace pinion::supervise
