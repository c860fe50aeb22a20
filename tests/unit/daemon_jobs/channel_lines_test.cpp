// SPDX-License-Identifier: Apache-2.0
// The channels of lines: answers in any order and count, what is no answer, and workers that don't read.
#include <sys/ioctl.h>

#include "channel_harness.h"
#include "wire/limits.h"

namespace pinion::daemon::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LinesChannelTest : public ChannelTest {
protected:
    LinesChannelTest() { open(JobProtocol::lines); }
};
class RawChannelTest : public ChannelTest {
protected:
    RawChannelTest() { open(JobProtocol::lines, PayloadKind::raw); }
};

std::string answer(std::uint64_t id, const std::string& result) {
    return R"({"id":)" + std::to_string(id) + R"(,"result":)" + result + "}\n";
}

TEST_F(LinesChannelTest, WritesTheJobsOfATurnAtOnceAndCallsNobodyFromWithin) {
    send(1, "[1,\n2]", 60s);
    send(2, "\"x\"");
    EXPECT_EQ(worker_reads(), "") << "not before the turn ends";
    turn_until_idle();
    EXPECT_EQ(worker_reads(),
              "{\"id\":1,\"input\":[1, 2],\"attempt\":2,\"deadline_ms\":60000}\n"
              "{\"id\":2,\"input\":\"x\",\"attempt\":2}\n");
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(LinesChannelTest, WritesInOneTurnWhatIsSentForAnswers) {
    send(1, "1");
    owner_.on_answer = [&](const ChannelAnswer& given) { send(given.attempt.value + 1, "2"); };
    worker_writes(answer(1, "1"));
    EXPECT_THAT(worker_reads(), HasSubstr("{\"id\":2,\"input\":2,"));
}

TEST_F(LinesChannelTest, TakesAnswersInAnyOrder) {
    for (std::uint64_t id : {1, 2, 3}) send(id, "0");
    worker_writes(answer(2, "{\"b\" : 2}") + answer(3, "null") + answer(1, "1e400"));
    EXPECT_THAT(told(), ElementsAre("done 2", "done 3", "done 1"));
    EXPECT_EQ(owner_.answers[0].result, "{\"b\" : 2}") << "as it was written";
    EXPECT_EQ(owner_.answers[2].result, "1e400");
}

TEST_F(LinesChannelTest, TakesASecondAnswerAndOneThatNobodyAskedForAsOutput) {
    send(1, "0");
    worker_writes(answer(1, "1") + answer(1, "2") + answer(77, "3") + "{\"id\":1,\"progress\":1}\n");
    EXPECT_THAT(told(), ElementsAre("done 1", "stray {\"id\":1,\"result\":2}", "stray {\"id\":77,\"result\":3}",
                                    "stray {\"id\":1,\"progress\":1}"));
}

TEST_F(LinesChannelTest, TellsAnErrorWithItsWishes) {
    send(1, "0");
    send(2, "0");
    worker_writes(
        "{\"id\":1,\"error\":{\"type\":\"E\\\"\",\"message\":\"m\",\"retry\":false,\"after\":1.5}}\n"
        "{\"id\":2,\"error\":7}\n");
    EXPECT_THAT(told(), ElementsAre("error 1", "error 2"));
    EXPECT_EQ(owner_.answers[0].verdict, (jobs::Verdict{jobs::Outcome::error, false, 1500ms}));
    EXPECT_EQ(owner_.answers[0].error, R"({"type":"E\"","message":"m"})");
    EXPECT_EQ(owner_.answers[1].verdict.retry, false) << "a malformed answer would be given again";
    EXPECT_THAT(owner_.answers[1].error, HasSubstr("protocol"));
}

TEST_F(LinesChannelTest, TellsProgressAndPushes) {
    send(1, "0");
    worker_writes(
        "{\"id\":1,\"progress\":0.5,\"note\":\"half\"}\n"
        "{\"id\":1,\"result\":0,\"push\":[{\"pool\":\"next\",\"input\":[ 1 ],\"priority\":9,\"delay\":2}]}\n");
    EXPECT_THAT(told(), ElementsAre("progress 1 50 half", "done 1"));
    ASSERT_THAT(owner_.answers[0].pushes, SizeIs(1));
    const ChannelPush& push = owner_.answers[0].pushes[0];
    EXPECT_EQ(push.pool + push.input, "next[ 1 ]");
    EXPECT_EQ(push.priority, 9U);
    EXPECT_EQ(push.delay, 2s);
}

TEST_F(LinesChannelTest, PassesOnWhatIsNoAnswer) {
    send(1, "0");
    const std::string garbage("\xff\x00{\"id\":1", 9);
    worker_writes("Loading model...\n\n" + garbage + "\n" + std::string(5000, 'x') + "\n" + answer(1, "1"));
    EXPECT_THAT(told(), ElementsAre("stray Loading model...", "stray ", "stray " + garbage,
                                    "cut " + std::string(wire::limits::max_stray_bytes, 'x'), "done 1"));
}

TEST_F(LinesChannelTest, TakesHalfALineAtTheEndAsOutput) {
    send(1, "0");
    worker_writes("{\"id\":1,\"result\":1}");
    EXPECT_THAT(told(), IsEmpty());
    channel_->drain();
    EXPECT_THAT(told(), ElementsAre("cut {\"id\":1,\"result\":1}"));
    channel_->drain();
    EXPECT_THAT(told(), IsEmpty()) << "once";
}

TEST_F(LinesChannelTest, TakesALineThatNeverEndsAsOutputAndGoesOn) {
    send(1, "0");
    worker_writes(std::string(17 << 20, 'y'));
    worker_writes("y\n" + answer(1, "1"));
    EXPECT_THAT(told(), ElementsAre("cut " + std::string(wire::limits::max_stray_bytes, 'y'), "done 1"));
}

TEST_F(LinesChannelTest, AnswersForAResultThatIsTooLarge) {
    for (std::uint64_t id : {1, 2, 3}) send(id, "0");
    worker_writes(answer(1, "\"" + std::string(17 << 20, 'z') + "\""));
    worker_writes(answer(2, "\"" + std::string(wire::limits::max_payload_bytes - 1, 'z') + "\""));
    worker_writes(answer(3, "\"" + std::string(wire::limits::max_payload_bytes - 2, 'z') + "\""));
    EXPECT_THAT(told(), ElementsAre("error 1", "error 2", "done 3"));
    EXPECT_THAT(owner_.answers[0].error, HasSubstr("too_large"));
    EXPECT_EQ(owner_.answers[0].verdict.retry, false);
}

TEST_F(LinesChannelTest, ReadsWhatAnEndedWorkerLeftEvenIfSomebodyHoldsItsOutput) {
    send(1, "0");
    ASSERT_GT(::write(worker_out_.fd(), answer(1, "1").data(), answer(1, "1").size()), 0);
    channel_->drain();
    EXPECT_THAT(told(), ElementsAre("done 1"));
}

TEST_F(LinesChannelTest, KeepsWhatAWorkerDoesNotReadAndSaysSo) {
    const std::string large = "\"" + std::string(300'000, 'a') + "\"";
    for (std::uint64_t id : {1, 2, 3}) send(id, large);
    turn_until_idle();
    EXPECT_THAT(told(), ElementsAre("blocked"));
    send(4, "4");
    turn_until_idle();
    EXPECT_THAT(told(), IsEmpty()) << "it is told once";
    std::string all;
    while (all.empty() || all.find("\"input\":4,") == std::string::npos) {
        const auto some = worker_reads(100'000);
        ASSERT_NE(some, "");
        all += some;
        turn_until_idle();
    }
    EXPECT_THAT(told(), ElementsAre("unblocked"));
    EXPECT_EQ(std::ranges::count(all, '\n'), 4);
    EXPECT_EQ(std::ranges::count(all, 'a') - 4, 900'000) << "and the four of 'attempt'";
}

TEST_F(LinesChannelTest, SendsNothingMoreToAWorkerThatClosedItsInputAndStillHearsIt) {
    worker_in_.reset();
    send(1, "1");
    turn_until_idle();
    EXPECT_THAT(told(), ElementsAre("blocked", "deaf"));
    send(2, "2");
    worker_writes(answer(2, "2") + answer(1, "1"));
    EXPECT_THAT(told(), ElementsAre("done 2", "done 1"));
}

TEST_F(LinesChannelTest, ClosesItsInputWhenAllWasTaken) {
    send(1, "\"" + std::string(200'000, 'a') + "\"");
    channel_->finish_input();
    turn_until_idle();
    std::string all;
    for (int i = 0; i < 100 && all.find('\n') == std::string::npos; ++i) {
        all += worker_reads(10'000);
        turn_until_idle();
    }
    EXPECT_GT(all.size(), 200'000U);
    char byte = 0;
    EXPECT_EQ(::read(worker_in_.fd(), &byte, 1), 0) << "the end";
    worker_writes(answer(1, "1"));
    EXPECT_EQ(told().back(), "done 1") << "answers still come";
}

TEST_F(LinesChannelTest, BoundsWhatItReadsInOneTurn) {
    ASSERT_GE(::fcntl(worker_out_.fd(), F_SETPIPE_SZ, 1 << 20), 1 << 20);
    const std::string text = std::string(1023, 'p') + "\n";
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(::write(worker_out_.fd(), text.data(), text.size()), 1024);
    ASSERT_GT(sd_event_run(loop_.raw(), 0), 0);
    EXPECT_THAT(owner_.told.size(), ::testing::AllOf(::testing::Ge(64U), ::testing::Le(512U)));
    turn_until_idle();
    EXPECT_EQ(owner_.told.size(), 1000U);
}

TEST_F(RawChannelTest, GivesTheLinesBackInOrder) {
    send(1, "a");
    send(2, "");
    turn_until_idle();
    EXPECT_EQ(worker_reads(), "a\n\n");
    worker_writes("A\nB");
    worker_writes("B\n");
    EXPECT_THAT(told(), ElementsAre("done 1", "done 2"));
    EXPECT_EQ(owner_.answers[0].result, "A");
    EXPECT_EQ(owner_.answers[1].result, "BB");
}

TEST_F(RawChannelTest, EndsAWorkerThatWritesALineTooManyAndTrustsNothingAfterIt) {
    send(1, "a");
    worker_writes("A\nsurplus\nmore\n");
    EXPECT_THAT(told(), ElementsAre("done 1", "stray surplus", "broken"));
    send(2, "b");
    turn_until_idle();
    channel_->drain();
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(RawChannelTest, TakesHalfALineAtTheEndForNoAnswer) {
    send(1, "a");
    worker_writes("12");
    channel_->drain();
    EXPECT_THAT(told(), ElementsAre("cut 12"));
}

TEST_F(RawChannelTest, AnswersForALineThatIsTooLongAndKeepsTheOrder) {
    send(1, "a");
    send(2, "b");
    worker_writes(std::string(17 << 20, 'z') + "\nB\n");
    EXPECT_THAT(told(), ElementsAre("error 1", "done 2"));
}

TEST_F(RawChannelTest, RefusesAnInputOfSeveralLinesInATurnOfItsOwn) {
    send(1, "a\nb");
    send(2, "c");
    send(3, "\n");
    EXPECT_THAT(told(), IsEmpty());
    turn_until_idle();
    EXPECT_EQ(worker_reads(), "c\n");
    worker_writes("C\n");
    EXPECT_THAT(told(), ElementsAre("error 1", "error 3", "done 2"));
    EXPECT_EQ(owner_.answers[0].verdict.retry, false);
}

}  // namespace
}  // namespace pinion::daemon::testing
