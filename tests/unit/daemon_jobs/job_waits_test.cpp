// SPDX-License-Identifier: Apache-2.0
// One job that a client waits for many times costs no more than as many jobs would.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connection_harness.h"
#include "daemon/jobs/socket_limits.h"

namespace pinion::daemon {
namespace {

using enum wire::MessageType;

class ManyWaits : public ::testing::Test {
protected:
    static constexpr std::size_t result_bytes = 300'000;
    static constexpr std::size_t most_bytes = socket_limits::output_bytes + 2 * result_bytes;

    ManyWaits() {
        queue_.declare("film");
        client_->say(body_frame(wire::MessageType::submit, 2, R"({"pool":"film"})", {"1"}));
        static_cast<void>(client_->take());
    }
    static std::string wait_for_it(std::uint64_t request, std::size_t times) {
        std::string ids = "1";
        for (std::size_t i = 1; i < times; ++i) ids += ",1";
        return frame(wait, request, R"({"jobs":[)" + ids + "]}");
    }
    void end() { queue_.end(JobId{1}, '"' + std::string(result_bytes, 'x') + '"'); }
    std::size_t read_all() {
        std::size_t results = 0;
        for (std::size_t last = 1; last > 0; results += last) {
            last = 0;
            for (const auto& reply : client_->take()) last += reply.items.size();
            EXPECT_LT(client_->connection->outbox().size(), most_bytes);
        }
        return results;
    }

    FakeJobQueue queue_;
    std::unique_ptr<TestClient> client_ = TestClient::greeted(queue_);
};

TEST_F(ManyWaits, ForAJobThatHasEndedAreAnsweredAsTheClientReads) {
    end();
    client_->say(wait_for_it(9, 50));
    EXPECT_LT(client_->connection->outbox().size(), most_bytes);
    EXPECT_EQ(read_all(), 50U);
    EXPECT_EQ(queue_.listeners(), 0U);
}

TEST_F(ManyWaits, ForAJobThatEndsAreAnsweredAsTheClientReads) {
    for (std::uint64_t request = 9; request < 59; ++request) client_->say(wait_for_it(request, 1));
    end();
    client_->go_on();
    EXPECT_LT(client_->connection->outbox().size(), most_bytes);
    EXPECT_EQ(read_all(), 50U);
}

TEST_F(ManyWaits, AreCountedEachUntilTheyAreAnswered) {
    const auto most = socket_limits::max_waited_jobs;
    client_->say(wait_for_it(9, most - 1));
    EXPECT_EQ(client_->ask(wait_for_it(10, 2)).text("code"), "busy");
    queue_.end(JobId{1}, "2");
    EXPECT_EQ(read_all(), most - 1);
    client_->say(wait_for_it(11, most));
    EXPECT_EQ(read_all(), most);
}

}  // namespace
}  // namespace pinion::daemon
