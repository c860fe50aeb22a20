// SPDX-License-Identifier: Apache-2.0
// The keys that say how placement is kept, and what workers are told of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/change.h"
#include "config/schema.h"
#include "scratch.h"

namespace pinion::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CpuExclusive seat_of(const std::string& block) { return std::get<CpuExclusive>(pool_of("cpu: {" + block + "}").cpu); }
CpuSeats seats_of(const std::string& block) { return std::get<CpuSeats>(pool_of("cpu: {" + block + "}").cpu); }

TEST(Enforce, IsALevelOrTheBestThereIs) {
    const auto machine = [](const std::string& text) { return load_text("machine: {" + text + "}"); };
    EXPECT_EQ(machine("enforce: auto")->machine().enforce, std::nullopt);
    EXPECT_EQ(machine("enforce: affinity")->machine().enforce, Enforcement::affinity);
    EXPECT_EQ(machine("enforce: cpuset")->machine().enforce, Enforcement::cpuset);
    for (const std::string later : {"partition", "isolated"})
        EXPECT_THAT(diagnostics_of(machine("enforce: " + later)),
                    HasSubstr("'machine.enforce': '" + later + "' is not supported yet ('cpuset' is the best"));
    EXPECT_THAT(diagnostics_of(machine("enforce: cpusets")), HasSubstr("did you mean 'cpuset'?"));
    EXPECT_THAT(diagnostics_of(machine("enforce: [cpuset]")), HasSubstr("'machine.enforce'"));
}

TEST(Memory, IsPartOfASeat) {
    EXPECT_EQ(seat_of("memory: near"), CpuExclusive{});
    EXPECT_EQ(seat_of("memory: strict"), CpuExclusive{.memory = MemoryPolicy::strict});
    EXPECT_EQ(seat_of("memory: interleave"), CpuExclusive{.memory = MemoryPolicy::interleave});
    EXPECT_EQ(seat_of("memory: off"), CpuExclusive{.memory = MemoryPolicy::off});
    EXPECT_EQ(seats_of("seats: [0], memory: strict"), (CpuSeats{.seats = {{0}}, .memory = MemoryPolicy::strict}));
    EXPECT_THAT(mistakes_of("cpu: {memory: bind}"), HasSubstr("'cpu.memory'"));
    EXPECT_THAT(mistakes_of("cpu: {seats: [0], memory: none}"), HasSubstr("'cpu.memory'"));
}

TEST(ThreadsEnv, IsAutoOffOrNames) {
    const ThreadsEnv off{.automatic = false, .names = {}};
    EXPECT_EQ(seat_of("threads_env: auto"), CpuExclusive{});
    EXPECT_EQ(seat_of("threads_env: off").threads_env, off);
    EXPECT_EQ(seat_of("threads_env: []").threads_env, off);
    EXPECT_EQ(seat_of("threads_env: [GOMAXPROCS, TBB_NUM_THREADS]").threads_env,
              (ThreadsEnv{.automatic = false, .names = {"GOMAXPROCS", "TBB_NUM_THREADS"}}));
    EXPECT_EQ(seats_of("seats: [0], threads_env: off").threads_env, off);
    EXPECT_TRUE(off.is_off());
    EXPECT_FALSE(ThreadsEnv{}.is_off());
}

TEST(ThreadsEnv, RefusesWhatIsNoName) {
    EXPECT_THAT(mistakes_of("cpu: {threads_env: GOMAXPROCS}"), HasSubstr("did you mean [GOMAXPROCS]?"));
    EXPECT_THAT(mistakes_of("cpu: {threads_env: [\"A=4\"]}"), HasSubstr("values stand in 'env'"));
    EXPECT_THAT(mistakes_of("cpu: {threads_env: [PINION_CPUS]}"), HasSubstr("is set by piniond itself"));
    EXPECT_THAT(mistakes_of("cpu: {threads_env: {A: 4}}"), HasSubstr("found a map"));
    std::string names;
    for (int i = 0; i < 64; ++i) names += "N" + std::to_string(i) + ",";
    EXPECT_EQ(seat_of("threads_env: [" + names + "]").threads_env.names.size(), 64U);
    EXPECT_THAT(mistakes_of("cpu: {threads_env: [" + names + "N64]}"), HasSubstr("65 names are above the bound of 64"));
}

TEST(Enforcement, IsPrintedSoThatItReadsBack) {
    for (const std::string block :
         {"memory: strict", "threads_env: off", "threads_env: [A, B]", "seats: [\"0,4\", \"1\"], memory: interleave",
          "seats: [\"0\"], threads_env: [A]", "seats: [\"0\"], threads_env: off"}) {
        const std::string text = "machine: {enforce: affinity}\npools: {p: {command: [/bin/x], cpu: {" + block + "}}}";
        const auto loaded = load_text(text);
        ASSERT_TRUE(loaded) << diagnostics_of(loaded);
        const auto again = load_text(to_yaml(*loaded));
        ASSERT_TRUE(again) << to_yaml(*loaded);
        EXPECT_EQ(again->machine(), loaded->machine());
        EXPECT_EQ(again->pools().at("p")->cpu, loaded->pools().at("p")->cpu) << to_yaml(*loaded);
    }
}

Change first_change(const std::string& before, const std::string& after) {
    const auto config = [](const std::string& keys) { return load_text("pools: {p: {command: [x], " + keys + "}}"); };
    const auto from = config(before);
    const auto changes = diff(&*from, *config(after));
    return changes.empty() ? Change{} : changes.front();
}

TEST(Enforcement, WhatIsSetBeforeTheProgramBeginsReplacesWorkers) {
    EXPECT_THAT(first_change("cpu: 1 core", "cpu: {memory: strict}").respawn_fields, ElementsAre("cpu"));
    EXPECT_THAT(first_change("cpu: 1 core", "cpu: {threads_env: off}").respawn_fields, ElementsAre("cpu"));
    EXPECT_THAT(first_change("cpu: none", "cpu: {memory: strict}").respawn_fields, ElementsAre("cpu"));
    EXPECT_THAT(first_change("cpu: 1 core", "cpu: {seats: [0], memory: off}").respawn_fields, ElementsAre("cpu"));
}

TEST(Enforcement, AnotherSeatAloneDoesNot) {
    EXPECT_THAT(first_change("cpu: 1 core", "cpu: 2 cores").respawn_fields, IsEmpty());
    EXPECT_THAT(first_change("cpu: auto", "cpu: none").respawn_fields, IsEmpty());
    EXPECT_THAT(first_change("cpu: {seats: [0], memory: strict}", "cpu: {seats: [1], memory: strict}").respawn_fields,
                IsEmpty());
}

class PassedOn : public testing::Test {
protected:
    Loaded load_pool(const std::string& keys) {
        LoadOptions options;
        options.environment = {{"OMP_PLACES", "{0}"}, {"OMP_NUM_THREADS", "64"}};
        return load_text("pools: {p: {command: [/bin/x], " + keys + "}}", std::move(options));
    }
};

TEST_F(PassedOn, WhatBindsThreadsIsNot) {
    const auto loaded = load_pool("pass_env: [OMP_PLACES, OMP_NUM_THREADS]");
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->pools().at("p")->env, (std::map<std::string, std::string>{{"OMP_NUM_THREADS", "64"}}));
    ASSERT_EQ(loaded->warnings().size(), 1U);
    EXPECT_THAT(to_string(loaded->warnings()[0]), HasSubstr("'OMP_PLACES' is not passed on"));
}

TEST_F(PassedOn, WhatBindsThreadsIsWhereNoSeatContradicts) {
    for (const std::string cpu : {"none", "{seat: 1 core, threads_env: off}"}) {
        const auto loaded = load_pool("cpu: " + cpu + ", pass_env: [OMP_PLACES]");
        ASSERT_TRUE(loaded);
        EXPECT_TRUE(loaded->pools().at("p")->env.contains("OMP_PLACES")) << cpu;
        EXPECT_THAT(loaded->warnings(), IsEmpty()) << cpu;
    }
}

TEST_F(PassedOn, AValueOfThePoolItselfStays) {
    const auto loaded = load_pool("env: {OMP_PLACES: cores}, pass_env: [OMP_PLACES]");
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->pools().at("p")->env.at("OMP_PLACES"), "cores");
    EXPECT_THAT(loaded->warnings(), IsEmpty());
}

}  // namespace
}  // namespace pinion::config
