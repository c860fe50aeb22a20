// SPDX-License-Identifier: Apache-2.0
#include "ctl/planning.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <variant>

#include "base/fd.h"
#include "base/text.h"

namespace pinion::ctl {

namespace {

constexpr std::size_t max_list_bytes = 65536;

CpuSet read_list(const char* path) {
    const auto text = read_file(path, max_list_bytes);
    if (!text) return {};
    return CpuSet::parse(*text).value_or(CpuSet{});
}

bool is_exclusive(const CpuRequest& request) {
    return std::holds_alternative<CpuExclusive>(request) || std::holds_alternative<CpuSeats>(request);
}

CpuSet cpus_of(const std::string& list) { return CpuSet::parse(list).value_or(CpuSet{}); }

std::vector<std::uint32_t> numbers_of(const std::string& list) {
    std::vector<std::uint32_t> numbers;
    for (std::string_view part : split(list, ','))
        if (const auto number = parse_integer(part); number && *number >= 0)
            numbers.push_back(static_cast<std::uint32_t>(*number));
    return numbers;
}

}  // namespace

Result<Machine> find_machine(const std::string& described) {
    if (described.empty() || described == this_machine) {
        PINION_TRY(topology, cpu::read_machine());
        PINION_TRY(limits, cpu::read_limits());
        Machine machine{.described = "", .topology = std::move(topology), .limits = std::move(limits)};
        // What the kernel has, less what runs: a system that does not tell has nothing offline.
        machine.offline = read_list("/sys/devices/system/cpu/present") - read_list("/sys/devices/system/cpu/online");
        return machine;
    }
    const bool file = described.ends_with(".xml") || ::access(described.c_str(), R_OK) == 0;
    PINION_TRY(topology, file ? cpu::from_xml(described) : cpu::from_synthetic(described));
    const CpuSet all = topology.root.cpus;
    return Machine{.described = described, .topology = std::move(topology), .limits = {.inherited = all}};
}

std::vector<cpu::PoolRequest> requests_of(const config::Config& config) {
    std::vector<cpu::PoolRequest> requests;
    for (const auto& [name, spec] : config.pools())
        requests.push_back({.pool = name, .workers = spec->workers, .cpu = spec->cpu});
    return requests;
}

cpu::Universe universe_of(const config::Config& config, const Machine& machine) {
    return cpu::universe_of(machine.limits, machine.topology, config.machine());
}

cpu::Ledger ledger_of(const Snapshot& running, const config::Config& config) {
    cpu::Ledger ledger;
    for (const WorkerRow& worker : running.workers) {
        const auto spec = config.pools().find(worker.pool);
        if (spec == config.pools().end()) continue;
        const CpuSet seat = cpus_of(worker.seat);
        const CpuSet home = cpus_of(worker.home);
        const auto slot = static_cast<std::uint32_t>(worker.slot);
        const bool exclusive = is_exclusive(spec->second->cpu);
        if (!home.empty() && home != seat) ledger.push_back({worker.pool, slot, home, exclusive});
        if (!seat.empty()) ledger.push_back({worker.pool, slot, seat, exclusive});
    }
    return ledger;
}

cpu::Plan plan_of(const Snapshot& running, const CpuSet& usable) {
    std::map<std::string, cpu::PoolSeats> pools;
    for (const PoolRow& pool : running.pools) pools[pool.name].pool = pool.name;
    cpu::Plan plan;
    plan.shared = usable;
    for (const WorkerRow& worker : running.workers) {
        const auto pool = pools.find(worker.pool);
        if (pool == pools.end()) continue;
        cpu::Seat& seat = pool->second.seats.emplace_back();
        seat.slot = static_cast<std::uint32_t>(worker.slot);
        seat.cpus = cpus_of(worker.seat);
        seat.mask = cpus_of(worker.mask.empty() ? worker.cpus : worker.mask);
        seat.nodes = numbers_of(worker.nodes);
        seat.exclusive = worker.exclusive;
        if (seat.exclusive) plan.shared -= seat.cpus;
    }
    for (auto& [name, pool] : pools) {
        std::ranges::sort(pool.seats, {}, &cpu::Seat::slot);
        plan.pools.push_back(std::move(pool));
    }
    return plan;
}

}  // namespace pinion::ctl
