// SPDX-License-Identifier: Apache-2.0
// How workers are kept on their CPUs: cpusets of their own, masks, and a look at what is in force.
#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "cpu/machine.h"
#include "daemon/workers.h"
#include "daemon/workers_parts.h"

namespace pinion::daemon {

using namespace supervise;

Result<ChosenLevel> Workers::settle_enforcement(std::optional<Enforcement> wish) {
    return daemon::settle_enforcement(wish, options_.cgroups);
}

std::vector<Workers::PinFailure> Workers::keep_pins_by(Enforcement level) {
    finish_spawns();
    const bool loosened = enforcement_ == Enforcement::cpuset && level == Enforcement::affinity;
    enforcement_ = level;
    std::vector<PinFailure> failures;
    for (auto& [key, slot] : slots_) {
        Result<void> kept;
        if (loosened && slot.cgroup) kept = slot.cgroup->confine({}, {});
        if (slot.process && kept) kept = confine(slot, slot.process->seat, slot.process->seat);
        // Switching the controller on, or a change of a cpuset, may have reset the mask.
        if (slot.process && kept && !slot.process->reaped && !slot.process->seat.mask.empty())
            kept = cpu::pin_process(slot.process->pid, slot.process->seat.mask);
        if (!kept && kept.error().code != ESRCH)
            failures.push_back({key.first, slot_name(key.first, Slot{key.second}) + ": " + kept.error().message});
    }
    return failures;
}

// Lets the slot's tree use what `seat` has, and what `former` had. Nothing at level affinity.
Result<void> Workers::confine(SlotState& slot, const cpu::Seat& seat, const cpu::Seat& former) {
    if (enforcement_ != Enforcement::cpuset || !slot.cgroup) return {};
    const bool strict = seat.memory == MemoryPolicy::strict;
    CpuSet nodes;
    if (strict)
        for (const auto* one : {&seat, &former})
            for (const std::uint32_t node : one->memory_nodes) nodes.add(node);
    // A mask that is empty floats over all that the parent has.
    const bool floats = seat.mask.empty() || former.mask.empty();
    return slot.cgroup->confine(floats ? CpuSet{} : seat.mask | former.mask, nodes);
}

// The mask in force after exec must lie within what the seat permits; less of it is the program's own choice, or all
// that is online. A program that has widened it at once is put back, as it would be later. Where even that does not
// hold, the worker must not run among others' CPUs.
Workers::Outcome Workers::read_back(const Process& process) const {
    const CpuSet& permitted = process.seat.mask;
    if (permitted.empty()) return {};
    const auto found = cpu::read_affinity(process.pid);
    // One that is gone already has an exit to tell of.
    if (!found || found->is_subset_of(permitted)) return {};
    const auto again = cpu::pin_process(process.pid, permitted);
    if (!again && again.error().code == ESRCH) return {};
    const auto now = cpu::read_affinity(process.pid);
    if (!now) return {};
    if (now->is_subset_of(permitted)) {
        if (on_drift_)
            on_drift_(process.worker,
                      fmt::format("{}: could run on CPUs '{}' right after its start, not only on '{}'; pinned again. "
                                  "Its program sets its own mask, or somebody else has",
                                  slot_name(process.worker.pool, process.worker.slot), found->to_list(),
                                  permitted.to_list()));
        return {};
    }
    return std::unexpected(
        SpawnFailure{SpawnStage::read_back, EINVAL, permitted.to_list(),
                     fmt::format("the CPUs in force are '{}', and after another try '{}'; a sandbox that does not keep "
                                 "masks, or a program that sets its own without end",
                                 found->to_list(), now->to_list())});
}

Result<void> Workers::repin(const Repin& effect) {
    Process* process = find_settled(effect.worker);
    if (process == nullptr) return {};
    const cpu::Seat former = std::exchange(process->seat, effect.seat);
    auto& slot = slot_state(effect.worker);
    // First wider, then there, then narrower: at no time has it no CPU.
    PINION_CHECK(confine(slot, effect.seat, former));
    if (!process->reaped && !effect.seat.mask.empty()) PINION_CHECK(cpu::pin_process(process->pid, effect.seat.mask));
    return confine(slot, effect.seat, effect.seat);
}

}  // namespace pinion::daemon
