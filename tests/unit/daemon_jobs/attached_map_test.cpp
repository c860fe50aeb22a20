// SPDX-License-Identifier: Apache-2.0
// Named maps that a client comes back to and that are not whole: it is told so, and waits for nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connection_harness.h"

namespace pinion::daemon {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using enum wire::MessageType;

class NotWhole : public ::testing::Test {
protected:
    NotWhole() {
        queue_.declare("film");
        const auto reply = filler_->ask(frame(open_map, 5, R"({"pool":"film","name":"reel"})"));
        map_ = reply.head.find("map")->as_uint().value();
        filler_->say(body_frame(add_items, map_, R"({"from":0})", {"1", "2", "3"}));
    }
    void end(std::uint64_t index) { queue_.end(queue_.item(map_, index), "10"); }
    void attach() {
        client_->say(frame(attach_map, 8, R"({"name":"reel"})"));
        client_->say(frame(allow, map_, R"({"results":9})"));
    }
    // Results so far, and what was said last.
    void read() {
        client_->time += std::chrono::seconds(1);
        client_->connection->tick(client_->time);
        for (const auto& reply : client_->take()) {
            if (reply.type == finished) results_ += reply.items.size();
            if (reply.type == map_done) last_ = "done";
            if (reply.type == failure) last_ = reply.text("message");
        }
    }

    FakeJobQueue queue_;
    std::unique_ptr<TestClient> filler_ = TestClient::greeted(queue_);
    std::unique_ptr<TestClient> client_ = TestClient::greeted(queue_);
    std::uint64_t map_ = 0;
    std::size_t results_ = 0;
    std::string last_;
};

TEST_F(NotWhole, SinceItsFillerWentBeforeSomebodyCame) {
    for (const std::uint64_t index : {0, 1, 2}) end(index);
    filler_.reset();
    attach();
    read();
    EXPECT_EQ(results_, 3U);
    EXPECT_THAT(last_, HasSubstr("the map ends after 3 results: its inputs are incomplete"));
}

TEST_F(NotWhole, SinceItsFillerWentWhileSomebodyWaits) {
    end(0);
    end(1);
    attach();
    read();
    filler_.reset();
    read();
    EXPECT_EQ(results_, 2U);
    EXPECT_THAT(last_, IsEmpty()) << "one is not at its end yet";
    end(2);
    read();
    read();
    EXPECT_EQ(results_, 3U);
    EXPECT_THAT(last_, HasSubstr("its inputs are incomplete"));
}

TEST_F(NotWhole, SinceItsFillerWentWhenAllHadBeenTold) {
    for (const std::uint64_t index : {0, 1, 2}) end(index);
    attach();
    read();
    read();
    EXPECT_THAT(last_, IsEmpty()) << "more may be added";
    filler_.reset();
    read();
    EXPECT_THAT(last_, HasSubstr("its inputs are incomplete"));
}

TEST_F(NotWhole, ButIsOnceItsFillerCameBackAndSealedIt) {
    attach();
    filler_.reset();
    filler_ = TestClient::greeted(queue_);
    filler_->say(frame(open_map, 5, R"({"pool":"film","name":"reel"})"));
    filler_->say(body_frame(add_items, map_, R"({"from":0})", {"1", "2", "3"}));
    filler_->say(frame(seal_map, map_, "{}"));
    for (const std::uint64_t index : {0, 1, 2}) end(index);
    read();
    read();
    EXPECT_EQ(results_, 3U);
    EXPECT_EQ(last_, "done");
}

TEST_F(NotWhole, SinceItsFirstItemsAreKeptNoLonger) {
    for (const std::uint64_t index : {0, 1, 2}) end(index);
    filler_->say(frame(seal_map, map_, "{}"));
    queue_.forget_item(map_, 0);
    attach();
    read();
    EXPECT_EQ(results_, 0U);
    EXPECT_THAT(last_, HasSubstr("result 0 of the map's 3: it is kept no longer"));
}

TEST_F(NotWhole, SinceOneInTheMiddleIsKeptNoLonger) {
    for (const std::uint64_t index : {0, 1, 2}) end(index);
    filler_->say(frame(seal_map, map_, "{}"));
    queue_.forget_item(map_, 1);
    attach();
    read();
    EXPECT_EQ(results_, 1U);
    EXPECT_THAT(last_, HasSubstr("result 1 of the map"));
}

TEST_F(NotWhole, SinceItsLastItemsAreKeptNoLonger) {
    for (const std::uint64_t index : {0, 1, 2}) end(index);
    filler_->say(frame(seal_map, map_, "{}"));
    for (const std::uint64_t index : {2, 1}) queue_.forget_item(map_, index);
    attach();
    read();
    read();
    EXPECT_EQ(results_, 1U);
    EXPECT_THAT(last_, HasSubstr("result 1 of the map's 3: 2 of them are kept no longer"));
}

TEST_F(NotWhole, SinceItsLastItemIsForgottenWhileSomebodyWaits) {
    attach();
    end(2);
    queue_.forget_item(map_, 2);
    filler_->say(frame(seal_map, map_, "{}"));
    for (const std::uint64_t index : {0, 1}) end(index);
    read();
    read();
    EXPECT_EQ(results_, 2U);
    EXPECT_THAT(last_, HasSubstr("result 2 of the map's 3: it is kept no longer"));
}

}  // namespace
}  // namespace pinion::daemon
