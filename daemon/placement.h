// SPDX-License-Identifier: Apache-2.0
// From a configuration and what operators scaled to a plan of seats. A thin wrapper that keeps what must last between
// plans: the scales and the seats already given.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/change.h"
#include "config/config.h"
#include "cpu/machine.h"
#include "cpu/plan.h"

namespace pinion::daemon {

// What was found of the machine, read together with the configuration, off the deciding thread.
struct Machine {
    cpu::Topology topology;
    cpu::MachineLimits limits;
};
[[nodiscard]] Result<Machine> read_machine();

// Counts that an operator set with `scale`; each holds until the pool's `workers` changes in the file.
using Scales = std::map<std::string, std::uint32_t>;

// `scales` without those whose pool is gone or had `workers` changed.
[[nodiscard]] Scales surviving(Scales scales, const std::vector<config::Change>& changes);

// The plan for every pool of `config`; seats of `ledger` that are still valid are kept.
[[nodiscard]] cpu::Plan plan_for(const config::Config& config, const Machine& machine, const Scales& scales,
                                 const cpu::Ledger& ledger);

// The seats to remember after `plan`, which was made with `earlier`.
[[nodiscard]] cpu::Ledger ledger_after(const cpu::Plan& plan, const config::Config& config, const Machine& machine,
                                       const cpu::Ledger& earlier);

// The plan's error about `pool`, or about the machine; empty where it has none.
[[nodiscard]] std::string error_of(const cpu::Plan& plan, const std::string& pool);

}  // namespace pinion::daemon
