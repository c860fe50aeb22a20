// SPDX-License-Identifier: Apache-2.0
// The channel of frames: every cut of the stream, pushes before a result, frames that no worker may send, and what the
// runner of exec says of a process.
#include <sys/socket.h>

#include <cstring>

#include "channel_harness.h"
#include "wire/frames.h"
#include "wire/held_answers.h"
#include "wire/job_messages.h"
#include "wire/limits.h"

namespace pinion::daemon::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::FrameCodec;
using wire::MessageType;

std::string frame(MessageType type, std::uint64_t id, std::string_view payload, FrameCodec codec = FrameCodec::json) {
    std::string out;
    wire::append_frame(out, {.type = static_cast<std::uint8_t>(type), .codec = codec, .id = id}, payload);
    return out;
}
std::string result(std::uint64_t id, std::string_view payload) { return frame(MessageType::result, id, payload); }
std::string push(std::uint64_t id, const std::string& head, std::vector<std::string_view> inputs) {
    return frame(MessageType::push, id, wire::encode_body(wire::Json::parse(head).value(), inputs), FrameCodec::body);
}

class FramesChannelTest : public ChannelTest {
protected:
    FramesChannelTest() { open(JobProtocol::frames); }
};
class RawFramesChannelTest : public ChannelTest {
protected:
    RawFramesChannelTest() { open(JobProtocol::frames, PayloadKind::raw); }
};
class ExecChannelTest : public ChannelTest {
protected:
    ExecChannelTest() { open(JobProtocol::exec); }
};

TEST_F(FramesChannelTest, SendsAJobWithItsAttemptAndWhatIsLeftOfItsTime) {
    send(7, "[1]", 1500ms);
    send(8, "2", 10us);
    send(9, "3");
    turn_until_idle();
    std::vector<wire::FrameHeader> headers;
    std::string payloads;
    wire::FrameReader reader(wire::limits::max_answer_bytes);
    ASSERT_TRUE(reader.feed(worker_reads(), [&](const wire::FrameHeader& header, std::string_view payload) {
        headers.push_back(header);
        payloads += payload;
    }));
    ASSERT_THAT(headers, SizeIs(3));
    EXPECT_EQ(payloads, "[1]23");
    EXPECT_EQ(headers[0],
              (wire::FrameHeader{
                  .length = 3, .type = 1, .codec = FrameCodec::json, .flags = 2, .id = 7, .remaining_ms = 1500}));
    EXPECT_EQ(headers[1].remaining_ms, 1U) << "0 would be none";
    EXPECT_EQ(headers[2].remaining_ms, 0U);
}

TEST_F(FramesChannelTest, TakesAStreamHoweverItIsCut) {
    const auto stream = result(1, "\"one\"") + push(2, R"({"pool":"next","priority":3})", {"1", "2"}) +
                        frame(MessageType::progress, 2, R"({"progress":0.25,"note":"n"})") + result(2, "2") +
                        frame(MessageType::error, 3, R"({"type":"t","message":"m","retry":true,"after":0.5})");
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        for (std::uint64_t id : {1, 2, 3}) send(id, "0");
        owner_.answers.clear();
        worker_writes(stream.substr(0, cut));
        worker_writes(stream.substr(cut));
        EXPECT_THAT(told(), ElementsAre("done 1", "progress 2 25 n", "done 2", "error 3")) << "cut at " << cut;
        ASSERT_THAT(owner_.answers, SizeIs(3));
        EXPECT_EQ(owner_.answers[0].result, "\"one\"");
        ASSERT_THAT(owner_.answers[1].pushes, SizeIs(2));
        EXPECT_EQ(owner_.answers[1].pushes[1].input, "2");
        EXPECT_EQ(owner_.answers[1].pushes[1].priority, 3U);
        EXPECT_EQ(owner_.answers[2].verdict, (jobs::Verdict{jobs::Outcome::error, true, 500ms}));
        EXPECT_EQ(owner_.answers[2].error, R"({"type":"t","message":"m"})");
        worker_reads();
    }
}

TEST_F(FramesChannelTest, TakesAStreamByteByByte) {
    send(1, "0");
    for (const char byte : push(1, R"({"pool":"next"})", {"[]"}) + result(1, "{}")) worker_writes({&byte, 1});
    EXPECT_THAT(told(), ElementsAre("done 1"));
    EXPECT_EQ(owner_.answers[0].pushes.size(), 1U);
}

TEST_F(FramesChannelTest, LogsFramesForAttemptsThatTheWorkerDoesNotHave) {
    send(1, "0");
    worker_writes(result(1, "1") + result(1, "2") + push(5, R"({"pool":"next"})", {"1"}));
    EXPECT_THAT(told(), ElementsAre("done 1", HasSubstr("stray a frame for attempt 1,"), HasSubstr("attempt 5,")));
}

TEST_F(FramesChannelTest, EndsAWorkerWhoseFrameIsNone) {
    send(1, "0");
    worker_writes(std::string(64, '\xee') + result(1, "1"));
    EXPECT_THAT(told(), ElementsAre("broken"));
    EXPECT_THAT(owner_.reasons, ElementsAre(HasSubstr("codec")));
    send(2, "0");
    turn_until_idle();
    channel_->drain();
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(FramesChannelTest, EndsAWorkerThatSendsWhatIsNotItsToSend) {
    send(1, "0");
    worker_writes(frame(MessageType::submit, 1, "", FrameCodec::body) + result(1, "1"));
    EXPECT_THAT(told(), ElementsAre("broken"));
}

TEST_F(FramesChannelTest, RefusesResultsThatAreNotJson) {
    for (std::uint64_t id : {1, 2, 3}) send(id, "0");
    worker_writes(result(1, "not json") + frame(MessageType::result, 2, "1", FrameCodec::raw) +
                  result(3, "\"" + std::string(wire::limits::max_payload_bytes - 1, 'z') + "\""));
    EXPECT_THAT(told(), ElementsAre("error 1", "error 2", "error 3"));
    for (const auto& answer : owner_.answers) EXPECT_EQ(answer.verdict.retry, false);
    EXPECT_THAT(owner_.answers[2].error, HasSubstr("too_large"));
}

TEST_F(FramesChannelTest, FailsAnAttemptWhosePushesCantBeHad) {
    const std::vector<std::string_view> many(wire::limits::max_pushes + 1, "1");
    const std::vector<std::string> wrong{
        push(1, R"({"pool":"No pool"})", {"1"}), push(1, R"({"pool":"next","priority":10})", {"1"}),
        push(1, R"({"pool":"next"})", {"not json"}), push(1, R"({"pool":"next"})", many),
        frame(MessageType::push, 1, "abc", FrameCodec::body)};
    for (const auto& bytes : wrong) {
        send(1, "0");
        worker_writes(bytes + push(1, R"({"pool":"next"})", {"1"}) + result(1, "1"));
        EXPECT_THAT(told(), ElementsAre("error 1"));
        EXPECT_THAT(owner_.answers.back().error, HasSubstr("protocol"));
        EXPECT_THAT(owner_.answers.back().pushes, IsEmpty());
    }
    send(1, "0");
    worker_writes(push(1, R"({"pool":"next"})", {many.begin(), many.end() - 1}) + result(1, "1"));
    EXPECT_EQ(owner_.answers.back().pushes.size(), wire::limits::max_pushes) << "at the bound";
}

TEST_F(FramesChannelTest, ForgetsPushesOfAnAttemptThatFails) {
    send(1, "0");
    worker_writes(push(1, R"({"pool":"next"})", {"1"}) + frame(MessageType::error, 1, R"({"type":"t","message":"m"})"));
    EXPECT_THAT(told(), ElementsAre("error 1"));
    EXPECT_THAT(owner_.answers[0].pushes, IsEmpty());
}

TEST_F(FramesChannelTest, BoundsTheBytesOfPushes) {
    send(1, "0");
    const std::string large = "\"" + std::string(9 << 20, 'a') + "\"";
    worker_writes(push(1, R"({"pool":"next"})", {large}));
    worker_writes(push(1, R"({"pool":"next"})", {large}) + result(1, "1"));
    EXPECT_THAT(told(), ElementsAre("error 1"));
}

TEST_F(FramesChannelTest, ReadsWhatAnEndedWorkerLeftAndForgetsHalfAFrame) {
    send(1, "0");
    send(2, "0");
    const auto left = result(1, "1") + result(2, "22").substr(0, 25);
    ASSERT_EQ(::write(worker_out_.fd(), left.data(), left.size()), static_cast<ssize_t>(left.size()));
    worker_in_.reset();
    worker_out_.reset();
    channel_->drain();
    EXPECT_THAT(told(), ElementsAre("done 1"));
}

// Takes the memory that comes with the first bytes, as the worker kit does.
UniqueFd receive_memory(const UniqueFd& socket) {
    char bytes[4096];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part{.iov_base = bytes, .iov_len = sizeof bytes};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    int given = -1;
    if (::recvmsg(socket.fd(), &message, MSG_CMSG_CLOEXEC) > 0 && CMSG_FIRSTHDR(&message) != nullptr)
        std::memcpy(&given, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof given);
    return UniqueFd(given);
}
void hold(const UniqueFd& memory, std::uint64_t start, std::uint64_t count, std::string_view bytes) {
    std::string text;
    wire::append_u64(text, start);
    wire::append_u64(text, count);
    text += bytes;
    ASSERT_EQ(::pwrite(memory.fd(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
}

TEST_F(FramesChannelTest, FindsTheAnswersThatADeadWorkerHeldWhereverItsStreamBrokeOff) {
    const auto stream = result(1, "1") + push(2, R"({"pool":"next"})", {"7"}) + result(2, "2");
    for (std::size_t sent = 0; sent <= stream.size(); ++sent) {
        open(JobProtocol::frames);
        for (std::uint64_t id : {1, 2, 3}) send(id, "0");
        turn_until_idle();
        const UniqueFd memory = receive_memory(worker_in_);
        ASSERT_TRUE(memory);
        hold(memory, 0, stream.size(), stream);
        worker_writes(stream.substr(0, sent));
        channel_->drain();
        EXPECT_THAT(told(), ElementsAre("done 1", "done 2")) << sent;
        EXPECT_EQ(owner_.answers.back().pushes.size(), 1U) << sent;
        channel_->drain();
        EXPECT_THAT(told(), IsEmpty());
    }
}

TEST_F(FramesChannelTest, TakesNothingFromAMemoryThatDoesNotContinueTheStream) {
    const auto bytes = result(1, "1");
    struct Case {
        std::uint64_t start, count;
    };
    for (const auto& [start, count] : {Case{1, bytes.size()}, Case{0, UINT64_MAX}, Case{UINT64_MAX, 1}, Case{0, 0},
                                       Case{0, wire::held_room + 1}, Case{0, bytes.size() - 1}}) {
        open(JobProtocol::frames);
        send(1, "0");
        turn_until_idle();
        const UniqueFd memory = receive_memory(worker_in_);
        ASSERT_TRUE(memory);
        hold(memory, start, count, bytes);
        EXPECT_LT(::ftruncate(memory.fd(), 0), 0) << "it is sealed";
        channel_->drain();
        EXPECT_THAT(told(), IsEmpty()) << start << " " << count;
    }
}

TEST_F(FramesChannelTest, HearsAWorkerWhoseInputIsFinished) {
    send(1, "1");
    channel_->finish_input();
    turn_until_idle();
    EXPECT_EQ(worker_reads().size(), wire::frame_header_bytes + 1);
    char byte = 0;
    EXPECT_EQ(::read(worker_in_.fd(), &byte, 1), 0);
    worker_writes(result(1, "1"));
    EXPECT_THAT(told(), ElementsAre("done 1"));
}

TEST_F(FramesChannelTest, KeepsWhatAWorkerDoesNotRead) {
    const std::string large = "\"" + std::string(wire::limits::max_payload_bytes - 2, 'a') + "\"";
    send(1, large);
    turn_until_idle();
    EXPECT_THAT(told(), ElementsAre("blocked"));
    std::size_t got = 0;
    while (got < large.size() + wire::frame_header_bytes) {
        const auto some = worker_reads(1 << 20).size();
        ASSERT_GT(some, 0U);
        got += some;
        turn_until_idle();
    }
    EXPECT_THAT(told(), ElementsAre("unblocked"));
}

TEST_F(FramesChannelTest, IsSilentWhereNobodyReadsAnyMore) {
    worker_in_.reset();
    worker_out_.reset();
    send(1, "1");
    turn_until_idle();
    EXPECT_THAT(told(), ::testing::UnorderedElementsAre("blocked", "deaf", "mute"));
    channel_->drain();
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(RawFramesChannelTest, PassesAnyBytes) {
    const std::string bytes("\0\xff\n", 3);
    send(1, bytes);
    turn_until_idle();
    EXPECT_THAT(worker_reads(), ::testing::EndsWith(bytes));
    worker_writes(frame(MessageType::result, 1, bytes, FrameCodec::raw));
    EXPECT_EQ(owner_.answers.at(0).result, bytes);
}

TEST_F(ExecChannelTest, SendsTheRunnerTheJobsIdAndItsInput) {
    send(7, "[1]", 1500ms);
    turn_until_idle();
    const auto bytes = worker_reads();
    const auto header = wire::decode_header(bytes, wire::limits::max_answer_bytes).value();
    EXPECT_EQ(header.codec, FrameCodec::body);
    EXPECT_EQ(header.flags, 2U);
    EXPECT_TRUE(wire::check_frame(header, wire::Sender::daemon));
    const auto body = wire::decode_body(std::string_view(bytes).substr(wire::frame_header_bytes)).value();
    EXPECT_EQ(body.head.dump(), R"({"job":1007})");
    EXPECT_THAT(body.items, ElementsAre("[1]"));
}

TEST_F(ExecChannelTest, JudgesTheEndOfAProcess) {
    const auto verdict = [&](const std::string& more) {
        send(1, "0");
        worker_writes(frame(MessageType::error, 1, R"({"type":"t","message":"m")" + more + "}"));
        return owner_.answers.back().verdict;
    };
    using enum jobs::Outcome;
    EXPECT_EQ(verdict(R"(,"exit":3)"), (jobs::Verdict{error, {}, {}}));
    EXPECT_EQ(verdict(R"(,"exit":75)"), (jobs::Verdict{error, true, {}}));
    EXPECT_EQ(verdict(R"(,"exit":65)"), (jobs::Verdict{error, false, {}}));
    EXPECT_EQ(verdict(R"(,"signal":11)"), (jobs::Verdict{crash, {}, {}}));
    EXPECT_EQ(verdict(R"(,"signal":9,"oom":true)"), (jobs::Verdict{oom, {}, {}}));
    EXPECT_EQ(verdict(R"(,"retry":false)"), (jobs::Verdict{error, false, {}}));
}

TEST_F(ExecChannelTest, TellsHowAProcessDiedAndWhatItUsed) {
    send(1, "0");
    worker_writes(frame(MessageType::error, 1,
                        R"({"type":"signal","message":"m","signal":11,"core":true,)"
                        R"("peak_memory_bytes":4096,"cpu_usec":70})"));
    Death expected{.cause = Death::Cause::signaled, .status = 11, .core_dumped = true};
    expected.peak_memory_bytes = 4096;
    expected.cpu_user = Duration(70);
    EXPECT_EQ(owner_.answers.at(0).death, expected);
    send(2, "0");
    worker_writes(frame(MessageType::error, 2, R"({"type":"start","message":"start 'x': no such file"})"));
    EXPECT_EQ(owner_.answers.at(1).death, std::nullopt) << "nothing was executed";
}

TEST_F(FramesChannelTest, TakesNoWordOfASignalFromAnOrdinaryWorker) {
    send(1, "0");
    worker_writes(frame(MessageType::error, 1, R"({"type":"t","message":"m","signal":9})"));
    EXPECT_EQ(owner_.answers.at(0).verdict.outcome, jobs::Outcome::error);
    EXPECT_EQ(owner_.answers.at(0).death, std::nullopt);
}

}  // namespace
}  // namespace pinion::daemon::testing
