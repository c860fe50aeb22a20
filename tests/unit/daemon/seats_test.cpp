// SPDX-License-Identifier: Apache-2.0
// What lasts between plans: the ledger's file, counts that hotplug does not change, the sentences about who is away.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/fd.h"
#include "cpu/domain.h"
#include "cpu/places.h"
#include "daemon/ledger_store.h"
#include "daemon/placement.h"
#include "model/limits.h"

namespace pinion::daemon {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Ledgers : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "pinion-ledger-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
    }
    void TearDown() override { fs::remove_all(folder); }
    void put(const std::string& text) const { std::ofstream(folder / "ledger", std::ios::binary) << text; }
    static cpu::LedgerFile sample() { return {.owner = {7, 8}, .seats = {{"a", 0, CpuSet{0, 1}, CpuSet{0, 1}, true}}}; }
    fs::path folder;
};

TEST(Readings, OfTheMachineCountByWhenTheyBegan) {
    const MonotonicTime start = MonotonicClock::now();
    const auto reading = [](MonotonicTime began, const char* pinned) {
        Machine machine;
        machine.limits.inherited = CpuSet{1};
        machine.foreign = {{.pid = 1, .name = pinned}};
        machine.read_at = began;
        return machine;
    };
    Machine in_force = reading(start + Duration(5), "before");
    in_force.limits.inherited = CpuSet{0};
    // A load that had begun before the CPUs changed, and was done after they had been read again.
    const Machine late = later_of(in_force, reading(start, "found"));
    EXPECT_EQ(late.limits.inherited, CpuSet{0});
    EXPECT_EQ(late.read_at, start + Duration(5));
    EXPECT_EQ(late.foreign.at(0).name, "found");
    EXPECT_EQ(later_of(in_force, reading(start + Duration(6), "found")).limits.inherited, CpuSet{1});
    EXPECT_EQ(later_of(in_force, reading(start + Duration(5), "found")).limits.inherited, CpuSet{1});
}

TEST(Readings, KnowWhenTheyBegan) {
    const MonotonicTime before = MonotonicClock::now();
    const auto found = read_machine();
    ASSERT_TRUE(found);
    EXPECT_GE(found->read_at, before);
}

TEST_F(Ledgers, AreThereForTheNextDaemonOfThisBoot) {
    LedgerStore store(folder, "boot-1");
    EXPECT_EQ(store.read().value(), std::nullopt);
    ASSERT_TRUE(store.write(sample()));
    auto wanted = sample();
    wanted.boot = "boot-1";
    EXPECT_EQ(LedgerStore(folder, "boot-1").read().value(), wanted);
    const auto other = LedgerStore(folder, "boot-2").read();
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error().message, HasSubstr("another boot"));
}

TEST_F(Ledgers, AreWrittenOnlyWhenSomethingChanged) {
    LedgerStore store(folder, "boot-1");
    ASSERT_TRUE(store.write(sample()));
    fs::remove(folder / "ledger");
    ASSERT_TRUE(store.write(sample()));
    EXPECT_FALSE(fs::exists(folder / "ledger"));
    auto changed = sample();
    changed.seats[0].seat = {};
    ASSERT_TRUE(store.write(changed));
    EXPECT_TRUE(fs::exists(folder / "ledger"));
    EXPECT_FALSE(fs::exists(folder / "ledger.new"));
}

TEST_F(Ledgers, ThatCanNotBeUsedSayWhy) {
    const LedgerStore store(folder, "boot-1");
    for (const std::string& text : {std::string(), std::string("\0\xff\n", 3), std::string("pinion ledger 1\n")}) {
        put(text);
        const auto read = store.read();
        ASSERT_FALSE(read);
        EXPECT_THAT(read.error().message, HasSubstr("ledger': "));
    }
    put(std::string(limits::max_ledger_bytes + 1, 'x'));
    EXPECT_FALSE(store.read());
    fs::remove(folder / "ledger");
    fs::create_directory(folder / "ledger");
    EXPECT_FALSE(store.read());
}

TEST_F(Ledgers, ThatCanNotBeWrittenSaySo) {
    LedgerStore store(folder / "gone", "boot-1");
    EXPECT_FALSE(store.write(sample()));
    fs::create_directories(folder / "gone");
    EXPECT_TRUE(store.write(sample())) << "nor is it forgotten that it is still to be written";
}

cpu::Seat seat_on(CpuSet cpus, CpuSet mask) { return {.cpus = std::move(cpus), .mask = std::move(mask)}; }

TEST(Displacements, SayWhatBecameOfWhom) {
    const cpu::KeptSeat home{"api", 3, {0, 8}, {0, 8}, true};
    const auto now = [&](CpuSet seat) {
        auto kept = home;
        kept.seat = std::move(seat);
        return kept;
    };
    EXPECT_EQ(displacement(&home, now({0}), seat_on({0}, {0})).sentence,
              "api/3: CPU 8 of its seat is gone: it keeps CPU 0 of 0,8");
    EXPECT_EQ(displacement(&home, now({4, 12}), seat_on({4, 12}, {4, 12})).sentence,
              "api/3: CPUs 0,8 of its seat are gone: it sits on 4,12 until 0,8 are back");
    EXPECT_EQ(displacement(&home, now({}), seat_on({}, {5, 6})).sentence,
              "api/3: CPUs 0,8 of its seat are gone: it shares CPUs 5-6 until 0,8 are back");
    auto parked = seat_on({}, {});
    parked.parked = true;
    EXPECT_EQ(displacement(&home, now({}), parked).sentence,
              "api/3: CPUs 0,8 of its seat are gone: it is stopped until CPUs 0,8 are back");
    const auto away = now({4, 12});
    EXPECT_EQ(displacement(&away, away, seat_on({4, 12}, {4, 12})).sentence, "") << "nothing is new";
    const auto back = displacement(&away, home, seat_on({0, 8}, {0, 8}));
    EXPECT_TRUE(back.home);
    EXPECT_EQ(back.sentence, "api/3: back on its own seat, CPUs 0,8");
    EXPECT_EQ(displacement(nullptr, home, seat_on({0, 8}, {0, 8})).sentence, "");
    EXPECT_EQ(displacement(&home, home, seat_on({0, 8}, {0, 8})).sentence, "");
}

}  // namespace
}  // namespace pinion::daemon
