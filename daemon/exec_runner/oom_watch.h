// SPDX-License-Identifier: Apache-2.0
// Whether the kernel has killed something of ours for its memory: the count of our own cgroup. Of a job's process we
// see SIGKILL only, and the daemon does not see it at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace pinion::exec_runner {

class OomWatch {
public:
    // Of the cgroup that we are in; where there is none with a memory controller, nothing is ever seen.
    OomWatch();
    explicit OomWatch(const std::string& events_file);

    // What is killed from here on is counted: kills of a job before are not this one's.
    void begin() { before_ = count(); }
    // Whether something was killed since `begin`.
    [[nodiscard]] bool has_killed() const;

private:
    [[nodiscard]] std::optional<std::uint64_t> count() const;
    UniqueFd file_;  // kept open: it is read for each job
    std::optional<std::uint64_t> before_;
};

// The number behind "oom_kill " in the text of memory.events.
[[nodiscard]] std::optional<std::uint64_t> oom_kills(std::string_view events);

}  // namespace pinion::exec_runner
