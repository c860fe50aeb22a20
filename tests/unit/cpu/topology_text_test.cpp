// SPDX-License-Identifier: Apache-2.0
// A machine as lines: read back equal, whatever the machine; anything else is refused with the line.
#include "cpu/topology_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "random_case.h"

namespace pinion::cpu::testing {
namespace {

TEST(TopologyText, EveryMachineIsReadBackAsItWas) {
    for (const Topology& machine : machines()) {
        const auto read = domain_from_lines(domain_lines(machine.root));
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(*read, machine.root);
    }
}

TEST(TopologyText, IsALineADomainAndACore) {
    EXPECT_THAT(domain_lines(synthetic("package:2 [numa] l3:1 core:1 pu:2(indexes=0,2,1,3)").root),
                ::testing::ElementsAre("machine nodes:0,1", " package numa l3 core nodes:0 +0 +2",
                                       " package numa l3 core nodes:1 +1 +3"));
    EXPECT_THAT(domain_lines(synthetic("core:2 pu:1").root).back(), " core pu nodes:0 1");
}

TEST(TopologyText, RefusesWhatIsNoMachine) {
    const auto message = [](const std::vector<std::string>& lines) {
        const auto read = domain_from_lines(lines);
        return read ? "" : read.error().message;
    };
    EXPECT_THAT(message({}), ::testing::HasSubstr("a domain is missing"));
    EXPECT_THAT(message({"machine nodes:0"}), ::testing::HasSubstr("it has no CPU"));
    EXPECT_THAT(message({"machine nodes:0", "  core nodes:0 1"}), ::testing::HasSubstr("it has no CPU"));
    EXPECT_THAT(message({"machine nodes:0", " core nodes:0 1", " core nodes:0 1"}),
                ::testing::HasSubstr("' core nodes:0 1': a CPU of it is elsewhere, too"));
    EXPECT_THAT(message({"machine nodes:0", " core nodes:0 1", "core nodes:0 2"}),
                ::testing::HasSubstr("belongs to nothing"));
    EXPECT_THAT(message({"machine nodes:0", " nodes:0 1"}), ::testing::HasSubstr("names no level"));
    EXPECT_THAT(message({"machine nodes:x 1"}), ::testing::HasSubstr("'x' is no number"));
    EXPECT_THAT(message({"machine 1 1"}), ::testing::HasSubstr("twice"));
    EXPECT_THAT(message({"machine 999999"}), ::testing::HasSubstr("too large"));
    EXPECT_THAT(message({"engine 1"}), ::testing::HasSubstr("'engine' is no number"));
}

TEST(TopologyText, DeepNestingIsRefusedRatherThanFollowed) {
    std::vector<std::string> lines;
    for (std::size_t depth = 0; depth < 100; ++depth) lines.push_back(std::string(depth, ' ') + "group nodes:0");
    lines.back() += " 0";
    EXPECT_FALSE(domain_from_lines(lines));
}

}  // namespace
}  // namespace pinion::cpu::testing
