// SPDX-License-Identifier: Apache-2.0
#include "daemon/enforcement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "cpu/machine.h"

namespace pinion::daemon {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string none;

TEST(Enforcement, AutoTakesTheBestThatTheHostGives) {
    EXPECT_EQ(choose_level(std::nullopt, none)->level, Enforcement::cpuset);
    EXPECT_EQ(choose_level(std::nullopt, "no cgroup")->level, Enforcement::affinity);
    EXPECT_EQ(choose_level(std::nullopt, "no cgroup")->why, "no cgroup");
}

TEST(Enforcement, AffinityIsTakenWhereItIsAskedFor) {
    EXPECT_EQ(choose_level(Enforcement::affinity, none)->level, Enforcement::affinity);
    EXPECT_EQ(choose_level(Enforcement::affinity, "no cgroup")->level, Enforcement::affinity);
}

TEST(Enforcement, ALevelThatCantBeHadIsAnErrorThatNamesTheBest) {
    EXPECT_EQ(choose_level(Enforcement::cpuset, none)->level, Enforcement::cpuset);
    const auto refused = choose_level(Enforcement::cpuset, "no cgroup");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, StartsWith("E_ENFORCE_UNAVAILABLE "));
    EXPECT_THAT(refused.error().message, HasSubstr("no cgroup. The best level here is affinity"));
}

TEST(Enforcement, IsSaidInASentence) {
    EXPECT_EQ(describe({Enforcement::affinity, "no cgroup"}), "pins are kept by affinity alone, no cgroup");
    EXPECT_THAT(describe({Enforcement::cpuset, "each below x"}),
                StartsWith("pins are kept by a cpuset for each worker"));
}

TEST(Enforcement, WithoutCgroupsIsByAffinity) {
    std::optional<process::Cgroups> no_cgroups;
    EXPECT_EQ(settle_enforcement(std::nullopt, no_cgroups)->level, Enforcement::affinity);
    EXPECT_FALSE(settle_enforcement(Enforcement::cpuset, no_cgroups));
}

TEST(OwnMaskKept, UndoesWhatIsSetMeanwhile) {
    const CpuSet before = cpu::read_affinity(0).value();
    if (before.count() < 2) GTEST_SKIP() << "one CPU";
    {
        const OwnMaskKept kept;
        ASSERT_TRUE(cpu::pin_process(::getpid(), {before.first()}));
    }
    EXPECT_EQ(cpu::read_affinity(0), before);
}

}  // namespace
}  // namespace pinion::daemon
