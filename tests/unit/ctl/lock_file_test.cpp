// SPDX-License-Identifier: Apache-2.0
// The lock file: what is written is read back, what differs is told, and what is no lock is refused.
#include "ctl/lock_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "cpu/domain.h"
#include "ctl_testing.h"

namespace pinion::ctl {
namespace {

using test::cpus;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Machine machine_of(const std::string& description) { return find_machine(description).value(); }

Lock sample_lock() {
    Lock lock{.machine = machine_of("package:2 [numa] l3:1 core:2 pu:2"), .seats = {}};
    lock.machine.limits.quota = 2.5;
    lock.machine.limits.isolated = cpus("3");
    lock.seats = {{"api", 0, "exclusive", cpus("0-1")},
                  {"api", 2, "exclusive", cpus("4-5")},
                  {"api", 10, "exclusive", cpus("6-7")},
                  {"log", 0, "floating", {}},
                  {"web", 0, "soft", cpus("2-3")}};
    return lock;
}

std::vector<std::string> told(const std::vector<SeatChange>& changes) {
    std::vector<std::string> lines;
    for (const SeatChange& change : changes) lines.push_back(to_string(change));
    return lines;
}

TEST(LockFile, ReadsBackWhatItWrote) {
    const Lock lock = sample_lock();
    const auto read = parse_lock(lock_text(lock));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, lock);
}

TEST(LockFile, HoldsKindsOfCoresAndNodesWithMemoryToo) {
    Lock lock = sample_lock();
    lock.machine.topology.kinds = {{cpus("4-7")}, {cpus("0-3")}};
    lock.machine.topology.memory_nodes = {1};
    const auto read = parse_lock(lock_text(lock));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, lock);
}

TEST(LockFile, HasASeatALineInTheOrderOfSlots) {
    const std::string text = lock_text(sample_lock());
    EXPECT_THAT(text, HasSubstr("  \"seats\": [\n"
                                "    {\"worker\": \"api/0\", \"how\": \"exclusive\", \"cpus\": \"0-1\"},\n"
                                "    {\"worker\": \"api/2\", \"how\": \"exclusive\", \"cpus\": \"4-5\"},\n"
                                "    {\"worker\": \"api/10\", \"how\": \"exclusive\", \"cpus\": \"6-7\"},\n"));
    EXPECT_THAT(text, HasSubstr("      \" package numa l3 nodes:0\",\n"));
}

TEST(LockFile, SaysWhatMovesAppearsAndVanishes) {
    const std::vector<LockedSeat> before = sample_lock().seats;
    EXPECT_TRUE(changes_between(before, before).empty());
    std::vector<LockedSeat> after = before;
    after[0].cpus = cpus("2-3");
    after.erase(after.begin() + 1);
    after.push_back({"zoo", 0, "floating", {}});
    after[3].how = "exclusive";
    EXPECT_THAT(told(changes_between(before, after)),
                ElementsAre("api/0 moves from 0-1 to 2-3", "api/2 vanishes from 4-5",
                            "web/0 is exclusive, no longer soft", "zoo/0 appears on floating"));
}

TEST(LockFile, TellsAFloatingWorkerFromASeatedOne) {
    std::vector<LockedSeat> after = sample_lock().seats;
    after[3] = {"log", 0, "exclusive", cpus("2-3")};
    EXPECT_THAT(told(changes_between(sample_lock().seats, after)), ElementsAre("log/0 moves from floating to 2-3"));
}

TEST(LockFile, RefusesWhatIsNoLock) {
    const std::string good = lock_text(sample_lock());
    const auto refused = [&](const std::string& from, const std::string& to) {
        std::string bad = good;
        const std::size_t at = bad.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        bad.replace(at, from.size(), to);
        const auto read = parse_lock(bad);
        EXPECT_FALSE(read) << to;
        return read ? std::string() : read.error().message;
    };
    EXPECT_FALSE(parse_lock(""));
    EXPECT_FALSE(parse_lock("[]"));
    EXPECT_THAT(refused("\"version\": 1", "\"version\": 2"), HasSubstr("version 2 is not known here"));
    EXPECT_THAT(refused("\"api/0\"", "\"api\""), HasSubstr("'api' is no worker"));
    EXPECT_THAT(refused("\"api/0\"", "\"api/99999\""), HasSubstr("is no worker"));
    EXPECT_THAT(refused("\"exclusive\"", "\"nice\""), HasSubstr("'nice' is no kind of seat"));
    EXPECT_THAT(refused("\"cpus\": \"0-1\"", "\"cpus\": \"1-0\""), HasSubstr("'cpus'"));
    EXPECT_THAT(refused("\"  core", "\"    core"), HasSubstr("it has no CPU"));
}

TEST(LockFile, LiesBesideTheConfiguration) {
    EXPECT_EQ(lock_path("/etc/pinion", true), "/etc/pinion/pinion.lock");
    EXPECT_EQ(lock_path("/etc/pinion/", true), "/etc/pinion/pinion.lock");
    EXPECT_EQ(lock_path("web.yaml", false), "web.lock");
    EXPECT_EQ(lock_path("a/web.yml", false), "a/web.lock");
    EXPECT_EQ(lock_path("web", false), "web.lock");
}

TEST(LockFile, IsTheSameTextForTheSamePlan) {
    const Machine machine = machine_of("package:1 core:4 pu:1");
    const std::vector<cpu::PoolRequest> requests{{"web", {.number = 2}, CpuExclusive{}},
                                                 {"bg", {.number = 3}, CpuAuto{}}};
    const cpu::Universe universe{.allowed = machine.topology.root.cpus, .machine = {}, .quota = {}};
    const cpu::Plan plan = cpu::plan(machine.topology, universe, requests, {});
    const std::string text = lock_text(lock_of(machine, plan));
    EXPECT_EQ(lock_text(parse_lock(text).value()), text);
    EXPECT_THAT(text, HasSubstr("{\"worker\": \"bg/0\", \"how\": \"soft\", \"cpus\": \"2\"}"));
}

}  // namespace
}  // namespace pinion::ctl
