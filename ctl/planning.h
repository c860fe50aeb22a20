// SPDX-License-Identifier: Apache-2.0
// What the commands that plan have in common: the machine that is planned for, what a configuration asks of it, and the
// plan that a running daemon keeps.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "cpu/machine.h"
#include "cpu/plan.h"
#include "ctl/waiting.h"

namespace pinion::ctl {

struct Machine {
    std::string described;  // as it was asked for; empty for the one we run on
    cpu::Topology topology;
    cpu::MachineLimits limits;
    CpuSet offline = {};  // of the one we run on
    bool operator==(const Machine&) const = default;
};

// The word by which --topology names the machine we run on.
inline constexpr const char* this_machine = "this";

// The machine we run on where `described` is empty or that word; else the one described: a file is lstopo's XML,
// everything else a synthetic description.
[[nodiscard]] Result<Machine> find_machine(const std::string& described);

[[nodiscard]] std::vector<cpu::PoolRequest> requests_of(const config::Config& config);
[[nodiscard]] cpu::Universe universe_of(const config::Config& config, const Machine& machine);

// The seats that a daemon's workers sit on, so that a plan predicts what that daemon would do; each slot's home first
// where that is another.
[[nodiscard]] cpu::Ledger ledger_of(const Snapshot& running, const config::Config& config);

// The seats that a daemon's workers have, as a plan without notes. `usable`: the CPUs that pools may use.
[[nodiscard]] cpu::Plan plan_of(const Snapshot& running, const CpuSet& usable);

}  // namespace pinion::ctl
