// SPDX-License-Identifier: Apache-2.0
#include "daemon/placement.h"

#include <algorithm>

#include "cpu/ledger.h"
#include "cpu/universe.h"

namespace pinion::daemon {

Result<Machine> read_machine() {
    PINION_TRY(topology, cpu::read_machine());
    PINION_TRY(limits, cpu::read_limits());
    return Machine{std::move(topology), std::move(limits)};
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

}  // namespace

cpu::Plan plan_for(const config::Config& config, const Machine& machine, const Scales& scales,
                   const cpu::Ledger& ledger) {
    std::vector<cpu::PoolRequest> requests;
    requests.reserve(config.pools().size());
    for (const auto& [name, spec] : config.pools()) {
        WorkerCount workers = spec->workers;
        if (const auto scaled = scales.find(name); scaled != scales.end()) workers = {false, scaled->second};
        requests.push_back({name, workers, spec->cpu});
    }
    return cpu::plan(machine.topology, universe_of(config, machine), requests, ledger);
}

cpu::Ledger ledger_after(const cpu::Plan& plan, const config::Config& config, const Machine& machine,
                         const cpu::Ledger& earlier) {
    return cpu::next_ledger(earlier, plan, cpu::resolve(machine.topology, universe_of(config, machine)).cpus);
}

std::string error_of(const cpu::Plan& plan, const std::string& pool) {
    for (const auto& error : plan.errors)
        if (error.pool == pool || error.pool.empty()) return cpu::to_string(error);
    return "";
}

}  // namespace pinion::daemon
