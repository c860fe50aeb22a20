// SPDX-License-Identifier: Apache-2.0
// Strangers on the workers' CPUs: who counts as one, and what is said of them.
#include "cpu/foreign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pinion::cpu {
namespace {

using testing::HasSubstr;

// A line of /proc/PID/stat up to the flags and a little beyond.
std::string stat_line(const std::string& name, const std::string& state, int parent, unsigned flags) {
    return "4711 (" + name + ") " + state + " " + std::to_string(parent) + " 4711 4711 0 -1 " + std::to_string(flags) +
           " 100 0 0 0\n";
}

TEST(StatLines, AreReadWhateverTheNameOfTheProgram) {
    const auto line = parse_stat_line(stat_line("a (b) c) 1", "S", 12, 0x00400000));
    ASSERT_TRUE(line);
    EXPECT_EQ(line->name, "a (b) c) 1");
    EXPECT_EQ(line->parent, 12);
    EXPECT_FALSE(line->kernel_thread);
    EXPECT_FALSE(line->ended);
}

TEST(StatLines, TellKernelThreadsAndThoseThatHaveEnded) {
    EXPECT_TRUE(parse_stat_line(stat_line("kworker/0:1", "I", 2, 0x04208060))->kernel_thread);
    EXPECT_TRUE(parse_stat_line(stat_line("sleep", "Z", 1, 0x00400000))->ended) << "not reaped yet";
    EXPECT_TRUE(parse_stat_line(stat_line("sleep", "X", 1, 0x00400000))->ended);
    EXPECT_TRUE(parse_stat_line(stat_line("sleep", "R", 1, 0x00400004))->ended) << "on its way out";
}

TEST(StatLines, ThatAreNoneGiveNothing) {
    for (const char* text : {"", "4711", "4711 (sleep", "4711 (sleep) S 1 2 3", "4711 (sleep) S x 1 1 0 -1 0", ") ("})
        EXPECT_FALSE(parse_stat_line(text)) << text;
}

Plan plan_of(bool exclusive) {
    Plan plan;
    plan.pools.push_back({"api", {}});
    for (std::uint32_t slot = 0; slot < 3; ++slot)
        plan.pools[0].seats.push_back(
            {.slot = slot, .cpus = {slot, slot + 8}, .mask = {slot, slot + 8}, .exclusive = exclusive});
    return plan;
}

TEST(ForeignPins, AreNamedWithTheSeatsThatTheyRunOn) {
    const auto notes =
        foreign_notes(plan_of(true), {{12, "redis", {1}}, {13, "nginx", {2, 5}}, {14, "cron", {6}}}, false);
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_EQ(notes[0].code, "W_FOREIGN_PIN");
    EXPECT_EQ(notes[0].pool, "api");
    EXPECT_EQ(notes[0].slots, (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(notes[0].cpus, (CpuSet{1, 2}));
    EXPECT_THAT(notes[0].message,
                HasSubstr("'redis' (pid 12, on 1), 'nginx' (pid 13, on 2,5) are pinned to CPUs of api/1..2 (1-2)"));
}

TEST(ForeignPins, AreErrorsWhereTheyAreAskedToBe) {
    EXPECT_EQ(foreign_notes(plan_of(true), {{12, "redis", {1}}}, true).at(0).code, "E_FOREIGN_PIN");
}

TEST(ForeignPins, OnSharedCpusAreNobodysBusiness) {
    EXPECT_TRUE(foreign_notes(plan_of(false), {{12, "redis", {1}}}, false).empty());
}

TEST(ForeignPins, BeyondAFewAreCounted) {
    std::vector<ForeignPin> pins;
    for (int pid = 10; pid < 15; ++pid) pins.push_back({pid, "p", {0}});
    EXPECT_THAT(foreign_notes(plan_of(true), pins, false).at(0).message,
                HasSubstr("(pid 12, on 0) and 2 more are pinned"));
}

TEST(ForeignPins, OfAProgramThatPrintsControlCharactersAreShownHarmless) {
    const auto notes = foreign_notes(plan_of(true), {{12, "a\x1b[2J", {0}}}, false);
    EXPECT_EQ(notes.at(0).message.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace pinion::cpu
