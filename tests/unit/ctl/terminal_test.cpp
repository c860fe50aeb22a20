// SPDX-License-Identifier: Apache-2.0
#include "ctl/terminal.h"

#include <gtest/gtest.h>

namespace pinion::ctl {
namespace {

const TerminalEnvironment plain{.term = "xterm", .utf8 = true};

TEST(Terminal, ColoursOnATerminalOnly) {
    EXPECT_TRUE(decide_traits(plain, true, 80, 24).colour);
    EXPECT_FALSE(decide_traits(plain, false, 0, 0).colour);
}

TEST(Terminal, ObeysNoColorAndDumbTerminals) {
    EXPECT_FALSE(decide_traits({.no_color = true, .term = "xterm"}, true, 80, 24).colour);
    EXPECT_FALSE(decide_traits({.term = "dumb"}, true, 80, 24).colour);
    EXPECT_FALSE(decide_traits({.term = ""}, true, 80, 24).colour);
}

TEST(Terminal, LetsTheOptionWin) {
    EXPECT_TRUE(decide_traits({.colour = ColourChoice::always, .no_color = true}, false, 0, 0).colour);
    EXPECT_FALSE(decide_traits({.colour = ColourChoice::never, .term = "xterm"}, true, 80, 24).colour);
}

TEST(Terminal, TakesTheWidthFromColumnsThenTheKernelThenEighty) {
    EXPECT_EQ(decide_traits({.columns = 60}, true, 100, 24).width, 60U);
    EXPECT_EQ(decide_traits(plain, true, 100, 24).width, 100U);
    EXPECT_EQ(decide_traits(plain, true, 0, 0).width, 80U);
    EXPECT_EQ(decide_traits(plain, true, 19, 24).width, 20U);
    EXPECT_EQ(decide_traits(plain, true, 20, 24).width, 20U);
}

TEST(Terminal, PaintsOnlyWhereThereIsColour) {
    EXPECT_EQ(paint("failed", Colour::red, {.colour = true}), "\x1b[1;31mfailed\x1b[0m");
    EXPECT_EQ(paint("failed", Colour::red, {}), "failed");
    EXPECT_EQ(paint("x", Colour::none, {.colour = true}), "x");
}

}  // namespace
}  // namespace pinion::ctl
