// SPDX-License-Identifier: Apache-2.0
#include "cpu/universe.h"

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

}  // namespace

UsableCpus resolve(const Topology& topology, const Universe& universe) {
    UsableCpus usable;
    usable.base = topology.root.cpus & universe.allowed;
    if (universe.machine.cpus) usable.base &= *universe.machine.cpus;
    usable.reserved = universe.machine.reserve_cpus
                          ? usable.base & *universe.machine.reserve_cpus
                          : reserve_cores(topology, usable.base, universe.machine.reserve_cores);
    usable.cpus = usable.base - usable.reserved;
    return usable;
}

CpuSet fastest_kind(const Topology& topology, const CpuSet& cpus) {
    if (topology.kinds.size() > 1)
        for (auto kind = topology.kinds.rbegin(); kind != topology.kinds.rend(); ++kind)
            if (kind->cpus.intersects(cpus)) return kind->cpus;
    return topology.root.cpus;  // not hybrid, or CPUs of no known kind
}

CpuSet whole_cores(const Topology& topology, const CpuSet& cpus) {
    CpuSet whole;
    for (const CpuSet& core : topology.cores)
        if (core.intersects(cpus)) whole |= core;
    return whole;
}

}  // namespace pinion::cpu
