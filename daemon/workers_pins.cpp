// SPDX-License-Identifier: Apache-2.0
// How workers are kept on their CPUs: cpusets of their own, masks, and a look at what is in force.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "cpu/machine.h"
#include "daemon/workers.h"
#include "daemon/workers_parts.h"

namespace pinion::daemon {

using namespace supervise;

namespace {

constexpr int max_passes = 16;  // over a tree that forks faster than it is pinned; the audit looks again

}  // namespace

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
            kept = pin_all(*slot.process, slot);
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
    if (!process->reaped && !effect.seat.mask.empty()) PINION_CHECK(pin_all(*process, slot));
    return confine(slot, effect.seat, effect.seat);
}

process::TreeMembers Workers::look_for_orphans() const {
    return options_.cgroups ? process::TreeMembers() : process::TreeMembers(known_);
}

std::vector<pid_t> Workers::tree_of(const Process& process, const SlotState& slot,
                                    const process::TreeMembers& orphans) const {
    if (!slot.cgroup) return orphans.of(tag_of(process));
    std::vector<pid_t> members = slot.cgroup->members();
    const auto leader = std::ranges::find(members, process.pid);
    if (leader != members.end()) members.erase(leader);
    members.insert(members.begin(), process.pid);
    return members;
}

std::vector<pid_t> Workers::processes_of(const WorkerId& worker, const process::TreeMembers& orphans) const {
    if (!pin_of(worker)) return {};
    const SlotState& slot = slots_.at({worker.pool, worker.slot.value});
    return tree_of(*slot.process, slot, orphans);
}

Result<void> Workers::pin_tree(const WorkerId& worker) {
    const Process* process = find_settled(worker);
    if (process == nullptr || process->reaped) return fail_errno(ESRCH, "pin " + slot_name(worker.pool, worker.slot));
    if (process->seat.mask.empty()) return {};
    return pin_all(*process, slot_state(worker));
}

// What is forked meanwhile has its parent's mask: where a look finds nobody new, nobody is left to fork with the old
// one.
Result<void> Workers::pin_all(const Process& process, const SlotState& slot) const {
    std::set<pid_t> pinned;
    for (int pass = 0; pass < max_passes; ++pass) {
        bool found_new = false;
        for (const pid_t pid : tree_of(process, slot, look_for_orphans())) {
            if (!pinned.insert(pid).second) continue;
            found_new = true;
            auto result = cpu::pin_process(pid, process.seat.mask);
            if (!result && (pid == process.pid || result.error().code != ESRCH)) return result;
        }
        if (!found_new) return {};
    }
    return fail("pin the processes of " + slot_name(process.worker.pool, process.worker.slot) +
                ": they come faster than they can be pinned");
}

}  // namespace pinion::daemon
