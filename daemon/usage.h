// SPDX-License-Identifier: Apache-2.0
// What processes have used, from /proc: asked for status, and just before a kill that leaves nobody who could tell;
// never kept up to date.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/time.h"
#include "cpu/ledger_file.h"

namespace pinion::daemon {

struct Usage {
    Duration cpu{};                  // user and system, with the children it has waited for
    std::uint64_t memory_bytes = 0;  // resident set
};

// Nothing where the process is gone or hidden.
[[nodiscard]] std::optional<Usage> process_usage(pid_t pid);

struct TreeUsage {
    Duration cpu{};                // of all, with the children they have waited for
    std::uint64_t peak_bytes = 0;  // the most that one of them ever had resident
    bool operator==(const TreeUsage&) const = default;
};

// No more of one tree are looked at: nobody is to hold the loop by being killed.
inline constexpr std::size_t most_looked_at = 256;
// Who is gone meanwhile is left out. Nothing where none can be looked at.
[[nodiscard]] std::optional<TreeUsage> tree_usage(std::span<const pid_t> processes);

// This process, by a name that no other will have on this boot.
[[nodiscard]] cpu::ProcessName own_process();

// The pure half: the text of /proc/PID/stat (proc(5), fields 14 to 17 and 24), with its units.
[[nodiscard]] std::optional<Usage> parse_stat(std::string_view stat, long ticks_per_second, long page_bytes);
// VmHWM of the text of /proc/PID/status; nothing where it has none: a zombie, or a kernel thread.
[[nodiscard]] std::optional<std::uint64_t> parse_peak(std::string_view status);

}  // namespace pinion::daemon
