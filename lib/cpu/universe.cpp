// SPDX-License-Identifier: Apache-2.0
#include "cpu/universe.h"

#include <algorithm>

#include "base/text.h"
#include "cpu/domain.h"
#include "model/limits.h"

namespace pinion::cpu {
namespace {

constexpr std::uint32_t boot_cpu = 0;

CpuSet reserve_cores(const Topology& topology, const CpuSet& base, std::uint32_t wanted) {
    CpuSet reserved;
    std::uint32_t taken = 0;
    const auto take = [&](const CpuSet& core) {
        if (taken >= wanted || !core.intersects(base) || core.intersects(reserved)) return;
        reserved |= core & base;
        ++taken;
    };
    for (const CpuSet& core : topology.cores)
        if (core.contains(boot_cpu)) take(core);
    for (const CpuSet& core : topology.cores) take(core);
    return reserved;
}

CpuSet reserved_of(const Topology& topology, const CpuSet& base, const MachineSpec& machine) {
    if (machine.reserve_cpus) return base & *machine.reserve_cpus;
    if (!machine.reserve_per) return reserve_cores(topology, base, machine.reserve_cores);
    CpuSet reserved;
    for (const CpuSet& domain : domains_of(topology, *machine.reserve_per))
        reserved |= reserve_cores(topology, base & domain, machine.reserve_cores);
    return reserved;
}

CpuSet half_cores(const Topology& topology, const CpuSet& ours) {
    CpuSet halves;
    for (const CpuSet& core : topology.cores)
        if (core.intersects(ours) && !core.is_subset_of(ours)) halves |= core & ours;
    return halves;
}

void collect_domains(const Domain& domain, DomainType type, std::vector<CpuSet>& found) {
    if (has_type(domain, type)) found.push_back(domain.cpus);
    for (const Domain& child : domain.children) collect_domains(child, type, found);
}

void collect_threads(const Domain& domain, std::vector<std::uint32_t>& cpus) {
    if (domain.children.empty())
        for (const std::uint32_t cpu : domain.cpus.members()) cpus.push_back(cpu);
    for (const Domain& child : domain.children) collect_threads(child, cpus);
}

}  // namespace

UsableCpus resolve(const Topology& topology, const Universe& universe) {
    const MachineSpec& machine = universe.machine;
    UsableCpus usable;
    usable.base = topology.root.cpus & universe.allowed;
    if (machine.cpus) usable.base &= cpus_of(topology, *machine.cpus);
    if (machine.isolated == MachineSpec::Isolated::skip) usable.base -= universe.isolated;
    if (machine.isolated == MachineSpec::Isolated::only) usable.base &= universe.isolated;
    if (!machine.half_cores) usable.base -= half_cores(topology, usable.base);
    usable.reserved = reserved_of(topology, usable.base, machine);
    if (!machine.half_cores) usable.reserved |= half_cores(topology, usable.base - usable.reserved);
    usable.reserved |= usable.base & universe.closed;
    usable.cpus = usable.base - usable.reserved;
    return usable;
}

DomainType type_of(CpuLevel level) noexcept {
    switch (level) {
        case CpuLevel::core: return DomainType::core;
        case CpuLevel::l3: return DomainType::l3;
        case CpuLevel::numa: return DomainType::numa;
        case CpuLevel::package: break;
    }
    return DomainType::package;
}

std::string noun_of(CpuLevel level) {
    switch (level) {
        case CpuLevel::core: return "core";
        case CpuLevel::l3: return "L3 cache";
        case CpuLevel::numa: return "NUMA node";
        case CpuLevel::package: break;
    }
    return "package";
}

std::string word_of(CpuLevel level) { return to_string(type_of(level)); }

std::vector<CpuSet> domains_of(const Topology& topology, CpuLevel level) {
    if (!topology.places.of(level).empty()) return topology.places.of(level);
    if (level == CpuLevel::core) return topology.cores;
    std::vector<CpuSet> found;
    collect_domains(topology.root, type_of(level), found);
    return found;
}

CpuSet cpus_of(const Topology& topology, const CpuScope& scope) {
    CpuSet cpus = scope.cpus;
    for (const CpuPlace& place : scope.places) {
        const std::vector<CpuSet> domains = domains_of(topology, place.level);
        if (place.index < domains.size()) cpus |= domains[place.index];
    }
    return cpus;
}

std::string to_string(const CpuScope& scope) {
    std::vector<std::string> parts;
    for (const CpuPlace& place : scope.places)
        parts.push_back(word_of(place.level) + ":" + std::to_string(place.index));
    if (!scope.cpus.empty()) parts.push_back("CPUs '" + scope.cpus.to_list() + "'");
    return join(parts, " + ");
}

const CpuPlace* find_missing(const Topology& topology, const CpuScope& scope) noexcept {
    for (const CpuPlace& place : scope.places)
        if (place.index >= domains_of(topology, place.level).size()) return &place;
    return nullptr;
}

CpuSet fastest_kind(const Topology& topology, const CpuSet& cpus) {
    if (topology.kinds.size() > 1)
        for (auto kind = topology.kinds.rbegin(); kind != topology.kinds.rend(); ++kind)
            if (kind->cpus.intersects(cpus)) return kind->cpus;
    return topology.root.cpus;  // not hybrid, or CPUs of no known kind
}

std::vector<CpuSet> kinds_of(const Topology& topology, const CpuSet& cpus, CpuExclusive::Kind kind) {
    if (topology.kinds.size() < 2) return {cpus};
    const CpuSet fastest = fastest_kind(topology, cpus);
    if (kind == CpuExclusive::Kind::performance) return {cpus & fastest};
    std::vector<CpuSet> parts;
    CpuSet rest = cpus;
    for (auto known = topology.kinds.rbegin(); known != topology.kinds.rend(); ++known) {
        rest -= known->cpus;
        if (kind == CpuExclusive::Kind::efficiency && known == topology.kinds.rbegin()) continue;
        if (known->cpus.intersects(cpus)) parts.push_back(known->cpus & cpus);
    }
    if (kind == CpuExclusive::Kind::any && !rest.empty()) parts.push_back(rest);
    return parts;
}

CpuSet whole_cores(const Topology& topology, const CpuSet& cpus) {
    CpuSet whole;
    for (const CpuSet& core : topology.cores)
        if (core.intersects(cpus)) whole |= core;
    return whole;
}

CpuSet first_threads(const Topology& topology, const CpuSet& cpus) {
    std::vector<std::uint32_t> order;
    collect_threads(topology.root, order);
    std::vector<std::uint32_t> rank(limits::max_cpus);
    for (std::uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
    CpuSet chosen;
    for (const CpuSet& core : topology.cores) {
        const std::vector<std::uint32_t> ours = (core & cpus).members();
        if (!ours.empty())
            chosen.add(*std::ranges::min_element(ours, {}, [&](std::uint32_t cpu) { return rank[cpu]; }));
    }
    return chosen;
}

}  // namespace pinion::cpu
