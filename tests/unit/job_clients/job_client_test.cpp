// SPDX-License-Identifier: Apache-2.0
// pinion::JobClient against the real server of the job socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pinion/job_client.h>

#include "live_server.h"

namespace pinion {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class Client : public testing::Test {
protected:
    // The code that `call` throws; "" where it does not.
    template <class Call>
    static std::string thrown(Call&& call) {
        try {
            call();
        } catch (const JobFailure& failure) {
            return std::to_string(static_cast<int>(failure.code())) + " " + failure.what();
        }
        return "";
    }
    static std::string code(JobFailure::Code code) { return std::to_string(static_cast<int>(code)) + " "; }

    daemon::LiveServer server_;
    JobClient client_ = JobClient::connect(server_.path());
};

TEST_F(Client, SubmitsAndWaitsForResults) {
    const auto jobs = client_.submit("squares", {"3", "4"});
    EXPECT_EQ(jobs.durability, "fsync");
    ASSERT_EQ(jobs.ids.size(), 2U);
    EXPECT_EQ(client_.result(jobs.ids[0]).result, "9");
    std::vector<std::string> results;
    EXPECT_TRUE(client_.wait(jobs.ids, [&](JobResult result) { results.push_back(result.result); }));
    EXPECT_THAT(results, testing::UnorderedElementsAre("9", "16"));
}

TEST_F(Client, TheSameKeyGivesTheSameJob) {
    const auto first = client_.submit("squares", {"3"}, {.keys = {"a"}});
    const auto again = client_.submit("squares", {"3"}, {.keys = {"a"}});
    EXPECT_EQ(first.ids, again.ids);
    EXPECT_EQ(again.existing, again.ids);
}

TEST_F(Client, AWaitMayHaveAnEnd) {
    const auto jobs = client_.submit("squares", {"\"hold\""});
    EXPECT_FALSE(client_.wait(jobs.ids, [](JobResult) {}, 20ms));
    EXPECT_TRUE(client_.cancel(jobs.ids[0]));
    EXPECT_EQ(client_.result(jobs.ids[0]).state, JobResult::State::cancelled);
    EXPECT_FALSE(client_.cancel(jobs.ids[0])) << "it had ended";
}

TEST_F(Client, MapsInOrder) {
    std::vector<std::string> results;
    for (JobResult& result : client_.map("squares", {"1", "2", "\"fail\"", "4"}))
        results.push_back(result.ok() ? result.result : result.error);
    EXPECT_THAT(results, ElementsAre("1", "4", R"({"type":"error","message":"as was asked"})", "16"));
}

TEST_F(Client, MapsAsManyInputsAsThereAreInBoundedMemory) {
    constexpr std::uint64_t count = 60'000;
    std::uint64_t given = 0;
    std::uint64_t seen = 0;
    client_.map(
        "squares", [&] { return given == count ? std::nullopt : std::optional(std::to_string(given++)); },
        [&](const JobResult& result) {
            ASSERT_EQ(result.index, seen);
            ASSERT_EQ(result.result, std::to_string(seen * seen));
            ++seen;
            ASSERT_LT(given - seen, 30'000U);
        });
    EXPECT_EQ(seen, count);
}

// Inputs of a size at which a batch is not full, and has no room for the next all the same.
TEST_F(Client, ALateFirstResultKeepsNothingBackForGood) {
    constexpr std::uint64_t most = 30'000;
    const std::string input = '"' + std::string(1'000, 'y') + '"';
    JobMap map = client_.open_map("squares");
    map.add("\"hold\"");
    std::uint64_t given = 1;
    do
        for (; map.has_room() && given < most; ++given) map.add(input);
    while (given < most && map.wait(500ms));
    EXPECT_LT(given, most) << "the daemon keeps so many only";
    EXPECT_TRUE(JobClient::connect(server_.path()).cancel(1));
    map.seal();
    std::uint64_t seen = 0;
    while (const auto result = map.next()) {
        ASSERT_EQ(result->index, seen++);
        ASSERT_TRUE(seen == 1 || result->result == input);
    }
    EXPECT_EQ(seen, given);
}

TEST_F(Client, UnorderedResultsDoNotWaitForOneAnother) {
    JobMap map = client_.open_map("squares", {.unordered = true});
    map.add("\"hold\"");
    map.add("5");
    EXPECT_EQ(map.next()->index, 1U);
    EXPECT_EQ(map.progress().finished, 1U);
    EXPECT_FALSE(map.wait(20ms)) << "the other is held";
}

TEST_F(Client, ComesBackToANamedMap) {
    {
        JobClient other = JobClient::connect(server_.path());
        JobMap map = other.open_map("squares", {.name = "reel"});
        for (int i = 0; i < 100; ++i) map.add(std::to_string(i));
        map.seal();
        EXPECT_EQ(map.next()->result, "0");
    }
    JobMap map = client_.attach("reel", "", 98);
    EXPECT_TRUE(map.was_sealed());
    std::vector<std::string> results;
    for (JobResult& result : map) results.push_back(result.result);
    EXPECT_THAT(results, ElementsAre("9604", "9801"));
    EXPECT_EQ(client_.list({.map = "reel", .limit = 60}).jobs.size(), 60U);
}

TEST_F(Client, LargeInputsAndResultsPassThrough) {
    const std::string large = '"' + std::string(3'000'000, 'x') + '"';
    std::size_t seen = 0;
    for (JobResult& result : client_.map("squares", {large, large, large, large, large})) {
        EXPECT_EQ(result.result, large);
        ++seen;
    }
    EXPECT_EQ(seen, 5U);
}

TEST_F(Client, TwoMapsAtOnceDoNotMix) {
    JobMap first = client_.open_map("squares");
    JobMap second = client_.open_map("squares");
    first.add("2");
    second.add("3");
    first.seal();
    second.seal();
    EXPECT_EQ(second.next()->result, "9");
    EXPECT_EQ(first.next()->result, "4");
    EXPECT_EQ(first.next(), std::nullopt);
    EXPECT_TRUE(first.done());
    EXPECT_EQ(second.next(), std::nullopt);
}

TEST_F(Client, LooksAtJobs) {
    const auto jobs = client_.submit("squares", {"\"fail\"", "2"});
    static_cast<void>(client_.result(jobs.ids[0]));
    EXPECT_THAT(client_.ask(jobs.ids[0]), HasSubstr(R"("state":"failed")"));
    EXPECT_EQ(client_.list({.states = {"failed"}}).jobs.size(), 1U);
    EXPECT_THAT(client_.why(jobs.ids[0]), HasSubstr("it failed"));
    EXPECT_THAT(client_.log(jobs.ids[0]), HasSubstr(R"("text":"a line")"));
    EXPECT_GT(client_.retry(jobs.ids[0]), jobs.ids[1]);
    EXPECT_FALSE(client_.pool("squares").raw);
    EXPECT_TRUE(client_.pool("lines").raw);
    EXPECT_EQ(client_.cpu_time("lines").count(), 0);
    client_.steer("squares", "pause");
}

TEST_F(Client, FailuresSayWhatTheyAre) {
    using Code = JobFailure::Code;
    EXPECT_THAT(thrown([&] { client_.submit("square", {"1"}); }), testing::StartsWith(code(Code::not_found)));
    EXPECT_THAT(thrown([&] { client_.submit("squares", {"x"}); }), testing::StartsWith(code(Code::invalid)));
    EXPECT_THAT(thrown([&] { client_.submit("squares", {}); }), testing::StartsWith(code(Code::invalid)));
    EXPECT_THAT(thrown([&] { static_cast<void>(client_.result(777)); }), testing::StartsWith(code(Code::not_found)));
    EXPECT_THAT(thrown([&] { static_cast<void>(client_.attach("nix")); }), testing::StartsWith(code(Code::not_found)));
    EXPECT_THAT(thrown([&] {
                    for (auto& result : client_.map("squares", {"1", "x"})) EXPECT_TRUE(result.ok());
                }),
                testing::StartsWith(code(Code::invalid)));
    EXPECT_EQ(client_.result(client_.submit("squares", {"2"}).ids[0]).result, "4") << "the connection goes on";
    server_.caller = 1000;
    JobClient other = JobClient::connect(server_.path());
    EXPECT_THAT(thrown([&] { other.steer("squares", "pause"); }), testing::StartsWith(code(Code::permission)));
    EXPECT_THAT(thrown([&] { other.submit("lines", {"1"}); }), testing::StartsWith(code(Code::permission)));
    EXPECT_EQ(other.result(other.submit("squares", {"2"}).ids[0]).result, "4");
}

TEST_F(Client, ADaemonThatGoesIsSaid) {
    const auto jobs = client_.submit("squares", {"\"hold\""});
    server_.stop();
    EXPECT_THAT(thrown([&] { static_cast<void>(client_.result(jobs.ids[0])); }), HasSubstr("closed the connection"));
    EXPECT_THAT(thrown([&] { static_cast<void>(JobClient::connect(server_.path())); }),
                HasSubstr("is piniond running, and does it have job pools?"));
}

}  // namespace
}  // namespace pinion
