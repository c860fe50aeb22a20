// SPDX-License-Identifier: Apache-2.0
#include "daemon/usage.h"

#include <unistd.h>

#include <string>

#include "base/fd.h"
#include "base/text.h"

namespace pinion::daemon {

std::optional<Usage> parse_stat(std::string_view stat, long ticks_per_second, long page_bytes) {
    // The name stands in parentheses and may hold anything, spaces and parentheses too: fields count from its end.
    const auto name_end = stat.rfind(") ");
    if (name_end == std::string_view::npos) return std::nullopt;
    const auto fields = split(trim(stat.substr(name_end + 2)), ' ');
    constexpr std::size_t first = 3;  // the field that follows the name, counted as proc(5) does
    if (fields.size() <= 24 - first) return std::nullopt;
    long long ticks = 0;
    for (std::size_t field = 14; field <= 17; ++field) {
        const auto value = parse_integer(fields[field - first]);
        if (!value) return std::nullopt;
        ticks += *value;
    }
    const auto pages = parse_integer(fields[24 - first]);
    if (!pages || *pages < 0 || ticks < 0) return std::nullopt;
    return Usage{Duration(ticks * 1'000'000 / ticks_per_second),
                 static_cast<std::uint64_t>(*pages) * static_cast<std::uint64_t>(page_bytes)};
}

cpu::ProcessName own_process() {
    cpu::ProcessName name{static_cast<std::uint32_t>(::getpid()), 0};
    const auto stat = read_file("/proc/self/stat", 4096);
    const auto name_end = stat ? stat->rfind(") ") : std::string::npos;
    if (name_end == std::string::npos) return name;
    const auto fields = split(std::string_view(*stat).substr(name_end + 2), ' ');
    const auto started = fields.size() > 22 - 3 ? parse_integer(fields[22 - 3]) : std::nullopt;
    name.started = static_cast<std::uint64_t>(started.value_or(0));
    return name;
}

std::optional<Usage> process_usage(pid_t pid) {
    const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    if (!stat) return std::nullopt;
    return parse_stat(*stat, ::sysconf(_SC_CLK_TCK), ::sysconf(_SC_PAGESIZE));
}

}  // namespace pinion::daemon
