// SPDX-License-Identifier: Apache-2.0
// What a process has used, from /proc: asked for status only, never kept up to date.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
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

// This process, by a name that no other will have on this boot.
[[nodiscard]] cpu::ProcessName own_process();

// The pure half: the text of /proc/PID/stat (proc(5), fields 14 to 17 and 24), with its units.
[[nodiscard]] std::optional<Usage> parse_stat(std::string_view stat, long ticks_per_second, long page_bytes);

}  // namespace pinion::daemon
