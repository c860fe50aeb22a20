// SPDX-License-Identifier: Apache-2.0
#include "daemon/usage.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/fd.h"
#include "base/text.h"

namespace pinion::daemon {
namespace {

constexpr std::size_t max_status_bytes = 64 << 10;  // masks of many CPUs are in it

}  // namespace

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

std::optional<std::uint64_t> parse_peak(std::string_view status) {
    constexpr std::string_view name = "VmHWM:", unit = " kB";
    for (std::string_view line : split(status, '\n')) {
        if (!line.starts_with(name) || !line.ends_with(unit)) continue;
        line.remove_suffix(unit.size());
        const auto number = parse_integer(trim(line.substr(name.size())));
        return number && *number >= 0 ? std::optional(static_cast<std::uint64_t>(*number) * 1024) : std::nullopt;
    }
    return std::nullopt;
}

std::optional<TreeUsage> tree_usage(std::span<const pid_t> processes) {
    std::optional<TreeUsage> sum;
    for (const pid_t pid : processes.first(std::min(processes.size(), most_looked_at))) {
        const auto usage = process_usage(pid);
        if (!usage) continue;
        if (!sum) sum.emplace();
        sum->cpu += usage->cpu;
        const auto status = read_file("/proc/" + std::to_string(pid) + "/status", max_status_bytes);
        sum->peak_bytes = std::max(sum->peak_bytes, status ? parse_peak(*status).value_or(0) : 0);
    }
    return sum;
}

}  // namespace pinion::daemon
