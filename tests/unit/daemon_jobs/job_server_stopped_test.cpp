// SPDX-License-Identifier: Apache-2.0
// What clients hear of a store on disk that has stopped: nobody who waits for an end of such a job waits for ever.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connection_harness.h"

namespace pinion::daemon {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using enum wire::MessageType;

class StoppedStore : public ::testing::Test {
protected:
    StoppedStore() { queue_.declare("film"); }
    TestClient& client() {
        if (!client_) client_ = TestClient::greeted(queue_);
        return *client_;
    }
    std::uint64_t submit() {
        const auto reply = client().ask(body_frame(wire::MessageType::submit, 2, R"({"pool":"film"})", {"1"}));
        return reply.head.find("ids")->items().at(0).as_uint().value();
    }
    std::uint64_t open(const std::string& more) {
        const auto reply = client().ask(frame(open_map, 5, R"({"pool":"film")" + more + "}"));
        return reply.head.find("map")->as_uint().value();
    }
    std::string failure_of(const std::vector<Received>& replies) {
        for (const auto& reply : replies)
            if (reply.type == failure) return reply.text("message");
        return "";
    }

    FakeJobQueue queue_;
    std::unique_ptr<TestClient> client_;
};

TEST_F(StoppedStore, WhoeverWaitsForAJobIsTold) {
    submit();
    client().say(frame(wait, 9, R"({"jobs":[1]})"));
    EXPECT_THAT(client().take(), IsEmpty());
    queue_.stop("fsync failed");
    EXPECT_EQ(failure_of(client().take()), "wait for job 1: fsync failed");
    client().say(frame(wait, 10, R"({"jobs":[1]})"));
    EXPECT_EQ(failure_of(client().take()), "wait for job 1: fsync failed") << "who comes later, too";
}

TEST_F(StoppedStore, AJobThatHadEndedIsStillTold) {
    const auto job = submit();
    queue_.end(JobId{job}, "10");
    queue_.stop("fsync failed");
    client().say(frame(wait, 9, R"({"jobs":[1]})"));
    EXPECT_EQ(client().take().at(0).items.at(0), "10");
}

TEST_F(StoppedStore, AMapThatIsBeingFilledEndsWithTheReason) {
    const auto map = open("");
    client().say(body_frame(add_items, map, R"({"from":0})", {"1", "2"}));
    static_cast<void>(client().take());
    queue_.stop("fsync failed");
    EXPECT_EQ(failure_of(client().take()), "fsync failed");
}

TEST_F(StoppedStore, AMapThatIsComeBackToEndsAfterTheResultsItHas) {
    const auto map = open(R"(,"name":"reel")");
    client().say(body_frame(add_items, map, R"({"from":0})", {"1", "2"}));
    queue_.end(queue_.item(map, 0), "10");
    queue_.stop("fsync failed");
    client_ = TestClient::greeted(queue_);
    client().say(frame(attach_map, 8, R"({"name":"reel"})"));
    client().say(frame(allow, map, R"({"results":9})"));
    const auto replies = client().take();
    std::size_t results = 0;
    for (const auto& reply : replies) results += reply.type == finished ? reply.items.size() : 0;
    EXPECT_EQ(results, 1U);
    EXPECT_EQ(failure_of(replies), "fsync failed");
}

TEST_F(StoppedStore, AMapIsComeBackToThoughNoneCanBeOpened) {
    const auto map = open(R"(,"name":"reel")");
    client().say(body_frame(add_items, map, R"({"from":0})", {"1", "2"}));
    client().say(frame(seal_map, map, "{}"));
    for (const std::uint64_t index : {0, 1}) queue_.end(queue_.item(map, index), "10");
    queue_.why_no_maps = "no room";
    client_ = TestClient::greeted(queue_);
    client().say(frame(attach_map, 8, R"({"name":"reel"})"));
    client().say(frame(allow, map, R"({"results":9})"));
    const auto replies = client().take();
    EXPECT_EQ(failure_of(replies), "");
    std::size_t results = 0;
    for (const auto& reply : replies) results += reply.type == finished ? reply.items.size() : 0;
    EXPECT_EQ(results, 2U);
    EXPECT_EQ(replies.back().type, map_done);
    EXPECT_EQ(failure_of({client().ask(frame(open_map, 9, R"({"pool":"film","name":"other"})"))}), "no room");
}

TEST_F(StoppedStore, AnAnsweredWaitLeavesNothingBehind) {
    const auto job = submit();
    queue_.end(JobId{job}, "10");
    for (int i = 0; i < 3; ++i) client().say(frame(wait, 9, R"({"jobs":[1,77]})"));
    EXPECT_EQ(client().take().size(), 6U);
    EXPECT_EQ(queue_.listeners(), 0U);
}

}  // namespace
}  // namespace pinion::daemon
