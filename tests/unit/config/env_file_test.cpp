// SPDX-License-Identifier: Apache-2.0
#include "config/env_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch.h"

namespace pinion::config {
namespace {

struct Read {
    std::map<std::string, std::string> values;
    std::string errors;
    EnvValues placed;
};

Read read(std::string_view text) {
    static const std::string file = "x.env";
    Report report;
    Read result;
    result.placed = parse_env_file(text, file, report);
    for (const auto& [name, value] : result.placed) result.values[name] = value.value;
    result.errors = as_text(report.take());
    return result;
}
using Values = std::map<std::string, std::string>;

TEST(EnvFile, ReadsLinesOfKeyAndValue) {
    EXPECT_EQ(read("A=1\nB = two words  \r\n\nC=\nD=a=b").values,
              (Values{{"A", "1"}, {"B", "two words"}, {"C", ""}, {"D", "a=b"}}));
}

TEST(EnvFile, SkipsComments) {
    const auto result = read("# x=1\n  ; y=2\nA=1 # not a comment\n");
    EXPECT_EQ(result.values, (Values{{"A", "1 # not a comment"}}));
    EXPECT_EQ(result.errors, "");
}

TEST(EnvFile, ReadsQuotes) {
    EXPECT_EQ(
        read("A=\"x y \"\nB='a \\n $b'\nC=\"q\\\"\\\\ \\$ \\n\"\nD=a'b c'd\nE=\"two\nlines\"\nF=\"a\\\nb\"\n").values,
        (Values{
            {"A", "x y "}, {"B", "a \\n $b"}, {"C", "q\"\\ $ \\n"}, {"D", "ab cd"}, {"E", "two\nlines"}, {"F", "ab"}}));
}

TEST(EnvFile, GoesOnAfterABackslash) {
    EXPECT_EQ(read("A=a\\\n b\nB=x\\ \nC=1\n").values, (Values{{"A", "a b"}, {"B", "x "}, {"C", "1"}}));
    EXPECT_EQ(read("A=x\\").values, (Values{{"A", "x"}}));
}

TEST(EnvFile, TheLastValueOfANameCounts) {
    const auto result = read("A=1\nA=2\n");
    EXPECT_EQ(result.values, (Values{{"A", "2"}}));
    EXPECT_EQ(result.placed.at("A").place.line, 2);
}

TEST(EnvFile, ReportsBadLinesAndReadsTheRest) {
    const auto result = read("A=1\nnonsense\n=x\n  export B=2\nC D=3\nE=\"open\n");
    EXPECT_EQ(result.values, (Values{{"A", "1"}}));
    EXPECT_EQ(result.errors,
              "x.env:2:1: error: the line is not KEY=VALUE (a comment begins with '#')\n"
              "x.env:3:1: error: '' can't be the name of a variable\n"
              "x.env:4:3: error: 'export' is for shells (write B=...)\n"
              "x.env:5:1: error: 'C D' can't be the name of a variable\n"
              "x.env:6:3: error: the quote \" does not end\n");
}

TEST(EnvFile, NamesHaveABound) {
    EXPECT_TRUE(is_env_name(std::string(255, 'a')));
    EXPECT_FALSE(is_env_name(std::string(256, 'a')));
    for (const char* name : {"", "a=b", "a b", "a\tb", "\x7f"}) EXPECT_FALSE(is_env_name(name)) << name;
}

TEST(EnvFile, RefusesWhatIsNotText) {
    EXPECT_THAT(read("A=\xff\n").errors, testing::HasSubstr("x.env:1:3: error: byte 0xff is not UTF-8"));
}

}  // namespace
}  // namespace pinion::config
