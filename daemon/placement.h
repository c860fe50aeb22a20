// SPDX-License-Identifier: Apache-2.0
// From a configuration, a machine and what was before to a plan of seats. Pure but for `read_machine`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/change.h"
#include "config/config.h"
#include "cpu/foreign.h"
#include "cpu/keep.h"
#include "cpu/machine.h"
#include "cpu/plan.h"
#include "cpu/universe.h"

namespace pinion::daemon {

// What was found of the machine, off the deciding thread.
struct Machine {
    cpu::Topology topology;
    cpu::MachineLimits limits;
    std::vector<cpu::ForeignPin> foreign = {};  // looked for at loads only
    MonotonicTime read_at = {};                 // when the reading began
};
[[nodiscard]] Result<Machine> read_machine();

// Of the machine in force and another reading of it the later one: a load is slow, and may be done after a reading that
// was begun when CPUs had changed meanwhile. With the pins that `found` has.
[[nodiscard]] Machine later_of(const Machine& in_force, Machine found);

// Counts that an operator set with `scale`; each holds until the pool's `workers` changes in the file.
using Scales = std::map<std::string, std::uint32_t>;

// `scales` without those whose pool is gone or had `workers` changed.
[[nodiscard]] Scales surviving(Scales scales, const std::vector<config::Change>& changes);

// What a plan is made of, beside the configuration.
struct Ground {
    const Machine& machine;
    const cpu::KeptSeats& seats;
    bool go_home = false;
    // Pools of this plan whose number of workers follows from the machine keep it.
    const cpu::Plan* counts = nullptr;
};

// The plan for every pool of `config`; `changes` are those since `ground.seats` were given.
[[nodiscard]] cpu::Kept plan_for(const config::Config& config, const Scales& scales, const Ground& ground,
                                 const std::vector<config::Change>& changes);

// The same where only the machine has changed: the pools of `ground.counts` keep their counts, the reserve its CPUs, so
// that nobody but who lost CPUs is concerned.
[[nodiscard]] cpu::Kept plan_again(const config::Config& config, const CpuSet& reserved, const Ground& ground);

// The CPUs that `machine` of the configuration chooses from.
[[nodiscard]] CpuSet allowed_cpus(const config::Config& config, const Machine& machine);
// What `machine` of the configuration makes of the machine.
[[nodiscard]] cpu::UsableCpus usable_cpus(const config::Config& config, const Machine& machine);

// The plan's error about `pool`, or about the machine; empty where it has none.
[[nodiscard]] std::string error_of(const cpu::Plan& plan, const std::string& pool);

// What became of a slot between two plans, as a sentence about its seat; empty where nothing did that CPUs that are
// missing have to do with. `home` where it came back.
struct Displacement {
    bool home = false;
    std::string sentence;
};
[[nodiscard]] Displacement displacement(const cpu::KeptSeat* before, const cpu::KeptSeat& after, const cpu::Seat& seat);
// The same as a state, for a screen: "keeps 0 of 0,8"; empty at home.
[[nodiscard]] std::string away_note(const cpu::KeptSeat& kept, const cpu::Seat& seat);

}  // namespace pinion::daemon
