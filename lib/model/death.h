// SPDX-License-Identifier: Apache-2.0
// How a process ended, or why it could not begin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/restart_policy.h"

namespace pinion {

// The steps of a child between fork and exec, in order; see lib/process. `fork` is the parent's own step, and so is
// `read_back`, which looks at the mask in force after the exec.
enum class SpawnStage : std::uint8_t {
    fork,
    cgroup,
    session,
    signals,
    affinity,
    memory_policy,
    scheduler,
    limits,
    oom_score,
    umask,
    stdio,
    credentials,
    cwd,
    parent_death,
    exec,
    read_back
};
[[nodiscard]] const char* to_string(SpawnStage stage) noexcept;

// Why a child did not reach its program. `object` is what the stage acted on: the program, the folder, the user.
struct SpawnFailure {
    SpawnStage stage = SpawnStage::fork;
    int error = 0;  // errno
    std::string object;
    std::string why = {};  // said instead of the error's text, where there is more to say
    bool operator==(const SpawnFailure&) const = default;
};
// "exec '/usr/bin/nosuch': no such file or directory"
[[nodiscard]] std::string to_string(const SpawnFailure& failure);

// One ended life of a worker.
struct Death {
    enum class Cause : std::uint8_t { exited, signaled };
    Cause cause = Cause::exited;
    int status = 0;  // exit code, or the signal's number
    bool core_dumped = false;
    bool oom_killed = false;
    Duration cpu_user{};
    Duration cpu_system{};
    std::uint64_t peak_memory_bytes = 0;  // of the main process (ru_maxrss); 0: nobody could tell what it used
    std::vector<std::string> last_lines;  // of its output, oldest first, printable
    bool operator==(const Death&) const = default;
};

// "exit 1", "SIGSEGV (core dumped)", "SIGKILL (out of memory)".
[[nodiscard]] std::string to_string(const Death& death);

// Whether it ended as what the kernel kills for want of memory does: by SIGKILL, or, a shell whose command was killed,
// with 128 and that number. A kill that it survived, or ended otherwise after, is not why it ended.
[[nodiscard]] bool looks_killed(const Death& death) noexcept;

[[nodiscard]] bool matches(const ExitPattern& pattern, const Death& death) noexcept;

}  // namespace pinion
