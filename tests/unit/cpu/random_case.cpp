// SPDX-License-Identifier: Apache-2.0
#include "random_case.h"

namespace pinion::cpu::testing {
namespace {

CpuScope random_scope(Random& random, const Topology& topology) {
    if (random.one_in(3)) return CpuScope(topology.root.cpus - random.some_of(topology.root.cpus, 3));
    return {{}, {{static_cast<CpuLevel>(random.between(1, 3)), random.below(3)}}};
}

Universe random_universe(Random& random, const Topology& topology) {
    Universe universe = all_of(topology);
    MachineSpec& machine = universe.machine;
    if (random.one_in(3)) universe.allowed -= random.some_of(universe.allowed, 4);
    if (random.one_in(8)) universe.isolated = random.some_of(topology.root.cpus, 5);
    if (random.one_in(16)) machine.isolated = MachineSpec::Isolated::allow;
    if (random.one_in(4)) machine.cpus = topology.root.cpus - random.some_of(topology.root.cpus, 6);
    if (random.one_in(8)) machine.cpus = random_scope(random, topology);
    if (random.one_in(3)) machine.reserve_cores = random.between(0, 2);
    if (random.one_in(8)) machine.reserve_per = CpuLevel::numa;
    if (random.one_in(5)) machine.reserve_cpus = random.some_of(topology.root.cpus, 5);
    if (random.one_in(6)) machine.half_cores = false;
    if (random.one_in(4)) universe.quota = 0.25 * random.between(1, 40);
    return universe;
}

// With all that a block can say, each at times.
CpuExclusive random_block(Random& random, const Topology& topology) {
    CpuExclusive seat = random_seat(random);
    if (random.one_in(6)) {
        seat.unit = static_cast<Unit>(random.between(2, 4));
        seat.count = 1;
    }
    if (random.one_in(5) && seat.unit != Unit::threads) seat.smt = CpuExclusive::Smt::one;
    if (random.one_in(3)) seat.kind = static_cast<CpuExclusive::Kind>(random.below(3));
    if (random.one_in(3)) seat.within = random_scope(random, topology);
    if (random.one_in(5)) seat.require = static_cast<CpuLevel>(random.below(4));
    if (random.one_in(6)) seat.keep_out = static_cast<CpuLevel>(random.below(4));
    if (random.one_in(4)) seat.bind = static_cast<CpuExclusive::Bind>(random.below(6));
    if (random.one_in(5)) seat.oversubscribe = static_cast<CpuExclusive::Oversubscribe>(random.below(3));
    return seat;
}

CpuRequest random_cpu(Random& random, const Topology& topology) {
    switch (random.below(8)) {
        case 0: return CpuAuto{};
        case 1: return CpuNone{};
        case 2: {
            CpuSeats given;
            for (std::uint32_t i = random.between(1, 3); i > 0; --i)
                given.seats.push_back(random.some_of(topology.root.cpus, 6));
            return given;
        }
        case 3:
        case 4: return random_seat(random);
        default: return random_block(random, topology);
    }
}

WorkerCount random_workers(Random& random, const CpuRequest& cpu) {
    if (random.one_in(6)) return {.automatic = true, .most = random.one_in(4) ? std::optional(3U) : std::nullopt};
    if (random.one_in(8) && !std::holds_alternative<CpuSeats>(cpu))
        return {.number = random.below(3), .per = static_cast<CpuLevel>(random.between(1, 3))};
    return {.number = random.below(7)};
}

Topology exported(const std::string& name) {
    auto topology = from_xml(PINION_SOURCE_DIR "/tests/unit/cpu/data/" + name);
    EXPECT_TRUE(topology) << topology.error().message;
    return topology.value_or(Topology{});
}

}  // namespace

const std::vector<Topology>& machines() {
    static const std::vector<Topology> all{
        t1(),
        t2(),
        t3(),
        t5(),
        synthetic("pu:1"),
        synthetic("core:1 pu:2"),
        synthetic("core:2 pu:1"),
        synthetic("core:6 pu:1"),
        synthetic("package:2 l3:2 core:3 pu:2"),
        synthetic("package:2 [numa] l3:4 l2:2 core:2 pu:1"),
        synthetic("package:1 l3:2 [numa] core:5 pu:4"),
        // Nodes within a package, and two numberings that are neither dense nor in order.
        synthetic("package:2 group:2 [numa] l3:1 core:3 pu:2"),
        synthetic("package:2 [numa] l3:2 core:2 pu:2(indexes=0,2,4,6,8,10,12,14,1,3,5,7,9,11,13,15)"),
        restricted(synthetic("package:2 [numa] l3:1 core:8 pu:4"), cpus("0-1,4-5,9-10,20-23,33,40-47,60-63")),
        // Uneven: parts of packages and caches are missing.
        restricted(synthetic("package:3 [numa] l3:2 core:4 pu:2"), cpus("0-9,16-21,24-39,42-43")),
        // The same from a file, as lstopo wrote it: nodes of two and three cores, some of one thread.
        exported("uneven.xml"),
    };
    return all;
}

CpuExclusive random_seat(Random& random) {
    const Unit unit = random.one_in(3) ? Unit::threads : Unit::cores;
    const std::uint32_t count = random.one_in(2) ? 1 : random.between(1, 5);
    return {unit, count, random.one_in(2) ? Place::pack : Place::spread};
}

Case random_case(std::uint64_t seed) {
    Random random(seed);
    Case made{.topology = machines()[random.below(static_cast<std::uint32_t>(machines().size()))],
              .universe = {},
              .requests = {}};
    made.universe = random_universe(random, made.topology);
    for (std::uint32_t i = random.between(1, 5); i > 0; --i) {
        const CpuRequest cpu = random_cpu(random, made.topology);
        made.requests.push_back(pool("p" + std::to_string(i), random_workers(random, cpu), cpu));
    }
    random.shuffle(made.requests);
    return made;
}

}  // namespace pinion::cpu::testing
