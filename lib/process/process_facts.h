// SPDX-License-Identifier: Apache-2.0
// What /proc tells about a process: parents, groups, children, environment. Snapshots: a pid that was read may be
// another process's by now, so whoever acts on one compares the start time through a pidfd first.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pinion::process {

struct ProcessFacts {
    pid_t pid = -1;
    pid_t parent = -1;
    pid_t group = -1;
    pid_t session = -1;
    std::uint64_t start_time = 0;  // in clock ticks since boot; with the pid it names a process
    bool running = false;          // not a zombie, or one whose other threads go on
    bool in_exec = false;          // its new program's environment is not in place yet (or hidden from us)
    bool operator==(const ProcessFacts&) const = default;
};

// One line of /proc/PID/stat. The command in it may hold blanks and parentheses. Nothing where the text is malformed.
[[nodiscard]] std::optional<ProcessFacts> parse_stat(std::string_view text);

// Nothing where the process is gone.
[[nodiscard]] std::optional<ProcessFacts> read_facts(pid_t pid);

// The children of all of its threads, zombies too; by /proc/PID/task/TID/children, or by a look at every process where
// the kernel lacks that file. Complete only while the process can't fork.
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);
// Those of our own main thread: what it forked, and every orphan that comes to us, since the kernel gives orphans to
// the first thread that lives. One file, where `children_of` reads one a thread.
[[nodiscard]] std::vector<pid_t> children_of_main_thread();

// Whether the NUL-separated `environment` holds `entry` ("NAME=value").
[[nodiscard]] bool holds_entry(std::string_view environment, std::string_view entry) noexcept;

}  // namespace pinion::process
