// SPDX-License-Identifier: Apache-2.0
// Whether the kernel has killed something of ours for its memory: the count of our own cgroup. Of a job's process we
// see SIGKILL only, and the daemon does not see it at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pinion::exec_runner {

class OomWatch {
public:
    // Of the cgroup that we are in; where there is none with a memory controller, nothing is ever seen.
    OomWatch();
    explicit OomWatch(std::string events_file);

    // Whether the count has grown since this was asked last, or since the beginning.
    [[nodiscard]] bool killed_since();

private:
    [[nodiscard]] std::optional<std::uint64_t> count() const;
    std::string file_;
    std::uint64_t last_ = 0;
};

// The number behind "oom_kill " in the text of memory.events.
[[nodiscard]] std::optional<std::uint64_t> oom_kills(std::string_view events);

}  // namespace pinion::exec_runner
