// SPDX-License-Identifier: Apache-2.0
#include "daemon/exec_runner/oom_watch.h"

#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

namespace pinion::exec_runner {
namespace {

constexpr std::size_t max_bytes = 64 << 10;

// The events file of our cgroup in the unified hierarchy, wherever that is mounted; empty where it can't be found.
std::string own_events_file() {
    const auto cgroups = read_file("/proc/self/cgroup", max_bytes);
    if (!cgroups) return {};
    for (const std::string_view line : split(*cgroups, '\n')) {
        if (!line.starts_with("0::")) continue;
        for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
            std::string file = mount + std::string(line.substr(3)) + "/memory.events";
            if (::access(file.c_str(), R_OK) == 0) return file;
        }
    }
    return {};
}

}  // namespace

OomWatch::OomWatch() : OomWatch(own_events_file()) {}
OomWatch::OomWatch(std::string events_file) : file_(std::move(events_file)) { last_ = count().value_or(0); }

bool OomWatch::killed_since() {
    const auto now = count();
    if (!now) return false;
    const bool grown = *now > last_;
    last_ = *now;
    return grown;
}

std::optional<std::uint64_t> OomWatch::count() const {
    if (file_.empty()) return std::nullopt;
    const auto text = read_file(file_, max_bytes);
    return text ? oom_kills(*text) : std::nullopt;
}

std::optional<std::uint64_t> oom_kills(std::string_view events) {
    for (const std::string_view line : split(events, '\n')) {
        if (!line.starts_with("oom_kill ")) continue;
        const auto number = parse_integer(line.substr(9));
        if (number && *number >= 0) return static_cast<std::uint64_t>(*number);
    }
    return std::nullopt;
}

}  // namespace pinion::exec_runner
