// SPDX-License-Identifier: Apache-2.0
#include "ctl/display.h"

#include <gtest/gtest.h>

namespace pinion::ctl {
namespace {

TEST(Display, CountsColumnsNotBytes) {
    EXPECT_EQ(display_width("web"), 3U);
    EXPECT_EQ(display_width("é…●"), 3U);
    EXPECT_EQ(display_width("e\u0301"), 1U);
    EXPECT_EQ(display_width("漢字"), 4U);
    EXPECT_EQ(display_width("🙂"), 2U);
    EXPECT_EQ(display_width("\xff\xfe"), 2U);
    EXPECT_EQ(display_width(""), 0U);
}

TEST(Display, CutsAtTheBoundAndNotBefore) {
    EXPECT_EQ(cut_to_width("abcdef", 6, "…"), "abcdef");
    EXPECT_EQ(cut_to_width("abcdef", 5, "…"), "abcd…");
    EXPECT_EQ(cut_to_width("abcdef", 5, "..."), "ab...");
    EXPECT_EQ(cut_to_width("abcdef", 1, "…"), "a");
    EXPECT_EQ(cut_to_width("abcdef", 0, "…"), "");
    EXPECT_EQ(cut_to_width("漢字漢", 4, "…"), "漢…");  // half a character is no character
}

TEST(Display, MakesControlsVisibleAndReorderingHarmless) {
    EXPECT_EQ(harmless("a\x1b[2J\n"), "a\\x1b[2J\\x0a");
    EXPECT_EQ(harmless("a\u202egnp"), "a\\xe2\\x80\\xaegnp");
    EXPECT_EQ(harmless("plain é"), "plain é");
}

TEST(Display, FindsAsciiTwins) {
    EXPECT_EQ(to_ascii("a…×é漢"), "a...x??");
    EXPECT_EQ(to_ascii("e\u0301"), "e");
}

TEST(Display, WrapsAtSpacesAndBreaksAWordThatIsTooWide) {
    EXPECT_EQ(wrap("one two three", 80, 2), "one two three\n");
    EXPECT_EQ(wrap("one two three", 7, 2), "one two\n  three\n");
    EXPECT_EQ(wrap("abcdefghij", 4, 0), "abcd\nefgh\nij\n");
    EXPECT_EQ(wrap("漢字", 1, 0), "漢\n字\n");  // too narrow for any: whole characters all the same
    EXPECT_EQ(wrap("", 10, 2), "\n");
}

TEST(Display, WrapsWithTheIndentThatTheTextHas) {
    EXPECT_EQ(wrap("  one two  three", 80, 4), "  one two  three\n");
    EXPECT_EQ(wrap("  one two three", 9, 4), "  one two\n    three\n");
    EXPECT_EQ(wrap("      one", 4, 0), "one\n");  // an indent wider than the line is none
}

TEST(Display, AColourHasNoWidth) {
    EXPECT_EQ(display_width("\x1b[1;31mfailed\x1b[0m"), 6U);
    EXPECT_EQ(wrap("\x1b[1;31mone\x1b[0m two", 7, 2), "\x1b[1;31mone\x1b[0m two\n");
    EXPECT_EQ(to_ascii("\x1b[1;31m…\x1b[0m"), "\x1b[1;31m...\x1b[0m");
}

}  // namespace
}  // namespace pinion::ctl
