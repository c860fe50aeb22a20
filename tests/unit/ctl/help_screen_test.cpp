// SPDX-License-Identifier: Apache-2.0
#include "ctl/help_screen.h"

#include <gtest/gtest.h>

namespace pinion::ctl {
namespace {

constexpr const char* help =
    "Shows and steers the pools of worker processes.\n"
    "\n"
    "Options:\n"
    "  --json                    one JSON document, or JSON lines where it is a stream\n"
    "  --version                 the version\n";

TEST(HelpScreen, IsUnchangedInAPipeAndWhereItFits) {
    EXPECT_EQ(help_screen(help, {.tty = false, .width = 40}), help);
    EXPECT_EQ(help_screen(help, {.tty = true, .width = 140}), help);
}

TEST(HelpScreen, WrapsADescriptionInItsColumn) {
    EXPECT_EQ(help_screen(help, {.tty = true, .width = 60}),
              "Shows and steers the pools of worker processes.\n"
              "\n"
              "Options:\n"
              "  --json                    one JSON document, or JSON lines\n"
              "                            where it is a stream\n"
              "  --version                 the version\n");
}

TEST(HelpScreen, PutsDescriptionsBelowTheNamesOnANarrowTerminal) {
    EXPECT_EQ(help_screen(help, {.tty = true, .width = 40}),
              "Shows and steers the pools of worker\n"
              "processes.\n"
              "\n"
              "Options:\n"
              "  --json\n"
              "      one JSON document, or JSON lines\n"
              "      where it is a stream\n"
              "  --version\n"
              "      the version\n");
}

}  // namespace
}  // namespace pinion::ctl
