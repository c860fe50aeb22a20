// SPDX-License-Identifier: Apache-2.0
#include "config/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/text_check.h"
#include "model/limits.h"
#include "scratch.h"

namespace pinion::config {
namespace {

using testing::HasSubstr;

struct Parsed {
    std::string file = "test.yaml";
    Arena arena;
    Report report;
    const Node* root = nullptr;
    std::string errors;

    explicit Parsed(const std::string& text) {
        root = parse_document(text, file, arena, report);
        errors = as_text(report.take());
    }
};

std::string repeat(std::string_view text, std::size_t times) {
    std::string result;
    for (std::size_t i = 0; i < times; ++i) result += text;
    return result;
}

TEST(Document, TellsPlainScalarsFromQuotedOnes) {
    const Parsed parsed("{a: 1, b: \"1\", c: '1', d: !!str 1, e: ~, f: }");
    ASSERT_TRUE(parsed.root) << parsed.errors;
    EXPECT_TRUE(parsed.root->find("a")->value->plain);
    for (const char* key : {"b", "c", "d"}) EXPECT_FALSE(parsed.root->find(key)->value->plain) << key;
    for (const char* key : {"e", "f"}) EXPECT_TRUE(parsed.root->find(key)->value->is_null()) << key;
}

// yaml-cpp 0.7 gives these two as a byte of Latin-1.
TEST(Document, EscapesOfNextLineAndNoBreakSpaceAreCharacters) {
    const Parsed parsed("{\"\\_k\": \"ä\\_\\_ö\\N\", plain: \"\\x85\\xa0\\L\\P\"}\n");
    ASSERT_TRUE(parsed.root) << parsed.errors;
    const auto* entry = parsed.root->find("\u00a0k");
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->value->text, "ä\u00a0\u00a0ö\u0085");
    EXPECT_EQ(parsed.root->find("plain")->value->text, "\u0085\u00a0\u2028\u2029");
}

TEST(Document, CountsColumnsInCharacters) {
    const Parsed parsed("{\"äöü\": x, b: 1}\n");
    ASSERT_TRUE(parsed.root);
    EXPECT_EQ(parsed.root->find("b")->key->place.column, 12);
}

TEST(Document, PlacesAnEmptyValueAtItsKey) {
    const Parsed parsed("a:\n  b:\nc: 1\n");
    ASSERT_TRUE(parsed.root);
    const auto* b = parsed.root->find("a")->value->find("b");
    EXPECT_EQ(b->value->place.line, 2);
}

TEST(Document, AnEmptyTextIsNothing) {
    for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "\xef\xbb\xbf"}) {
        const Parsed parsed(text);
        ASSERT_TRUE(parsed.root) << text;
        EXPECT_TRUE(parsed.root->is_null()) << text;
    }
}

TEST(Document, SharesWhatAnAliasNames) {
    const Parsed parsed("a: &x {k: v}\nb: *x\n");
    ASSERT_TRUE(parsed.root) << parsed.errors;
    EXPECT_EQ(parsed.root->find("a")->value, parsed.root->find("b")->value);
}

TEST(Document, MergesWhatABlockDoesNotHaveItself) {
    const Parsed parsed("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 3\n");
    ASSERT_TRUE(parsed.root) << parsed.errors;
    const auto* c = parsed.root->find("c")->value;
    EXPECT_EQ(c->find("x")->value->text, "3");
    EXPECT_EQ(c->find("y")->value->text, "1");
    EXPECT_EQ(c->find("z")->value->text, "2");
    EXPECT_EQ(c->entries.size(), 3U);
    EXPECT_TRUE(c->find("y")->inherited);
    EXPECT_FALSE(c->find("x")->inherited);
}

TEST(Document, RefusesToMergeWhatIsNoMap) {
    EXPECT_THAT(Parsed("a: {<<: x}").errors, HasSubstr("'<<' merges a map or a list of maps, not the text 'x'"));
    EXPECT_THAT(Parsed("a: {<<: [[]]}").errors, HasSubstr("not a list"));
}

TEST(Document, NamesTheFirstPlaceOfADuplicateKey) {
    EXPECT_EQ(Parsed("a: 1\nb: 2\na: 3\n").errors,
              "test.yaml:3:1: error: key 'a' stands here a second time (the first is at line 1)\n");
}

TEST(Document, RefusesKeysThatAreNoText) {
    EXPECT_THAT(Parsed("? [a]\n: b\n").errors, HasSubstr("a key is a text, this one is a list"));
    EXPECT_THAT(Parsed("? {a: b}\n: b\n").errors, HasSubstr("a key is a text, this one is a map"));
    EXPECT_THAT(Parsed("~: b\n").errors, HasSubstr("a key is a text, this one is nothing"));
}

TEST(Document, RefusesASecondDocument) {
    EXPECT_EQ(Parsed("a: 1\n---\nb: 2\n").errors,
              "test.yaml:2:1: error: a second document begins here (a file holds one document)\n");
}

TEST(Document, RefusesTags) {
    EXPECT_THAT(Parsed("a: !!binary aGk=\n").errors, HasSubstr("test.yaml:1:4: error: tag 'tag:yaml.org,2002:binary'"));
    EXPECT_THAT(Parsed("a: !mine {}\n").errors, HasSubstr("tag '!mine' is not supported"));
}

TEST(Document, NestsUpToItsBoundAndNoDeeper) {
    const auto nested = [](std::size_t depth) { return repeat("[", depth) + repeat("]", depth); };
    EXPECT_TRUE(Parsed(nested(limits::max_depth)).root);
    EXPECT_THAT(Parsed(nested(limits::max_depth + 1)).errors, HasSubstr("nested deeper than 16 levels"));
}

TEST(Document, CountsTheDepthOfWhatAnAliasNames) {
    const auto text = [](std::size_t depth) {
        return "- &a " + repeat("[", 8) + repeat("]", 8) + "\n- " + repeat("[", depth) + "*a" + repeat("]", depth) +
               "\n";
    };
    EXPECT_TRUE(Parsed(text(limits::max_depth - 9)).root);
    EXPECT_THAT(Parsed(text(limits::max_depth - 8)).errors, HasSubstr("nested deeper"));
}

TEST(Document, SurvivesTwoHundredThousandBrackets) {
    for (const char* bracket : {"[", "{", "{a: ", "- ", "? ", "[{"}) {
        const Parsed parsed(repeat(bracket, 200'000 / std::string_view(bracket).size()));
        EXPECT_EQ(parsed.root, nullptr) << bracket;
        EXPECT_THAT(parsed.errors, HasSubstr("nested deeper")) << bracket;
    }
}

TEST(Document, ExpandsAliasesUpToItsBoundAndNoFurther) {
    const auto text = [](std::size_t aliases) { return "a: &a x\nb: [" + repeat("*a,", aliases) + "]\n"; };
    EXPECT_TRUE(Parsed(text(limits::max_alias_expansions)).root);
    EXPECT_THAT(Parsed(text(limits::max_alias_expansions + 1)).errors, HasSubstr("more than 1000 aliases"));
}

TEST(Document, RefusesAnAliasBombBeforeItGrows) {
    std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; ++i) {
        const std::string last = "*a" + std::to_string(i - 1) + ", ";
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + repeat(last, 9) + "]\n";
    }
    const Parsed parsed(text);
    EXPECT_THAT(parsed.errors, HasSubstr("more than 200000 values"));
    EXPECT_LT(parsed.arena.size(), 100U);
}

TEST(Document, BoundsTheTextThatAliasesMultiply) {
    const auto text = [](std::size_t aliases) {
        return "a: &a " + std::string(100 * 1024, 'x') + "\nb: [" + repeat("*a,", aliases) + "]\n";
    };
    EXPECT_TRUE(Parsed(text(39)).root);  // 40 × 100 KiB, and a few bytes of keys
    EXPECT_THAT(Parsed(text(41)).errors, HasSubstr("4 MiB of text"));
}

TEST(Document, RefusesAnAliasOfItself) {
    EXPECT_THAT(Parsed("a: &a [*a]\n").errors, HasSubstr("names a block that it stands in"));
    EXPECT_THAT(Parsed("a: *nowhere\n").errors, HasSubstr("test.yaml:1:4: error: read YAML:"));
}

TEST(Document, NamesThePlaceOfWhatIsNotText) {
    EXPECT_EQ(Parsed(std::string("a: 1\nb: x\0y\n", 12)).errors,
              "test.yaml:2:5: error: control character 0x00 in the text (is this a text file?)\n");
    EXPECT_EQ(Parsed("a: 1\nb: é\xff\n").errors,
              "test.yaml:2:5: error: byte 0xff is not UTF-8 (save the file as UTF-8)\n");
    EXPECT_THAT(Parsed("\xff\xfe"
                       "a")
                    .errors,
                HasSubstr("test.yaml:1:1: error: byte 0xff is not UTF-8"));
    EXPECT_THAT(Parsed("a: \x1b[31m").errors, HasSubstr("1:4: error: control character 0x1b"));
}

TEST(Document, HintsAtTabs) {
    EXPECT_THAT(Parsed("pools:\n  a:\n\tcommand: x\n").errors, HasSubstr("indent with spaces"));
}

TEST(Document, SaysWhatEachKindIs) {
    const Parsed parsed("[1, x, true, [], {}, ~, '1']");
    ASSERT_TRUE(parsed.root);
    std::vector<std::string> words;
    for (const Node* node : parsed.root->items) words.push_back(describe(*node));
    EXPECT_THAT(words, testing::ElementsAre("the number 1", "the text 'x'", "the boolean true", "a list", "a map",
                                            "nothing", "the text '1'"));
}

}  // namespace
}  // namespace pinion::config
