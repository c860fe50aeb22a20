// SPDX-License-Identifier: Apache-2.0
// Which CPUs pools may use: what the kernel allows, what `machine` says, and what is kept free.
#include "cpu/universe.h"

#include <gtest/gtest.h>

#include "cpu/machine.h"
#include "machines.h"

namespace pinion::cpu::testing {
namespace {

std::string usable(const Topology& topology, const MachineSpec& machine, const std::string& isolated = "") {
    Universe universe = all_of(topology);
    universe.machine = machine;
    universe.isolated = cpus(isolated);
    return resolve(topology, universe).cpus.to_list();
}

TEST(Universe, PlacesAreCountedInLogicalOrder) {
    EXPECT_EQ(usable(t2(), {.cpus = CpuScope({}, {{CpuLevel::numa, 1}})}), "1,3,5,7,9,11,13,15");
    EXPECT_EQ(usable(t2(), {.cpus = CpuScope(cpus("1"), {{CpuLevel::core, 3}})}), "1,6,14");
    EXPECT_EQ(usable(t3(), {.cpus = CpuScope({}, {{CpuLevel::l3, 7}})}), "28-31,60-63");
    EXPECT_EQ(usable(t2(), {.cpus = CpuScope(cpus("0"), {{CpuLevel::package, 2}})}), "0");
}

TEST(Universe, AReserveForEachNodeTakesItsFirstCores) {
    EXPECT_EQ(usable(t2(), {.reserve_cores = 1, .reserve_per = CpuLevel::numa}), "2-7,10-15");
    EXPECT_EQ(usable(t3(), {.reserve_cores = 3, .reserve_per = CpuLevel::l3}),
              "3,7,11,15,19,23,27,31,35,39,43,47,51,55,59,63");
}

TEST(Universe, IsolatedCpusAreUsedOnlyWhereAskedFor) {
    EXPECT_EQ(usable(t1(), {}, "3,7"), "0-2,4-6");
    EXPECT_EQ(usable(t1(), {.isolated = MachineSpec::Isolated::allow}, "3,7"), "0-7");
    EXPECT_EQ(usable(t1(), {.isolated = MachineSpec::Isolated::only}, "3,7"), "3,7");
}

TEST(Universe, HalfCoresCanBeForbidden) {
    MachineSpec machine{.cpus = CpuScope(cpus("0-2,4,6")), .half_cores = false};
    EXPECT_EQ(usable(t1(), machine), "0,2,4,6");
    machine.reserve_cpus = cpus("4");
    EXPECT_EQ(usable(t1(), machine), "2,6");
    // A sibling that is offline makes no half core.
    EXPECT_EQ(usable(restricted(t1(), cpus("0-6")), {.half_cores = false}), "0-6");
}

TEST(Universe, TheInheritedMaskBoundsUnlessIgnored) {
    const MachineLimits limits{.inherited = cpus("0-3"), .effective = cpus("0-5"), .isolated = {}, .quota = 2.5};
    EXPECT_EQ(universe_of(limits, t1(), {}).allowed.to_list(), "0-3");
    EXPECT_EQ(universe_of(limits, t1(), {.inherited_mask = false}).allowed.to_list(), "0-5");
    EXPECT_EQ(universe_of(limits, t1(), {}).quota, 2.5);
    EXPECT_EQ(universe_of({.inherited = cpus("0-3,99")}, t1(), {}).allowed.to_list(), "0-3");
}

TEST(Universe, IsolatedCpusAreNotInAnInheritedMask) {
    const MachineLimits limits{.inherited = cpus("0-5"), .effective = {}, .isolated = cpus("6-7"), .quota = {}};
    EXPECT_EQ(universe_of(limits, t1(), {.isolated = MachineSpec::Isolated::allow}).allowed.to_list(), "0-7");
    EXPECT_EQ(universe_of(limits, t1(), {}).allowed.to_list(), "0-5");
    EXPECT_EQ(universe_of(limits, t1(), {.isolated = MachineSpec::Isolated::only}).isolated.to_list(), "6-7");
}

TEST(Universe, KindsAreOfferedFastestFirst) {
    const auto parts = [](const CpuSet& of, CpuExclusive::Kind kind) {
        std::string text;
        for (const CpuSet& part : kinds_of(t5(), of, kind)) text += "[" + part.to_list() + "]";
        return text;
    };
    const CpuSet all = t5().root.cpus;
    EXPECT_EQ(parts(all, CpuExclusive::Kind::performance), "[0-1,8-9,16-17,24-25]");
    EXPECT_EQ(parts(all, CpuExclusive::Kind::efficiency), "[32,34,36,38,40,42,44,46]");
    EXPECT_EQ(parts(all, CpuExclusive::Kind::any), "[0-1,8-9,16-17,24-25][32,34,36,38,40,42,44,46]");
    // Where the fast ones are not ours, the others are the fastest.
    EXPECT_EQ(parts(cpus("32,34"), CpuExclusive::Kind::performance), "[32,34]");
}

}  // namespace
}  // namespace pinion::cpu::testing
