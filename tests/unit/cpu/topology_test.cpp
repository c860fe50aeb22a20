// SPDX-License-Identifier: Apache-2.0
#include "cpu/topology.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cpu/kinds.h"
#include "machines.h"

namespace pinion::cpu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string types(const Domain& domain) {
    std::string text;
    for (const DomainType type : domain.types) text += (text.empty() ? "" : "+") + std::string(to_string(type));
    return text;
}

TEST(Topology, DomainsWithEqualCpusAreMerged) {
    const Topology machine = t2();
    EXPECT_EQ(types(machine.root), "machine");
    ASSERT_EQ(machine.root.children.size(), 2U);
    const Domain& package = machine.root.children[1];
    EXPECT_EQ(types(package), "package+numa+l3");
    EXPECT_EQ(package.cpus, cpus("1,3,5,7,9,11,13,15"));
    EXPECT_THAT(package.numa_nodes, ElementsAre(1));
    ASSERT_EQ(package.children.size(), 4U);
    EXPECT_EQ(types(package.children[0]), "core");
    EXPECT_EQ(package.children[0].cpus, cpus("1,9"));
    EXPECT_EQ(types(package.children[0].children[1]), "pu");
    EXPECT_EQ(machine.cores.size(), 8U);
    EXPECT_EQ(machine.cores[1], cpus("2,10"));
}

TEST(Topology, ASingleCpuIsAMachine) {
    const Topology machine = synthetic("pu:1");
    EXPECT_EQ(machine.root.cpus, cpus("0"));
    EXPECT_TRUE(machine.root.children.empty());
    EXPECT_THAT(machine.cores, ElementsAre(cpus("0")));
    EXPECT_TRUE(machine.kinds.empty());
}

TEST(Topology, ABadDescriptionIsAnError) {
    for (const char* text : {"", "package", "package:2 nonsense:4", "pu:0"}) {
        const auto topology = from_synthetic(text);
        ASSERT_FALSE(topology) << text;
        EXPECT_THAT(topology.error().message, HasSubstr("build the topology '" + std::string(text) + "'"));
    }
}

TEST(Topology, ABadFileIsAnError) {
    const auto missing = from_xml("/nonexistent/machine.xml");
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message, HasSubstr("no such file"));

    std::string name = std::filesystem::temp_directory_path() / "pinion-topology-XXXXXX";
    const int file = mkstemp(name.data());
    ASSERT_GE(file, 0);
    EXPECT_EQ(write(file, "hello", 5), 5);
    close(file);
    const auto junk = from_xml(name);
    std::filesystem::remove(name);
    ASSERT_FALSE(junk);
    EXPECT_THAT(junk.error().message, HasSubstr("read the topology '" + name + "'"));
}

TEST(Topology, RestrictionDropsWhatIsEmptyAndMergesWhatBecameEqual) {
    const Topology cut = restricted(t2(), cpus("0,2,10"));
    EXPECT_EQ(types(cut.root), "machine+package+numa+l3");
    EXPECT_THAT(cut.root.numa_nodes, ElementsAre(0));
    ASSERT_EQ(cut.root.children.size(), 2U);
    EXPECT_EQ(types(cut.root.children[0]), "core+pu");
    EXPECT_EQ(types(cut.root.children[1]), "core");
    EXPECT_THAT(cut.cores, ElementsAre(cpus("0"), cpus("2,10")));
    EXPECT_TRUE(restricted(t2(), {}).root.children.empty());
    EXPECT_EQ(restricted(t2(), t2().root.cpus), t2());
}

TEST(Topology, LevelsAreOrderedByWhatEnclosesWhat) {
    const LevelOrder usual(t3().root);
    EXPECT_LT(usual.of(DomainType::numa), usual.of(DomainType::l3));
    EXPECT_LT(usual.of(DomainType::l3), usual.of(DomainType::core));
    EXPECT_EQ(usual.of(t3().root.children[0]), usual.of(DomainType::numa));
    // A cache that spans two memory nodes.
    const LevelOrder clustered(synthetic("package:2 l3:1 group:2 [numa] core:2 pu:1").root);
    EXPECT_LT(clustered.of(DomainType::l3), clustered.of(DomainType::numa));
}

TEST(Kinds, SmallDifferencesMakeNoKind) {
    EXPECT_TRUE(fold_kinds({}).empty());
    EXPECT_TRUE(fold_kinds({{cpus("0-7"), 0, "", 3000}}).empty());
    EXPECT_TRUE(fold_kinds({{cpus("0-3"), 0, "", 800}, {cpus("4-7"), 1, "", 1000}}).empty());
    EXPECT_EQ(fold_kinds({{cpus("0-3"), 0, "", 799}, {cpus("4-7"), 1, "", 1000}}),
              (std::vector<CpuKind>{{cpus("0-3")}, {cpus("4-7")}}));
}

TEST(Kinds, ACoreTypeIsAKindAndFavouredCoresAreNot) {
    EXPECT_EQ(fold_kinds({{cpus("8-11"), 2, "IntelCore", 5200},
                          {cpus("0-7"), 1, "IntelCore", 5000},
                          {cpus("12-15"), 0, "IntelAtom", 4900}}),
              (std::vector<CpuKind>{{cpus("12-15")}, {cpus("0-11")}}));
}

TEST(Kinds, WithoutAnOrderOfSpeedThereAreNone) {
    EXPECT_TRUE(fold_kinds({{cpus("0-3"), -1, "A", 0}, {cpus("4-7"), -1, "B", 0}}).empty());
    EXPECT_EQ(fold_kinds({{cpus("0-3"), -1, "", 1024}, {cpus("4-7"), -1, "", 400}}),
              (std::vector<CpuKind>{{cpus("4-7")}, {cpus("0-3")}}));
}

}  // namespace
}  // namespace pinion::cpu::testing
