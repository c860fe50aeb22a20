// SPDX-License-Identifier: Apache-2.0
// A client that connects and says nothing: it holds one of few places.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connection_harness.h"

namespace pinion::daemon {
namespace {

class LateHello : public ::testing::Test {
protected:
    // The time of the connection's own deadline comes.
    void wait() {
        const auto deadline = client_.connection->deadline();
        ASSERT_TRUE(deadline);
        client_.time = *deadline;
        client_.connection->tick(client_.time);
    }
    void greet() { client_.say(frame(wire::MessageType::hello, 1, R"({"version":1})")); }

    FakeJobQueue queue_;
    TestClient client_{queue_};
    const MonotonicTime start_ = client_.time;
};

TEST_F(LateHello, EndsTheConnection) {
    wait();
    wait();
    EXPECT_EQ(client_.take().at(0).type, wire::MessageType::failure);
    EXPECT_TRUE(client_.connection->closing());
    EXPECT_GE(client_.time - start_, 10s);
    EXPECT_LE(client_.time - start_, 12s);
}

TEST_F(LateHello, IsTakenWhereItHadComeBeforeWeLooked) {
    wait();
    greet();
    EXPECT_FALSE(client_.connection->closing());
    EXPECT_FALSE(client_.connection->deadline()) << "it has all the time now";
}

TEST_F(LateHello, IsNoFaultOfAClientThatIsNotRead) {
    queue_.room = false;
    for (int i = 0; i < 20; ++i) wait();
    queue_.room = true;
    wait();
    greet();
    EXPECT_EQ(client_.take().at(0).type, wire::MessageType::welcome);
}

TEST_F(LateHello, IsWaitedForFromTheConnectionOnly) {
    greet();
    EXPECT_FALSE(client_.connection->deadline());
    client_.time += 1h;
    client_.connection->tick(client_.time);
    EXPECT_FALSE(client_.connection->closing());
}

}  // namespace
}  // namespace pinion::daemon
