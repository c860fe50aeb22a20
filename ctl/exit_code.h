// SPDX-License-Identifier: Apache-2.0
// How the whole tool ends: its exit codes, and the failures that carry them from a call to main.
#pragma once

#include <expected>
#include <string>

#include "base/result.h"

namespace pinion::ctl {

// Part of the interface: scripts test them. `unhealthy` is said by `is-healthy` and `wait` alone.
enum class Exit : int {
    done = 0,
    failed = 1,  // the action failed, or the daemon refused it
    usage = 2,
    unhealthy = 3,
    not_found = 4,  // no such pool, worker or job
    unreachable = 5,
    denied = 6,
    interrupted = 130,
};

// Why a command can't go on: what to print on stderr, and how to end.
struct Failure {
    Exit exit = Exit::failed;
    std::string message;

    bool operator==(const Failure&) const = default;
};

template <class T>
using Answer = std::expected<T, Failure>;

[[nodiscard]] inline std::unexpected<Failure> refuse(Exit exit, std::string message) {
    return std::unexpected(Failure{exit, std::move(message)});
}

}  // namespace pinion::ctl
