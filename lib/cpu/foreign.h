// SPDX-License-Identifier: Apache-2.0
// Processes of others that somebody pinned: what they run on is not ours alone, whatever the plan says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpu/plan.h"

namespace pinion::cpu {

struct ForeignPin {
    int pid = 0;
    std::string name;  // as the kernel shows it
    CpuSet cpus;
    bool operator==(const ForeignPin&) const = default;
};

// Processes whose main thread may use fewer CPUs than their cgroup; neither kernel threads nor what descends from this
// process, lives in a cgroup below its own or has ended. At most `limits::max_foreign_pins`, the lowest pids first.
// What can't be read is left out.
[[nodiscard]] std::vector<ForeignPin> find_foreign_pins();

// One W_FOREIGN_PIN for each pool on whose own seats some of `pins` run, with their names; E_FOREIGN_PIN where they are
// errors. Pure.
[[nodiscard]] std::vector<PlanNote> foreign_notes(const Plan& plan, const std::vector<ForeignPin>& pins, bool errors);

// The parts of /proc/PID/stat that are needed: proc(5), fields 2, 3, 4 and 9. Pure.
struct StatLine {
    std::string name;
    int parent = 0;
    bool kernel_thread = false;
    bool ended = false;  // it runs no more, or is on its way out: a dead daemon's workers, say
};
[[nodiscard]] std::optional<StatLine> parse_stat_line(std::string_view stat);

}  // namespace pinion::cpu
