// SPDX-License-Identifier: Apache-2.0
#include "ctl/placement_now.h"

#include <algorithm>

#include "cpu/reason.h"
#include "cpu/universe.h"
#include "ctl/configuration.h"

namespace pinion::ctl {

PlacementNow placement_of(const Snapshot& running, const config::Config& config, Machine machine,
                          const std::optional<DaemonCpus>& cpus) {
    PlacementNow now{.universe = universe_of(config, machine),
                     .requests = requests_of(config),
                     .ledger = ledger_of(running, config)};
    now.machine = std::move(machine);
    if (cpus) {
        now.universe.allowed = cpus->allowed;
        now.universe.machine.reserve_cores = 0;
        now.universe.machine.reserve_per = std::nullopt;
        now.universe.machine.reserve_cpus = cpus->reserved;
    }
    for (const WorkerRow& worker : running.workers)
        if (const auto origin = cpu::find_origin(worker.origin))
            now.origins.emplace(std::pair(worker.pool, static_cast<std::uint32_t>(worker.slot)), *origin);
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

const std::string* find_text(const wire::Json& json, const char* name) {
    const wire::Json* const value = json.find(name);
    return value == nullptr ? nullptr : value->as_string();
}

std::optional<CpuSet> find_cpus(const wire::Json& json, const char* name) {
    const std::string* const list = find_text(json, name);
    if (list == nullptr) return std::nullopt;
    const auto cpus = CpuSet::parse(*list);
    return cpus ? std::optional(*cpus) : std::nullopt;
}

// Nothing of a daemon that does not tell yet.
std::optional<DaemonCpus> cpus_of(const wire::Json& stats) {
    auto allowed = find_cpus(stats, "cpus_allowed");
    auto reserved = find_cpus(stats, "cpus_reserved");
    if (!allowed || allowed->empty() || !reserved) return std::nullopt;
    return DaemonCpus{*std::move(allowed), *std::move(reserved)};
}

}  // namespace

Answer<PlacementNow> read_placement(Client& client, const Snapshot& running, const Context& context) {
    auto machine = find_machine(this_machine);
    if (!machine) return refuse(Exit::failed, machine.error().message);
    const auto answer = client.stats();
    const wire::Json stats = answer ? *answer : wire::Json::object();
    const std::string* const path = find_text(stats, "config");
    const std::string used = path == nullptr ? "" : *path;
    const auto config = config::load(load_options(context.global.config.empty() ? used : context.global.config, false));
    return placement_of(running, config ? *config : config::Config{}, std::move(*machine), cpus_of(stats));
}

std::vector<std::string> seat_sentences(const PlacementNow& now, const std::string& pool, std::uint32_t slot) {
    auto reason =
        cpu::find_reason({now.machine.topology, now.universe, now.requests, now.ledger, now.plan}, pool, slot);
    if (!reason) return {};
    if (const auto origin = now.origins.find({pool, slot}); origin != now.origins.end())
        reason->origin = origin->second;
    return cpu::sentences(*reason);
}

}  // namespace pinion::ctl
