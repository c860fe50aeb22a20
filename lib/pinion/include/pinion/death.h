// SPDX-License-Identifier: Apache-2.0
// How a process ended.
#pragma once

#include <pinion/api.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace pinion::inline v0 {

struct Death {
    // unknown: somebody else reaped the process (SIGCHLD ignored, or a wait for any child), so nobody can tell.
    enum class Cause : std::uint8_t { exited, signaled, unknown };
    Cause cause = Cause::unknown;
    int status = 0;  // exit code, or the signal's number
    bool core_dumped = false;
    std::chrono::microseconds cpu_user{};
    std::chrono::microseconds cpu_system{};
    std::uint64_t peak_memory_bytes = 0;
    std::string error;  // what the callable threw, or why it could not begin; empty: neither

    [[nodiscard]] bool succeeded() const noexcept { return cause == Cause::exited && status == 0; }
    bool operator==(const Death&) const = default;
};

// "exit 0", "exit 1: std::runtime_error: no such page", "SIGSEGV (core dumped)".
[[nodiscard]] PINION_API std::string to_string(const Death& death);

}  // namespace pinion::inline v0
