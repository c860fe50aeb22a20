// SPDX-License-Identifier: Apache-2.0
#include "ctl/placement_now.h"

#include <algorithm>

#include "cpu/reason.h"
#include "cpu/universe.h"
#include "ctl/configuration.h"

namespace pinion::ctl {

PlacementNow placement_of(const Snapshot& running, const config::Config& config, Machine machine) {
    PlacementNow now{.universe = universe_of(config, machine),
                     .requests = requests_of(config),
                     .ledger = ledger_of(running, config)};
    now.machine = std::move(machine);
    now.plan = plan_of(running, {});
    for (const cpu::PoolSeats& pool : now.plan.pools)
        for (const cpu::Seat& seat : pool.seats)
            now.universe.allowed |= now.machine.topology.root.cpus & (seat.cpus | seat.mask);
    now.plan = plan_of(running, cpu::resolve(now.machine.topology, now.universe).cpus);
    for (cpu::PoolRequest& request : now.requests) {
        // What an operator scaled the pool to, or its file says by now.
        const cpu::PoolSeats* const seats = now.plan.find(request.pool);
        if (seats != nullptr && !request.workers.automatic && !request.workers.per)
            request.workers.number = static_cast<std::uint32_t>(seats->seats.size());
    }
    return now;
}

namespace {

std::string configuration_of(Client& client, const Context& context) {
    if (!context.global.config.empty()) return context.global.config;
    const auto stats = client.stats();
    const wire::Json* path = stats ? stats->find("config") : nullptr;
    const std::string* text = path == nullptr ? nullptr : path->as_string();
    return text == nullptr ? std::string() : *text;
}

}  // namespace

Answer<PlacementNow> read_placement(Client& client, const Snapshot& running, const Context& context) {
    auto machine = find_machine(this_machine);
    if (!machine) return refuse(Exit::failed, machine.error().message);
    const auto config = config::load(load_options(configuration_of(client, context), false));
    return placement_of(running, config ? *config : config::Config{}, std::move(*machine));
}

std::vector<std::string> seat_sentences(const PlacementNow& now, const std::string& pool, std::uint32_t slot) {
    const auto reason =
        cpu::find_reason({now.machine.topology, now.universe, now.requests, now.ledger, now.plan}, pool, slot);
    return reason ? cpu::sentences(*reason) : std::vector<std::string>{};
}

}  // namespace pinion::ctl
