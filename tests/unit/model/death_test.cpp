// SPDX-License-Identifier: Apache-2.0
#include "model/death.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <set>

namespace pinion {
namespace {

const Death exit_1{.cause = Death::Cause::exited, .status = 1};
const Death segv{.cause = Death::Cause::signaled, .status = SIGSEGV};

TEST(Death, IsTold) {
    EXPECT_EQ(to_string(exit_1), "exit 1");
    EXPECT_EQ(to_string(segv), "SIGSEGV");
    Death death = segv;
    death.core_dumped = true;
    EXPECT_EQ(to_string(death), "SIGSEGV (core dumped)");
    death.oom_killed = true;
    EXPECT_EQ(to_string(death), "SIGSEGV (out of memory, core dumped)");
    EXPECT_EQ(to_string(Death{.cause = Death::Cause::signaled, .status = SIGKILL, .oom_killed = true}),
              "SIGKILL (out of memory)");
    EXPECT_EQ(to_string(Death{.cause = Death::Cause::exited, .status = 137, .oom_killed = true}),
              "exit 137 (out of memory)");
}

TEST(Death, LooksLikeAKillWhereItWasOne) {
    const auto exited = [](int code) { return Death{.cause = Death::Cause::exited, .status = code}; };
    EXPECT_TRUE(looks_killed({.cause = Death::Cause::signaled, .status = SIGKILL}));
    EXPECT_TRUE(looks_killed(exited(137))) << "a shell whose command was killed";
    for (const Death& other : {segv, exited(0), exited(1), exited(9), exited(128 + SIGTERM)})
        EXPECT_FALSE(looks_killed(other)) << to_string(other);
}

TEST(Death, MatchesAPatternOfTheSameKindAndValue) {
    using Kind = ExitPattern::Kind;
    EXPECT_TRUE(matches({Kind::code, 1}, exit_1));
    EXPECT_FALSE(matches({Kind::code, 2}, exit_1));
    EXPECT_FALSE(matches({Kind::signal, 1}, exit_1));
    EXPECT_TRUE(matches({Kind::signal, SIGSEGV}, segv));
    EXPECT_FALSE(matches({Kind::code, SIGSEGV}, segv));
}

TEST(SpawnFailure, SaysMoreThanTheErrorWhereThereIsMore) {
    EXPECT_EQ(to_string(SpawnFailure{SpawnStage::read_back, EINVAL, "2,6", "the CPUs in force are '0-7'"}),
              "read_back '2,6': the CPUs in force are '0-7'");
}

TEST(SpawnFailure, NamesTheStageTheObjectAndTheReason) {
    EXPECT_EQ(to_string(SpawnFailure{SpawnStage::exec, ENOENT, "/usr/bin/nosuch"}),
              "exec '/usr/bin/nosuch': no such file or directory");
    EXPECT_EQ(to_string(SpawnFailure{SpawnStage::fork, EAGAIN, ""}), "fork: resource temporarily unavailable");
}

TEST(SpawnStage, HasANameOfItsOwnEach) {
    std::set<std::string> names;
    for (int i = 0; i <= static_cast<int>(SpawnStage::read_back); ++i)
        names.insert(to_string(static_cast<SpawnStage>(i)));
    EXPECT_EQ(names.size(), static_cast<std::size_t>(SpawnStage::read_back) + 1);
    EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace pinion
