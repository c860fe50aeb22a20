// SPDX-License-Identifier: Apache-2.0
#include "daemon/placement.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ids.h"

namespace pinion::daemon {

Result<Machine> read_machine() {
    const MonotonicTime began = MonotonicClock::now();
    PINION_TRY(topology, cpu::read_machine());
    PINION_TRY(limits, cpu::read_limits());
    return Machine{.topology = std::move(topology), .limits = std::move(limits), .read_at = began};
}

Machine later_of(const Machine& in_force, Machine found) {
    if (found.read_at >= in_force.read_at) return found;
    Machine later = in_force;
    later.foreign = std::move(found.foreign);
    return later;
}

Scales surviving(Scales scales, const std::vector<config::Change>& changes) {
    for (const auto& change : changes) {
        const bool recounted = std::ranges::find(change.fields, "workers") != change.fields.end();
        if (recounted || change.kind == config::ChangeKind::removed) scales.erase(change.pool);
    }
    return scales;
}

namespace {

cpu::Universe universe_of(const config::Config& config, const Machine& machine) {
    return cpu::universe_of(machine.limits, machine.topology, config.machine());
}

std::string cpus(const CpuSet& set) { return (set.count() == 1 ? "CPU " : "CPUs ") + set.to_list(); }

}  // namespace

cpu::Kept plan_for(const config::Config& config, const Scales& scales, const Ground& ground,
                   const std::vector<config::Change>& changes) {
    std::vector<cpu::PoolRequest> requests;
    requests.reserve(config.pools().size());
    for (const auto& [name, spec] : config.pools()) {
        WorkerCount workers = spec->workers;
        const auto* counted = ground.counts != nullptr ? ground.counts->find(name) : nullptr;
        if (counted != nullptr && (workers.automatic || workers.per))
            workers = {false, static_cast<std::uint32_t>(counted->seats.size())};
        if (const auto scaled = scales.find(name); scaled != scales.end()) workers = {false, scaled->second};
        requests.push_back({name, workers, spec->cpu});
    }
    std::set<std::string> reshaped;
    for (const auto& change : changes)
        if (std::ranges::any_of(change.fields, [](const auto& field) { return field.starts_with("cpu"); }))
            reshaped.insert(change.pool);
    const cpu::Universe universe = universe_of(config, ground.machine);
    return cpu::keep_seats({.topology = ground.machine.topology,
                            .universe = universe,
                            .requests = requests,
                            .earlier = ground.seats,
                            .go_home = ground.go_home,
                            .reshaped = std::move(reshaped)});
}

cpu::Kept plan_again(const config::Config& config, const CpuSet& reserved, const Ground& ground) {
    std::vector<cpu::PoolRequest> requests;
    for (const auto& pool : ground.counts->pools) {
        const auto spec = config.pools().find(pool.pool);
        if (spec == config.pools().end()) continue;
        requests.push_back({pool.pool, {false, static_cast<std::uint32_t>(pool.seats.size())}, spec->second->cpu});
    }
    cpu::Universe universe = universe_of(config, ground.machine);
    universe.machine.reserve_cores = 0;
    universe.machine.reserve_per = std::nullopt;
    universe.machine.reserve_cpus = reserved;
    return cpu::keep_seats({.topology = ground.machine.topology,
                            .universe = universe,
                            .requests = requests,
                            .earlier = ground.seats,
                            .go_home = ground.go_home,
                            .unasked = true});
}

cpu::UsableCpus usable_cpus(const config::Config& config, const Machine& machine) {
    return cpu::resolve(machine.topology, universe_of(config, machine));
}

CpuSet allowed_cpus(const config::Config& config, const Machine& machine) {
    return universe_of(config, machine).allowed;
}

std::string error_of(const cpu::Plan& plan, const std::string& pool) {
    for (const auto& error : plan.errors)
        if (error.pool == pool || error.pool.empty()) return cpu::to_string(error);
    return "";
}

std::string away_note(const cpu::KeptSeat& kept, const cpu::Seat& seat) {
    if (kept.at_home() && !seat.parked) return "";
    if (seat.parked) return "stopped until " + cpus(kept.home) + " are back";
    if (seat.cpus.empty()) return "shares " + cpus(seat.mask) + " until " + kept.home.to_list() + " are back";
    if (seat.cpus.is_subset_of(kept.home)) return "keeps " + cpus(seat.cpus) + " of " + kept.home.to_list();
    return "sits on " + seat.cpus.to_list() + " until " + kept.home.to_list() + " are back";
}

Displacement displacement(const cpu::KeptSeat* before, const cpu::KeptSeat& after, const cpu::Seat& seat) {
    const std::string name = slot_name(after.pool, Slot{after.slot});
    if (after.at_home()) {
        const bool returned = before != nullptr && !before->at_home() && before->home == after.home;
        if (!returned) return {};
        return {true, fmt::format("{}: back on its own seat, {}", name, cpus(after.home))};
    }
    if (before != nullptr && before->seat == after.seat && before->home == after.home) return {};
    return {false, fmt::format("{}: {} of its seat {} gone: it {}{}", name, cpus(after.home - after.seat),
                               (after.home - after.seat).count() == 1 ? "is" : "are", seat.parked ? "is " : "",
                               away_note(after, seat))};
}

}  // namespace pinion::daemon
