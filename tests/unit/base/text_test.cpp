// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

namespace pinion {
namespace {

using testing::ElementsAre;
constexpr std::array<std::string_view, 5> keys{"command", "comment", "cwd", "workers", "cpu"};

TEST(Closest, FindsTheWordThatWasMeant) {
    EXPECT_EQ(closest("comand", keys), "command");
    EXPECT_EQ(closest("wrokers", keys), "workers");
    EXPECT_EQ(closest("worker", keys), "workers");
    EXPECT_EQ(closest("cpu", keys), "cpu");
}

TEST(Closest, GivesTheEarlierOfTwoThatAreAsClose) {
    EXPECT_EQ(closest("cd", keys), "cwd");
    EXPECT_EQ(closest("commant", keys), "command");
}

TEST(Closest, CountsATranspositionAsOne) {
    constexpr std::array<std::string_view, 1> one{"ab"};
    EXPECT_EQ(closest("ba", one), "ab");
}

TEST(Closest, StaysSilentPastAThirdOfTheWord) {
    constexpr std::array<std::string_view, 1> one{"abcdef"};
    EXPECT_EQ(closest("abcdxy", one), "abcdef");
    EXPECT_EQ(closest("abcxyz", one), std::nullopt);
    EXPECT_EQ(closest("abc", std::array<std::string_view, 1>{"abx"}), "abx");
    EXPECT_EQ(closest("abc", std::array<std::string_view, 1>{"ayx"}), std::nullopt);
    EXPECT_EQ(closest("word", {}), std::nullopt);
    EXPECT_EQ(closest(std::string(100'000, 'x'), keys), std::nullopt);
}

TEST(Utf8, AcceptsEveryLength) {
    EXPECT_TRUE(is_valid_utf8(""));
    EXPECT_TRUE(is_valid_utf8("a\x7f"));
    EXPECT_TRUE(is_valid_utf8("\xc2\x80\xdf\xbf"));
    EXPECT_TRUE(is_valid_utf8("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"));
    EXPECT_TRUE(is_valid_utf8("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    for (std::size_t at = 0; at < 20; ++at) {
        std::string text(20, 'a');
        text[at] = '\x80';
        EXPECT_FALSE(is_valid_utf8(text)) << at;
        text.replace(at, 1, "\xc2\x80");
        EXPECT_TRUE(is_valid_utf8(text)) << at;
    }
}

TEST(Utf8, RefusesOverlongFormsSurrogatesAndStrays) {
    for (const char* text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2 ", "\xe0\x9f\xbf", "\xed\xa0\x80",
                             "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
        EXPECT_FALSE(is_valid_utf8(text)) << printable(text, 100);
}

TEST(Printable, LeavesOrdinaryTextAlone) {
    EXPECT_EQ(printable("grüße, 世界 \\x41", 100), "grüße, 世界 \\x41");
    EXPECT_EQ(printable("", 0), "");
}

TEST(Printable, EscapesControlsAndWhatIsNoUtf8) {
    EXPECT_EQ(printable(std::string_view("a\0b", 3), 100), "a\\x00b");
    EXPECT_EQ(printable("\x1b[31m\t\x7f", 100), "\\x1b[31m\\x09\\x7f");
    EXPECT_EQ(printable("\xc2\x9b", 100), "\\xc2\\x9b");           // C1 CSI
    EXPECT_EQ(printable("\xe2\x80\xae", 100), "\\xe2\\x80\\xae");  // right-to-left override
    EXPECT_EQ(printable("\xff\xc3", 100), "\\xff\\xc3");
}

TEST(Printable, CutsAtTheBoundWithAMark) {
    EXPECT_EQ(printable("12345678", 8), "12345678");
    EXPECT_EQ(printable("123456789", 8), "12345…");
    EXPECT_EQ(printable("ääää", 8), "ääää");
    EXPECT_EQ(printable("äääää", 8), "ää…");
    EXPECT_EQ(printable("abcd\n", 8), "abcd\\x0a");
    EXPECT_EQ(printable("abcde\n", 8), "abcde…");
    EXPECT_EQ(printable("abcd", 3), "…");
    EXPECT_EQ(printable("abcd", 2), "");
}

TEST(Printable, IsAlwaysValidAndWithinTheBound) {
    std::mt19937 random(11);
    for (int i = 0; i < 5'000; ++i) {
        std::string text(random() % 40, '\0');
        for (char& c : text) c = static_cast<char>(random());
        const std::size_t bound = random() % 60;
        const auto shown = printable(text, bound);
        EXPECT_LE(shown.size(), bound);
        EXPECT_TRUE(is_valid_utf8(shown));
        EXPECT_EQ(shown.find('\x1b'), std::string::npos);
    }
}

TEST(Text, SplitsAtEverySeparator) {
    EXPECT_THAT(split("a,b,,c", ','), ElementsAre("a", "b", "", "c"));
    EXPECT_THAT(split("", ','), ElementsAre(""));
    EXPECT_THAT(split(",", ','), ElementsAre("", ""));
}

TEST(Text, TrimsBothEnds) {
    EXPECT_EQ(trim(" \t a b\r\n"), "a b");
    EXPECT_EQ(trim(" \n"), "");
    EXPECT_EQ(trim(""), "");
}

TEST(Text, JoinsWithASeparator) {
    EXPECT_EQ(join(std::vector<std::string>{"a", "", "c"}, ", "), "a, , c");
    EXPECT_EQ(join({}, ", "), "");
}

TEST(Name, IsLowerCaseAndAtMost63Long) {
    EXPECT_TRUE(is_name("a"));
    EXPECT_TRUE(is_name("web-2_b"));
    EXPECT_TRUE(is_name(std::string(63, 'a')));
    EXPECT_FALSE(is_name(std::string(64, 'a')));
    for (const char* text : {"", "1web", "-web", "_web", "Web", "we b", "wéb", "web.service", "a/b"})
        EXPECT_FALSE(is_name(text)) << text;
}

TEST(Integer, IsTheWholeText) {
    EXPECT_EQ(parse_integer("42"), 42);
    EXPECT_EQ(parse_integer("-7"), -7);
    EXPECT_EQ(parse_integer("9223372036854775807"), 9223372036854775807LL);
    EXPECT_EQ(parse_integer("9223372036854775808"), std::nullopt);
    for (const char* text : {"", "-", "+1", " 1", "1 ", "0x10", "1.0", "a"})
        EXPECT_EQ(parse_integer(text), std::nullopt);
}

}  // namespace
}  // namespace pinion
