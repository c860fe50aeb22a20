// SPDX-License-Identifier: Apache-2.0
#include "wire/finished.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/json.h"

namespace pinion::wire {
namespace {

TEST(Finished, IsReadAsItWasWritten) {
    std::string text;
    append_finished(text, {.index = 0,
                           .id = 18446744073709551615U,
                           .state = "failed",
                           .attempts = 3,
                           .error = R"({"type":"crash","message":"a \"quoted\" word"})"});
    const auto job = read_finished(text);
    ASSERT_TRUE(job);
    EXPECT_EQ(job->index, 0U);
    EXPECT_EQ(job->id, 18446744073709551615U);
    EXPECT_EQ(job->state, "failed");
    EXPECT_EQ(job->attempts, 3U);
    EXPECT_EQ(job->error, R"({"type":"crash","message":"a \"quoted\" word"})");
}

TEST(Finished, IsJson) {
    std::string text;
    append_finished(text, {.index = 7, .id = 12, .state = "done", .attempts = 1, .error = {}});
    EXPECT_EQ(text, R"({"index":7,"id":12,"state":"done","attempts":1})");
    EXPECT_TRUE(Json::parse(text));
}

TEST(Finished, HasNoIndexOutsideOfAMap) {
    std::string text;
    append_finished(text, {.index = {}, .id = 12, .state = "cancelled", .attempts = 0, .error = {}});
    const auto job = read_finished(text);
    ASSERT_TRUE(job);
    EXPECT_FALSE(job->index);
    EXPECT_TRUE(job->error.empty());
}

TEST(Finished, IsReadInAnyOrderAndWithMembersToCome) {
    const auto job = read_finished(R"( {"later": [1, {"id": 4}], "attempts" : 2, "state":"done", "id": 9 } )");
    ASSERT_TRUE(job);
    EXPECT_EQ(job->id, 9U);
    EXPECT_EQ(job->attempts, 2U);
}

TEST(Finished, IsRefusedWhereItIsNotOne) {
    for (const char* text :
         {"", "null", "[]", "{}", R"({"id":1})", R"({"state":"done"})", R"({"id":-1,"state":"done"})",
          R"({"id":1.5,"state":"done"})", R"({"id":1,"state":done})", R"({"id":1,"state":""})",
          R"({"id":1,"state":"done","attempts":"1"})", R"({"id":1,"state":"done")"})
        EXPECT_FALSE(read_finished(text)) << text;
}

TEST(Finished, OfAMessageComesInItsOrder) {
    std::vector<std::uint64_t> ids;
    const auto collect = [&](const FinishedHead& job) {
        ids.push_back(job.id);
        return true;
    };
    EXPECT_TRUE(visit_finished(R"({"jobs":[{"id":3,"state":"done"},{"id":1,"state":"failed"}]})", collect));
    EXPECT_EQ(ids, (std::vector<std::uint64_t>{3, 1}));
    EXPECT_TRUE(visit_finished(R"({"jobs":[]})", collect));
    EXPECT_FALSE(visit_finished(R"({"job":[]})", collect));
    EXPECT_FALSE(visit_finished(R"({"jobs":{}})", collect));
    EXPECT_FALSE(visit_finished(R"({"jobs":[{"id":3}]})", collect));
    EXPECT_FALSE(visit_finished(R"({"jobs":[]} and more)", collect));
}

TEST(Finished, EndsWhereItsReaderHasEnough) {
    int seen = 0;
    EXPECT_FALSE(visit_finished(R"({"jobs":[{"id":3,"state":"done"},{"id":1,"state":"done"}]})",
                                [&](const FinishedHead&) { return ++seen < 1; }));
    EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace pinion::wire
