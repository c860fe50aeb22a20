// SPDX-License-Identifier: Apache-2.0
#include "wire/json.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace pinion::wire {
namespace {

TEST(Json, WritesMembersInTheOrderInWhichTheyWereSet) {
    Json document = Json::object();
    document.set("version", 1).set("name", "web").set("at", 1.5).set("live", true).set("none", nullptr);
    document.set("slots", Json::array().push(0).push(1u));
    EXPECT_EQ(document.dump(), R"({"version":1,"name":"web","at":1.5,"live":true,"none":null,"slots":[0,1]})");
}

TEST(Json, ReplacesAMemberInItsPlace) {
    Json document = Json::object();
    document.set("a", 1).set("b", 2).set("a", 3);
    EXPECT_EQ(document.dump(), R"({"a":3,"b":2})");
}

TEST(Json, ANullBecomesWhatIsPutIntoIt) {
    Json list;
    list.push("x");
    Json object;
    object.set("k", list);
    EXPECT_EQ(object.dump(), R"({"k":["x"]})");
}

TEST(Json, KeepsTheWholeRangeOfIntegers) {
    const auto greatest = std::numeric_limits<std::uint64_t>::max();
    const auto least = std::numeric_limits<std::int64_t>::min();
    const Json list = Json::array().push(greatest).push(least);
    EXPECT_EQ(list.dump(), "[18446744073709551615,-9223372036854775808]");
    const auto read = Json::parse(list.dump());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->items()[0].as_uint(), greatest);
    EXPECT_FALSE(read->items()[0].as_int());
    EXPECT_EQ(read->items()[1].as_int(), least);
    EXPECT_FALSE(read->items()[1].as_uint());
}

TEST(Json, ReplacesInvalidUtf8AndEscapesControls) {
    EXPECT_EQ(Json(std::string("a\xff\n\x1b")).dump(), "\"a\xef\xbf\xbd\\n\\u001b\"");
}

TEST(Json, PrintsWhatIsNoNumberAsNull) {
    EXPECT_EQ(Json(std::numeric_limits<double>::quiet_NaN()).dump(), "null");
    EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
}

TEST(Json, ReadsWhatItWrote) {
    const std::string text = R"({"a":[1,-2,2.5,"é",null,true,{}],"b":{"c":[]}})";
    const auto read = Json::parse(text);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->dump(), text);
}

TEST(Json, SaysWhereATextIsWrong) {
    const auto read = Json::parse(R"({"a":1,})");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "read JSON: syntax error at byte 8");
    EXPECT_FALSE(Json::parse(""));
    EXPECT_FALSE(Json::parse("1 2"));
    EXPECT_FALSE(Json::parse("1e999"));
}

TEST(Json, RefusesADuplicateMember) {
    const auto read = Json::parse(R"({"a":1,"a":2})");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "read JSON: duplicate member 'a'");
}

TEST(Json, RefusesNestingOnePastTheBound) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_TRUE(Json::parse(nested(Json::max_depth)));
    const auto read = Json::parse(nested(Json::max_depth + 1));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "read JSON: nested deeper than 64 levels");
}

TEST(Json, FindsMissesAndAnswersNothingForAnotherType) {
    const Json text("x");
    EXPECT_EQ(text.find("x"), nullptr);
    EXPECT_TRUE(text.items().empty());
    EXPECT_FALSE(text.as_bool());
    EXPECT_FALSE(text.as_int());
    EXPECT_FALSE(Json(-1).as_uint());
    EXPECT_EQ(Json(3).as_double(), 3.0);
}

TEST(Json, ComparesIntegersByValueAndKeepsFloatsApart) {
    EXPECT_EQ(Json(1), Json(1u));
    EXPECT_NE(Json(1), Json(1.0));
    EXPECT_NE(Json(1), Json("1"));
}

}  // namespace
}  // namespace pinion::wire
