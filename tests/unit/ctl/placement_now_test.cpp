// SPDX-License-Identifier: Apache-2.0
// The machine as the daemon sees it, told by one who may see less of it: what `status --draw` and `explain` are made
// of.
#include "ctl/placement_now.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cpu/universe.h"
#include "ctl_testing.h"
#include "fake_daemon.h"

namespace pinion::ctl {
namespace {

using test::cpus;

// Cores {0,4} {1,5} {2,6} {3,7}, read by a process that may use the first of them only.
Machine narrow_machine() {
    auto topology = cpu::from_synthetic("package:1 l3:1 core:4 pu:2(indexes=2*4:4*1)").value();
    return {.described = "", .topology = std::move(topology), .limits = {.inherited = cpus("0,4")}};
}

Snapshot web_on(const std::string& seat) {
    return {.pools = {{.name = "web"}},
            .workers = {
                {.pool = "web", .slot = 0, .cpus = seat, .seat = seat, .home = seat, .mask = seat, .exclusive = true}}};
}

config::Config configured(const std::string& text) {
    std::string folder = (std::filesystem::temp_directory_path() / "pinion-placement-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) return {};
    const std::string path = folder + "/pinion.yaml";
    std::ofstream(path) << text;
    auto loaded = config::load({.path = path});
    std::filesystem::remove_all(folder);
    EXPECT_TRUE(loaded) << text;
    return loaded ? *std::move(loaded) : config::Config{};
}

CpuSet usable(const PlacementNow& now) { return cpu::resolve(now.machine.topology, now.universe).cpus; }

TEST(PlacementNow, TakesTheDaemonsCpusForThoseThatPoolsMayUse) {
    const auto now =
        placement_of(web_on("1,5"), config::Config{}, narrow_machine(), DaemonCpus{cpus("0-2,4-6"), cpus("0,4")});
    EXPECT_EQ(now.universe.allowed, cpus("0-2,4-6"));
    EXPECT_EQ(usable(now), cpus("1-2,5-6"));
    EXPECT_EQ(now.plan.shared, cpus("2,6"));
}

TEST(PlacementNow, KnowsNoOtherReserveThanThatWhichTheDaemonHasLoaded) {
    for (const char* reserve : {"2", "{per: package, cores: 3}", "{cpus: \"1,5\"}"}) {
        const auto file = configured(std::string("version: 1\nmachine: {reserve: ") + reserve + "}\n");
        const auto now = placement_of(web_on("1,5"), file, narrow_machine(), DaemonCpus{cpus("0-7"), cpus("0,4")});
        EXPECT_EQ(usable(now), cpus("1-3,5-7")) << reserve;
        const auto none = placement_of(web_on("1,5"), file, narrow_machine(), DaemonCpus{cpus("0-7"), {}});
        EXPECT_EQ(usable(none), cpus("0-7")) << reserve;
    }
}

TEST(PlacementNow, WhereNoDaemonTellsGoesByTheFileAndByWhereWorkersSit) {
    const auto now = placement_of(web_on("1,5"), configured("version: 1\nmachine: {reserve: 1}\n"), narrow_machine());
    EXPECT_EQ(now.universe.allowed, cpus("0-1,4-5")) << "our own mask, and the worker's";
    EXPECT_EQ(usable(now), cpus("1,5"));
    EXPECT_EQ(now.plan.shared, CpuSet{});
}

TEST(PlacementNow, AddsCpusThatAWorkerHasAndTheDaemonDoesNotName) {
    const auto now = placement_of(web_on("3,7"), config::Config{}, narrow_machine(), DaemonCpus{cpus("0-2,4-6"), {}});
    EXPECT_EQ(now.universe.allowed, cpus("0-7"));
    const auto elsewhere = placement_of(web_on("3,17"), config::Config{}, narrow_machine(), DaemonCpus{cpus("0"), {}});
    EXPECT_EQ(elsewhere.universe.allowed, cpus("0,3")) << "not those that this machine lacks";
}

TEST(PlacementNow, AsksForAsManyWorkersAsThereAre) {
    const auto file = configured("version: 1\npools:\n  web: {command: [/bin/true], workers: 3, cpu: 1 core}\n");
    const auto now = placement_of(web_on("1,5"), file, narrow_machine(), DaemonCpus{cpus("0-7"), {}});
    ASSERT_EQ(now.requests.size(), 1U);
    EXPECT_EQ(now.requests[0].workers.number, 1U);
}

// --- What a daemon tells

PlacementNow read_from(test::FakeWorld world) {
    const test::FakeDaemon daemon(std::move(world));
    auto client = Client::connect(daemon.runtime_dir());
    EXPECT_TRUE(client);
    const Context context{.global = {.runtime_dir = daemon.runtime_dir()}};
    auto now = read_placement(*client, {}, context);
    EXPECT_TRUE(now);
    return *std::move(now);
}

TEST(PlacementNow, ReadsTheDaemonsCpusFromIt) {
    const std::uint32_t first = find_machine(this_machine).value().topology.root.cpus.members().front();
    const auto now = read_from({.cpus_allowed = std::to_string(first), .cpus_reserved = std::to_string(first + 1)});
    EXPECT_EQ(now.universe.allowed, CpuSet{first});
    EXPECT_EQ(now.universe.machine.reserve_cpus, CpuSet{first + 1});
}

TEST(PlacementNow, GoesWithoutWhatTheDaemonDoesNotTellOrTellsWrongly) {
    const auto machine = find_machine(this_machine).value();
    const CpuSet ours = universe_of(config::Config{}, machine).allowed;
    for (const std::string allowed : {"", "all", "3-1"}) {
        const auto now = read_from({.cpus_allowed = allowed, .cpus_reserved = "0"});
        EXPECT_EQ(now.universe.allowed, ours) << allowed;
        EXPECT_FALSE(now.universe.machine.reserve_cpus) << allowed;
    }
    EXPECT_FALSE(read_from({.cpus_allowed = "0", .cpus_reserved = "some"}).universe.machine.reserve_cpus);
}

}  // namespace
}  // namespace pinion::ctl
