// SPDX-License-Identifier: Apache-2.0
#include "daemon/exec_runner/oom_watch.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/text.h"
#include "process/cgroup.h"

namespace pinion::exec_runner {
namespace {

constexpr std::size_t max_count_bytes = 1024;  // six lines

}  // namespace

OomWatch::OomWatch() : OomWatch(process::own_memory_events().value_or("")) {}
OomWatch::OomWatch(const std::string& events_file)
    : file_(events_file.empty() ? -1 : ::open(events_file.c_str(), O_RDONLY | O_CLOEXEC)) {}

bool OomWatch::has_killed() const {
    const auto now = count();
    return now && before_ && *now > *before_;
}

std::optional<std::uint64_t> OomWatch::count() const {
    if (!file_) return std::nullopt;
    std::array<char, max_count_bytes> text;
    const ssize_t size = ::pread(file_.fd(), text.data(), text.size(), 0);
    return size < 0 ? std::nullopt : oom_kills({text.data(), static_cast<std::size_t>(size)});
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
