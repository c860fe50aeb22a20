// SPDX-License-Identifier: Apache-2.0
// The parts of an answer that lines and frames share.
#include "wire/answer_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/limits.h"

namespace pinion::wire {
namespace {

using namespace std::chrono_literals;

TEST(LeadingId, IsThatOfALineThatBeginsAsAnAnswer) {
    EXPECT_EQ(leading_id(R"({"id":7,"result":"xxx)"), 7U);
    EXPECT_EQ(leading_id(R"(  { "id" : 18446744073709551615 , "re)"), 18446744073709551615U);
    for (const char* other : {"", "{", "{\"id\":7", "{\"id\":7}", "{\"id\":,", "{\"id\":-7,", "{\"id\":7.5,",
                              "{\"id\":18446744073709551616,", "[\"id\":7,", "{\"result\":1,\"id\":7,", "xxxx"})
        EXPECT_EQ(leading_id(other), std::nullopt) << other;
}

TEST(NoteText, IsCutBetweenCharacters) {
    const Json fits(std::string(limits::max_note_bytes, 'a'));
    EXPECT_EQ(note_text(&fits, "").size(), limits::max_note_bytes);
    const Json halved(std::string(limits::max_note_bytes - 1, 'a') + "\xc3\xa9");
    EXPECT_EQ(note_text(&halved, ""), std::string(limits::max_note_bytes - 1, 'a'));
    const Json number(7);
    EXPECT_EQ(note_text(&number, "other"), "other");
    EXPECT_EQ(note_text(nullptr, "other"), "other");
}

TEST(Push, HasAPoolAndMayHaveMore) {
    const auto read = [](const char* text) { return parse_push(Json::parse(text).value()); };
    EXPECT_EQ(read(R"({"pool":"next","priority":0,"delay":0.5,"more":1})"), (LinePush{"next", "", 0, 500ms}));
    for (const char* wrong :
         {"{}", R"({"pool":7})", R"({"pool":"No"})", R"({"pool":"a","priority":10})", R"({"pool":"a","priority":-1})",
          R"({"pool":"a","delay":-1})", R"({"pool":"a","delay":"1"})"})
        EXPECT_EQ(read(wrong), std::nullopt) << wrong;
}

TEST(Progress, SaysWhatItCan) {
    EXPECT_EQ(parse_progress(1, R"({"progress":0.5,"note":"n"})"), (LineProgress{1, 0.5, "n"}));
    EXPECT_EQ(parse_progress(1, R"({"progress":"half","note":2})"), (LineProgress{1, {}, ""}));
    EXPECT_EQ(parse_progress(1, "not json"), (LineProgress{1, {}, ""}));
}

}  // namespace
}  // namespace pinion::wire
