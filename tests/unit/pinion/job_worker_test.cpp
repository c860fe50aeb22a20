// SPDX-License-Identifier: Apache-2.0
// The worker kit against a daemon that the test plays: what handlers see, what becomes of what they return and throw,
// and when answers go out.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pinion/job_worker.h>
#include <pinion/process.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>

#include "base/fd.h"
#include "children.h"
#include "wire/frames.h"
#include "wire/held_answers.h"
#include "wire/job_messages.h"
#include "wire/limits.h"

namespace pinion {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using wire::FrameCodec;

constexpr int plenty_ms = 30'000;

// "2 7 [1]": type, id and payload of a frame.
using Told = std::vector<std::string>;

class JobWorkerTest : public ::testing::Test {
protected:
    // Starts a worker whose socket is its descriptor `number`.
    void start(const JobWorker::Handler& handler, int number = 0) {
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        socket_ = UniqueFd(ends[0]);
        const UniqueFd theirs(ends[1]);
        worker_.emplace([&] {
            socket_.reset();
            ::dup2(theirs.fd(), number);
            ::close(theirs.fd());
            ::setenv("PINION_FD", std::to_string(number).c_str(), 1);
            return JobWorker().run(handler);
        });
    }

    static std::string job(std::uint64_t id, std::string_view input, FrameCodec codec = FrameCodec::json,
                           std::uint16_t attempt = 1, std::uint32_t remaining_ms = 0) {
        std::string bytes;
        wire::append_frame(bytes, {.type = 1, .codec = codec, .flags = attempt, .id = id, .remaining_ms = remaining_ms},
                           input);
        return bytes;
    }
    void send(std::string_view bytes) { ASSERT_TRUE(write_all(socket_.fd(), bytes)); }
    // The same, with a descriptor, as the daemon sends its first bytes.
    void send_with(int fd, std::string_view bytes) {
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        CMSG_FIRSTHDR(&message)->cmsg_level = SOL_SOCKET;
        CMSG_FIRSTHDR(&message)->cmsg_type = SCM_RIGHTS;
        CMSG_FIRSTHDR(&message)->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof fd);
        ASSERT_EQ(::sendmsg(socket_.fd(), &message, 0), static_cast<ssize_t>(bytes.size()));
    }

    // The next `count` frames, or as many as come before the end.
    Told next(std::size_t count = 1) {
        while (frames_.size() < count) {
            pollfd fd{.fd = socket_.fd(), .events = POLLIN, .revents = 0};
            EXPECT_EQ(::poll(&fd, 1, plenty_ms), 1) << "no answer in time";
            char buffer[65536];
            const auto n = fd.revents == 0 ? 0 : ::read(socket_.fd(), buffer, sizeof buffer);
            if (n <= 0) break;
            ++reads_;
            received_ += static_cast<std::uint64_t>(n);
            EXPECT_TRUE(reader_.feed({buffer, static_cast<std::size_t>(n)},
                                     [&](const wire::FrameHeader& header, std::string_view payload) {
                                         EXPECT_TRUE(wire::check_frame(header, wire::Sender::worker));
                                         frames_.push_back(std::to_string(header.type) + " " +
                                                           std::to_string(header.id) + " " + std::string(payload));
                                     }));
        }
        count = std::min(count, frames_.size());
        Told told(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(count));
        frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(count));
        return told;
    }
    int finish() {
        ::shutdown(socket_.fd(), SHUT_WR);
        EXPECT_TRUE(worker_->join(testing::plenty));
        return worker_->death() ? worker_->death()->status : -1;
    }

    UniqueFd socket_;
    std::optional<Process> worker_;
    wire::FrameReader reader_{wire::limits::max_answer_bytes};
    std::deque<std::string> frames_;
    int reads_ = 0;
    std::uint64_t received_ = 0;  // bytes
};

std::string echo(const Job& job) { return std::string(job.input()); }

TEST_F(JobWorkerTest, AnswersJobsInOrderAndEndsWithThem) {
    start(echo);
    send(job(1, "[1]") + job(2, "\"x\""));
    EXPECT_THAT(next(2), ElementsAre("2 1 [1]", "2 2 \"x\""));
    EXPECT_EQ(finish(), 0);
}

TEST_F(JobWorkerTest, TakesFramesHoweverTheyAreCut) {
    start(echo);
    const auto bytes = job(1, "12") + job(2, "");
    for (const char byte : bytes) send({&byte, 1});
    EXPECT_THAT(next(2), ElementsAre("2 1 12", "2 2 "));
}

TEST_F(JobWorkerTest, ShowsAHandlerItsJob) {
    start([](const Job& job) {
        return std::to_string(job.id()) + (job.is_raw() ? " raw " : " json ") + std::to_string(job.attempt()) + " " +
               std::to_string(job.remaining().value_or(0ms).count());
    });
    send(job(7, "x", FrameCodec::raw, 3, 1500) + job(8, "1"));
    EXPECT_THAT(next(2), ElementsAre("2 7 7 raw 3 1500", "2 8 8 json 1 0"));
}

TEST_F(JobWorkerTest, SendsMegabytes) {
    start(echo);
    const std::string large(wire::limits::max_payload_bytes, 'x');
    send(job(1, large, FrameCodec::raw) + job(2, "2"));
    const auto told = next(2);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].size(), large.size() + 4);
    EXPECT_EQ(told[1], "2 2 2");
}

TEST_F(JobWorkerTest, TellsWhatAHandlerThrows) {
    start([](const Job& job) -> std::string {
        if (job.input() == "1") throw JobError("busy", "later \"please\"\n\xff").retry(true).after(1500ms);
        if (job.input() == "2") throw JobError("bad", "never").retry(false);
        if (job.input() == "3") throw std::out_of_range("too far");
        throw 4;
    });
    send(job(1, "1") + job(2, "2") + job(3, "3") + job(4, "4") + job(5, "5"));
    EXPECT_THAT(next(4),
                ElementsAre(R"(3 1 {"type":"busy","message":"later \"please\"\u000a?","retry":true,"after":1.500000})",
                            R"(3 2 {"type":"bad","message":"never","retry":false})",
                            R"(3 3 {"type":"std::out_of_range","message":"too far"})",
                            R"(3 4 {"type":"int","message":"no text"})"));
    EXPECT_THAT(next(), ElementsAre(StartsWith("3 5 "))) << "the worker lives";
}

TEST_F(JobWorkerTest, CutsLongTextsBetweenCharacters) {
    start([](const Job&) -> std::string {
        std::string text = "a";
        for (int i = 0; i < 1000; ++i) text += "\xc3\xa9";
        throw JobError("t", text);
    });
    send(job(1, "1"));
    const auto told = next().at(0);
    const auto error = wire::Json::parse(told.substr(4));
    ASSERT_TRUE(error) << told;
    EXPECT_EQ(error->find("message")->as_string()->size(), 1023U);
}

TEST_F(JobWorkerTest, RefusesAResultThatIsTooLarge) {
    start([](const Job&) { return std::string(wire::limits::max_payload_bytes + 1, 'x'); });
    send(job(1, "1"));
    EXPECT_THAT(next(), ElementsAre(::testing::AllOf(StartsWith("3 1 "), HasSubstr("too_large"), HasSubstr("false"))));
}

TEST_F(JobWorkerTest, SendsProgressAtOnceAndPushesBeforeTheResult) {
    int gate[2];
    ASSERT_EQ(::pipe(gate), 0);
    start([&](const Job& job) {
        job.progress(0.25, "a quarter");
        char byte = 0;
        static_cast<void>(::read(gate[0], &byte, 1));
        job.push("next", "[1]", {.priority = 9, .delay = 2s});
        return std::string("1");
    });
    send(job(1, "1"));
    EXPECT_THAT(next(), ElementsAre(R"(4 1 {"progress":0.250000,"note":"a quarter"})"));
    ASSERT_EQ(::write(gate[1], "x", 1), 1);
    const auto told = next(2);
    ASSERT_EQ(told.size(), 2U);
    const auto body = wire::decode_body(std::string_view(told[0]).substr(4));
    ASSERT_TRUE(body) << told[0];
    EXPECT_EQ(body->head.dump(), R"({"pool":"next","priority":9,"delay":2.0})");
    EXPECT_THAT(body->items, ElementsAre("[1]"));
    EXPECT_EQ(told[1], "2 1 1");
    ::close(gate[0]);
    ::close(gate[1]);
}

TEST_F(JobWorkerTest, LetsNoAnswerWaitForALongJob) {
    int gate[2];
    ASSERT_EQ(::pipe(gate), 0);
    start([&](const Job& job) {
        char byte = 0;
        if (job.input() == "2") static_cast<void>(::read(gate[0], &byte, 1));
        return std::string(job.input());
    });
    send(job(1, "1") + job(2, "2"));
    EXPECT_THAT(next(), ElementsAre("2 1 1")) << "while the second runs";
    ASSERT_EQ(::write(gate[1], "x", 1), 1);
    EXPECT_THAT(next(), ElementsAre("2 2 2"));
    ::close(gate[0]);
    ::close(gate[1]);
}

TEST_F(JobWorkerTest, SendsWhatItHasBeforeAJobThatWasTriedBefore) {
    start([](const Job& job) {
        if (job.input() == "2") std::raise(SIGKILL);
        return std::string(job.input());
    });
    send(job(1, "1") + job(2, "2", FrameCodec::json, 2));
    EXPECT_THAT(next(2), ElementsAre("2 1 1"));
}

// Whatever of the answers was sent: together with what the memory holds, all is there.
TEST_F(JobWorkerTest, LeavesTheAnswersThatItHeldInTheDaemonsMemoryWhenItIsKilled) {
    const std::string large(wire::held_room, 'x');
    for (int round = 0; round < 50; ++round) {
        const UniqueFd memory(::memfd_create("held", MFD_CLOEXEC));
        ASSERT_EQ(::ftruncate(memory.fd(), wire::held_memory_bytes), 0);
        frames_.clear();
        reader_ = wire::FrameReader(wire::limits::max_answer_bytes);
        received_ = 0;
        start([&](const Job& job) {
            if (job.input() == "die") std::raise(SIGKILL);
            return round % 2 == 1 && job.id() == 5 ? large : std::string(job.input());
        });
        std::string bytes;
        constexpr std::uint64_t jobs = 20;
        for (std::uint64_t id = 1; id <= jobs; ++id) bytes += job(id, "1", FrameCodec::raw);
        send_with(memory.fd(), bytes + job(jobs + 1, "die"));
        auto told = next(jobs + 1);
        std::string held(wire::held_memory_bytes, '\0');
        ASSERT_GT(::pread(memory.fd(), held.data(), held.size(), 0), 0);
        ASSERT_TRUE(
            reader_.feed(wire::not_received(held, received_), [&](const wire::FrameHeader& header, std::string_view) {
                told.push_back("2 " + std::to_string(header.id));
            }));
        EXPECT_EQ(told.size(), jobs) << "with " << received_ << " bytes received";
        worker_.reset();
    }
}

TEST_F(JobWorkerTest, AnswersManyQuickJobsTogether) {
    start(echo);
    std::string bytes;
    for (std::uint64_t id = 1; id <= 1000; ++id) bytes += job(id, "1");
    send(bytes);
    EXPECT_EQ(next(1000).size(), 1000U);
    EXPECT_LT(reads_, 500);
}

TEST_F(JobWorkerTest, KeepsTheSocketAndItsVariableFromChildren) {
    constexpr const char* instead[] = {"test \"$(readlink /proc/self/fd/0)\" = /dev/null",
                                       "test ! -e /proc/self/fd/99"};
    // 99: one that this process has in no use.
    for (const int number : {0, 99}) {
        const std::string question = "test -z \"$PINION_FD\" && " + std::string(instead[number == 0 ? 0 : 1]);
        start([&](const Job&) { return std::to_string(std::system(question.c_str())); }, number);
        send(job(1, "1"));
        EXPECT_THAT(next(), ElementsAre("2 1 0")) << number;
        EXPECT_EQ(finish(), 0);
    }
}

TEST_F(JobWorkerTest, EndsQuietlyWhenTheDaemonIsGone) {
    start([](const Job& job) {
        while (::getppid() == 0) {
        }
        return std::string(job.input());
    });
    send(job(1, "1"));
    socket_.reset();
    ASSERT_TRUE(worker_->join(testing::plenty));
    EXPECT_EQ(worker_->death()->status, 0);
}

TEST_F(JobWorkerTest, ThrowsWhereTheDaemonIsNotUnderstood) {
    start(echo);
    send(std::string(64, '\xee'));
    ASSERT_TRUE(worker_->join(testing::plenty));
    EXPECT_EQ(worker_->death()->status, 1);
    EXPECT_THAT(worker_->death()->error, HasSubstr("job worker: read frame:"));
}

TEST(JobWorkerAlone, SaysWhatItIsFor) {
    ::unsetenv("PINION_FD");
    try {
        JobWorker worker;
        ADD_FAILURE() << "it began";
    } catch (const Failure& failure) {
        EXPECT_THAT(failure.what(), HasSubstr("protocol: frames"));
    }
}

}  // namespace
}  // namespace pinion
