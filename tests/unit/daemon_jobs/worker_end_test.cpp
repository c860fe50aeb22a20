// SPDX-License-Identifier: Apache-2.0
// What a worker has left in its channel when its end is found: its process is gone, so nobody is to be asked for its
// end, least of all from within the reading, since whoever is asked may take the link away at once.
#include <algorithm>

#include "host_harness.h"

namespace pinion::daemon::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EndOfAWorker : public HostTest {
protected:
    static void say(const Player& player, const std::string& text) {
        ASSERT_EQ(::write(player.out.fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
};

TEST_F(EndOfAWorker, ASurplusLineBeforeItAsksForNothingAndItsJobsPay) {
    submit(declare("p", {.payload = PayloadKind::raw, .prefetch = 2}), 2);
    settle();
    const auto worker = arrive("p");
    ASSERT_EQ(worker.reads(), "0\n1\n");
    say(worker, "first\nsecond\nsurplus\n");
    host_.drain(worker.id);
    EXPECT_THAT(unwanted_, IsEmpty());
    EXPECT_THAT(lines_, ElementsAre("surplus", HasSubstr("broke the protocol")));
    host_.died(worker.id, Death{});
    host_.gone(worker.id);
    settle();
    EXPECT_THAT(unwanted_, IsEmpty());
    EXPECT_EQ(queue("p").done, 2U);
}

TEST_F(EndOfAWorker, OneThatClosedItsInputLongAgoMayEndWithItsLastAnswer) {
    submit(declare("p"), 1);
    settle();
    auto worker = arrive("p");
    const std::string job = worker.reads();
    worker.in.reset();
    const auto deadline = std::chrono::steady_clock::now() + 1200ms;
    while (std::chrono::steady_clock::now() < deadline) sd_event_run(loop_.raw(), 100'000);
    ASSERT_THAT(unwanted_, IsEmpty()) << "it has read its job, and may answer it";
    say(worker, job.substr(0, job.find(',')) + ",\"result\":1}\n");
    die(worker);
    EXPECT_THAT(unwanted_, IsEmpty());
    EXPECT_THAT(lines_, IsEmpty()) << "it broke nothing";
    EXPECT_EQ(queue("p").done, 1U);
}

// The owner of a channel must not lose it while it calls.
TEST_F(EndOfAWorker, OneThatBreaksTheProtocolAndLivesIsAskedToEndInATurnOfItsOwn) {
    declare("p", {.payload = PayloadKind::raw});
    const auto worker = arrive("p");
    say(worker, "surplus\n");
    while (lines_.empty()) ASSERT_GT(sd_event_run(loop_.raw(), 10'000'000), 0);
    EXPECT_THAT(unwanted_, IsEmpty());
    settle();
    ASSERT_EQ(unwanted_.size(), 1U);
    EXPECT_EQ(unwanted_[0].second, supervise::Unwanted::protocol);
}

}  // namespace
}  // namespace pinion::daemon::testing
