// SPDX-License-Identifier: Apache-2.0
#include "config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pinion::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> words(std::string_view text) {
    const auto line = split_command(text);
    EXPECT_TRUE(line) << text;
    return line ? line->words : std::vector<std::string>{};
}
std::string failure(std::string_view text) {
    const auto line = split_command(text);
    EXPECT_FALSE(line) << text;
    return line ? std::string() : line.error().message;
}
std::string shell_word(std::string_view text) { return split_command(text).value().shell_word; }

TEST(SplitCommand, SplitsAtBlanks) {
    EXPECT_THAT(words("  /bin/echo a\tb\n c "), ElementsAre("/bin/echo", "a", "b", "c"));
    EXPECT_TRUE(words(" ").empty());
}

TEST(SplitCommand, KeepsBlanksInQuotes) {
    EXPECT_THAT(words(R"(echo 'a b' "c d" e'f g'h "")"), ElementsAre("echo", "a b", "c d", "ef gh", ""));
    EXPECT_THAT(words(R"("it's" 'say "x"')"), ElementsAre("it's", "say \"x\""));
}

TEST(SplitCommand, ReadsEscapes) {
    EXPECT_THAT(words(R"(\a\b\f\n\r\t\v\\\"\'\s)"), ElementsAre("\a\b\f\n\r\t\v\\\"' "));
    EXPECT_THAT(words(R"(\x41\101\u00e9\U0001F600\u20ac)"), ElementsAre("AAé😀€"));
    EXPECT_THAT(words(R"('\x41 \s')"), ElementsAre("A  "));
}

TEST(SplitCommand, SaysWhatIsWrongWithAnEscape) {
    EXPECT_THAT(failure(R"(a \q)"), HasSubstr(R"('\q' is not an escape)"));
    EXPECT_THAT(failure("a \\"), HasSubstr("ends with a backslash"));
    EXPECT_THAT(failure(R"(\x4)"), HasSubstr("2 hexadecimal digits"));
    EXPECT_THAT(failure(R"(\18)"), HasSubstr("3 octal digits"));
    EXPECT_THAT(failure(R"(\x00)"), HasSubstr("NUL"));
    EXPECT_THAT(failure(R"(\ud800)"), HasSubstr("names no character"));
    EXPECT_THAT(failure(R"(\U00110000)"), HasSubstr("names no character"));
    EXPECT_THAT(failure(std::string_view("a\0b", 3)), HasSubstr("NUL"));
}

TEST(SplitCommand, SaysWhichQuoteDoesNotEnd) {
    EXPECT_THAT(failure("echo 'a"), HasSubstr("the quote ' does not end"));
    EXPECT_THAT(failure("echo \"a'"), HasSubstr("the quote \" does not end"));
}

TEST(SplitCommand, NoticesWhatOnlyAShellUnderstands) {
    for (const char* word :
         {"|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1", ">/dev/null", "&>x", "$(date)", "`date`"})
        EXPECT_EQ(shell_word("echo a " + std::string(word) + " b"), word);
    EXPECT_EQ(shell_word("cd /x; ls"), "/x;");
}

TEST(SplitCommand, LeavesQuotedOperatorsAlone) {
    for (const char* text : {"echo '|'", "echo \";\"", "echo \"a > b\"", "echo a|b", "echo --x=1>2", "echo ${slot}"})
        EXPECT_EQ(shell_word(text), "") << text;
}

}  // namespace
}  // namespace pinion::config
