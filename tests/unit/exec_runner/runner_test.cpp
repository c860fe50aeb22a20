// SPDX-License-Identifier: Apache-2.0
// pinion-exec itself, on a socketpair: real processes, their ends, and what they leave behind.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>

#include "base/fd.h"
#include "base/time.h"
#include "wire/frames.h"
#include "wire/job_messages.h"
#include "wire/json.h"
#include "wire/limits.h"

namespace pinion::exec_runner {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using wire::MessageType;

constexpr int plenty_ms = 30'000;

struct Answer {
    std::uint64_t id = 0;
    bool result = false;
    std::string text;
};

class RunnerTest : public testing::Test {
protected:
    ~RunnerTest() override {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    // Starts the runner with the socket as its standard input, as the daemon does.
    void start(std::vector<std::string> command, const char* payload = "--json", const char* log = "/dev/null") {
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        socket_ = UniqueFd(ends[0]);
        const UniqueFd child(ends[1]);
        const UniqueFd err = open_file(log, O_WRONLY | O_CREAT | O_TRUNC, 0600).value();
        std::vector<std::string> words{PINION_BINARY_DIR "/pinion-exec", payload, "--"};
        words.insert(words.end(), command.begin(), command.end());
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        ::setenv("PINION_FD", "0", 1);
        pid_ = ::fork();
        ASSERT_GE(pid_, 0);
        if (pid_ == 0) {
            ::dup2(child.fd(), 0);
            ::dup2(err.fd(), 2);
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
    }

    void send(std::uint64_t id, std::string_view input, std::uint32_t remaining_ms = 0) {
        const std::string_view items[] = {input};
        std::string bytes;
        wire::append_frame(bytes,
                           {.type = static_cast<std::uint8_t>(MessageType::job),
                            .codec = wire::FrameCodec::body,
                            .flags = 2,
                            .id = id,
                            .remaining_ms = remaining_ms},
                           wire::encode_body(wire::Json::object().set("job", id + 1000), items));
        ASSERT_TRUE(write_all(socket_.fd(), bytes));
    }

    // The next answer; nothing at the end of the stream.
    std::optional<Answer> next() {
        while (answers_.empty()) {
            pollfd fd{.fd = socket_.fd(), .events = POLLIN, .revents = 0};
            if (::poll(&fd, 1, plenty_ms) != 1) {
                ADD_FAILURE() << "no answer in time";
                return std::nullopt;
            }
            char buffer[65536];
            const auto n = ::read(socket_.fd(), buffer, sizeof buffer);
            if (n <= 0) return std::nullopt;
            EXPECT_TRUE(reader_.feed(
                {buffer, static_cast<std::size_t>(n)}, [&](const wire::FrameHeader& header, std::string_view payload) {
                    const bool result = header.type == static_cast<std::uint8_t>(MessageType::result);
                    answers_.push_back({header.id, result, std::string(payload)});
                }));
        }
        auto answer = answers_.front();
        answers_.pop_front();
        return answer;
    }
    std::string ask(std::string_view input) {
        send(1, input);
        const auto answer = next();
        return answer ? answer->text : "the end";
    }

    int exit_status() {
        const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
        pollfd fd{.fd = pidfd.fd(), .events = POLLIN, .revents = 0};
        EXPECT_EQ(::poll(&fd, 1, plenty_ms), 1) << "it does not end";
        int status = 0;
        if (fd.revents != 0 && ::waitpid(pid_, &status, 0) == pid_) pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

    UniqueFd socket_;
    pid_t pid_ = -1;
    wire::FrameReader reader_{wire::limits::max_answer_bytes};
    std::deque<Answer> answers_;
};

std::vector<std::string> shell(const std::string& script) { return {"sh", "-c", script}; }

// Whether a process lives that is not a zombie.
bool lives(pid_t pid) {
    const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    return stat && stat->find(") Z ") == std::string::npos;
}

TEST_F(RunnerTest, RunsAProcessAJobAndEndsWithItsInput) {
    start({"cat"});
    for (std::uint64_t id = 1; id <= 20; ++id) send(id, "[" + std::to_string(id) + "]");
    for (std::uint64_t id = 1; id <= 20; ++id) {
        const auto answer = next();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->id, id);
        EXPECT_TRUE(answer->result);
        EXPECT_EQ(answer->text, "[" + std::to_string(id) + "]");
    }
    ::shutdown(socket_.fd(), SHUT_WR);
    EXPECT_EQ(exit_status(), 0);
}

TEST_F(RunnerTest, FinishesWhatItHasWhenItsInputEnds) {
    start({"cat"});
    send(1, "1");
    send(2, "2");
    ::shutdown(socket_.fd(), SHUT_WR);
    EXPECT_EQ(next()->text, "1");
    EXPECT_EQ(next()->text, "2");
    EXPECT_FALSE(next());
    EXPECT_EQ(exit_status(), 0);
}

TEST_F(RunnerTest, PassesMegabytesThroughAFilterWithoutDeadlock) {
    start({"cat"}, "--raw");
    std::string input(8 << 20, 'x');
    for (std::size_t i = 0; i < input.size(); i += 61) input[i] = '\0';
    EXPECT_TRUE(ask(input) == input);
}

TEST_F(RunnerTest, LetsAProcessLeaveItsInputUnread) {
    start(shell("exec <&-; sleep 0.05; echo done"));
    EXPECT_EQ(ask("\"" + std::string(1 << 20, 'x') + "\""), R"("done")");
}

TEST_F(RunnerTest, PutsTheInputIntoTheArgumentsAndNothingOnStandardInput) {
    start({"sh", "-c", "printf '%s|' \"$$@\"; cat; readlink /proc/self/fd/0", "sh", "${input}", "$$x"}, "--raw");
    EXPECT_EQ(ask("a b"), "a b|$x|/dev/null");
}

TEST_F(RunnerTest, TellsAJobItsNumbers) {
    start(shell("echo $$PINION_JOB $$PINION_ATTEMPT $${PINION_DEADLINE:-none} $${PINION_FD:-none}"), "--raw");
    EXPECT_EQ(ask(""), "1001 2 none none");
    const auto before = std::chrono::duration_cast<std::chrono::seconds>(wall_now().time_since_epoch()).count();
    send(1, "", 60'000);
    const auto words = next()->text;
    const auto deadline = std::stoll(words.substr(7));
    EXPECT_GE(deadline, before + 59);
    EXPECT_LE(deadline, before + 60 + plenty_ms / 1000);
}

TEST_F(RunnerTest, TellsHowAProcessEnded) {
    start(shell("read x; eval \"$$x\""), "--raw");
    EXPECT_THAT(ask("exit 3"), StartsWith(R"({"type":"exit","message":"exit 3","exit":3,)"));
    EXPECT_THAT(ask("exit 75"), StartsWith(R"({"type":"exit","message":"exit 75","exit":75,)"));
    EXPECT_THAT(ask("kill -9 $$"), StartsWith(R"({"type":"signal","message":"SIGKILL","signal":9,)"));
    EXPECT_EQ(ask("echo fine"), "fine") << "the runner lives";
}

// What a process used is its own, however much one before it did.
TEST_F(RunnerTest, TellsWhatAProcessUsed) {
    start(shell("read x; eval \"$$x\"; exit 3"), "--raw");
    const auto used = [&](const std::string& script, const char* what) {
        const auto told = wire::Json::parse(ask(script));
        return told ? told->find(what)->as_uint().value_or(0) : 0;
    };
    const std::string busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
    const std::string large = "x=$(yes | head -c 50000000)";
    EXPECT_GT(used(busy, "cpu_usec"), 20'000U);
    EXPECT_LT(used("true", "cpu_usec"), 20'000U);
    EXPECT_GT(used(large, "peak_memory_bytes"), 50'000'000U);
    const auto small = used("true", "peak_memory_bytes");
    EXPECT_GT(small, 0U);
#ifdef __SANITIZE_ADDRESS__
    EXPECT_LT(small, 40'000'000U) << "it has as much as the runner, of which it is begun, and that is large here";
#else
    EXPECT_LT(small, 20'000'000U);
#endif
}

TEST_F(RunnerTest, TellsWhyAProcessCantBeStarted) {
    start({"${input}"}, "--raw");
    EXPECT_THAT(ask("nosuchprogram"), HasSubstr("start 'nosuchprogram': no such file or directory"));
    EXPECT_THAT(ask("/etc/passwd"), HasSubstr("start '/etc/passwd': permission denied"));
    EXPECT_THAT(ask("/"), HasSubstr("start '/': permission denied"));
    EXPECT_EQ(ask("true"), "");
}

TEST_F(RunnerTest, RefusesAnArgumentThatIsTooLongForGood) {
    start({"echo", "${input}"}, "--raw");
    EXPECT_THAT(ask(std::string(200'000, 'x')),
                testing::AllOf(HasSubstr("argument list too long"), HasSubstr("false")));
    EXPECT_THAT(ask(std::string("a\0b", 3)), testing::AllOf(HasSubstr("NUL"), HasSubstr("false")));
}

TEST_F(RunnerTest, KillsAProcessThatWritesMoreThanAResultMayHave) {
    start(shell("echo $$$$ > /proc/self/fd/2; exec cat /dev/zero"), "--raw",
          (testing::TempDir() + "/too_large").c_str());
    EXPECT_THAT(ask(""), HasSubstr("too_large"));
    const auto pid = std::stoi(read_file(testing::TempDir() + "/too_large", 100).value());
    EXPECT_FALSE(lives(pid));
}

TEST_F(RunnerTest, DoesNotWaitForWhatHoldsTheOutputAndEndsIt) {
    start(shell("sleep 1000 & echo $$!"), "--raw");
    EXPECT_FALSE(lives(std::stoi(ask(""))));
}

TEST_F(RunnerTest, EndsWhatAJobHidInASessionOfItsOwn) {
    start(shell("setsid sh -c 'sleep 1000 & echo $$!; wait' & sleep 0.2; echo"), "--raw");
    const auto hidden = std::stoi(ask(""));
    EXPECT_GT(hidden, 1);
    EXPECT_FALSE(lives(hidden));
}

TEST_F(RunnerTest, IsNotReachedByAJobThatKillsItsGroup) {
    start(shell("kill -9 0"));
    EXPECT_THAT(ask("1"), HasSubstr("SIGKILL"));
    EXPECT_THAT(ask("2"), HasSubstr("SIGKILL"));
}

TEST_F(RunnerTest, LeavesNoZombieAndNoDescriptor) {
    start(shell("(sleep 0 &) ; ls /proc/self/fd | wc -l"));
    const auto descriptors = [&] {
        const auto folder = "/proc/" + std::to_string(pid_) + "/fd";
        return std::distance(std::filesystem::directory_iterator(folder), {});
    };
    const auto seen = ask("1");
    const auto own = descriptors();
    for (int i = 0; i < 50; ++i) EXPECT_EQ(ask("1"), seen) << "a job has the standard files and no other";
    EXPECT_EQ(descriptors(), own);
    const auto children = "/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children";
    EXPECT_EQ(read_file(children, 4096), "");
}

TEST_F(RunnerTest, EndsAtOnceOnSigtermWithoutAJob) {
    start({"cat"});
    EXPECT_EQ(ask("1"), "1");
    ::kill(pid_, SIGTERM);
    EXPECT_EQ(exit_status(), 0);
}

TEST_F(RunnerTest, PassesSigtermToItsJobAndAnswersForOneThatEndsInOrder) {
    const auto fifo = testing::TempDir() + "/fifo" + std::to_string(::getpid());
    ::unlink(fifo.c_str());
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    start(shell("trap 'echo saved; exit 0' TERM; echo > " + fifo + "; while :; do sleep 0.01; done"));
    send(1, "1");
    send(2, "2");
    EXPECT_EQ(read_file(fifo, 100), "\n") << "it runs";
    ::kill(pid_, SIGTERM);
    EXPECT_EQ(next()->text, R"("saved")");
    EXPECT_FALSE(next()) << "the second goes back to the queue";
    EXPECT_EQ(exit_status(), 0);
    ::unlink(fifo.c_str());
}

TEST_F(RunnerTest, AnswersNothingForAJobThatDiesOfASigtermMeantForTheRunner) {
    const auto fifo = testing::TempDir() + "/fifo" + std::to_string(::getpid());
    ::unlink(fifo.c_str());
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    start(shell("echo > " + fifo + "; exec sleep 1000"));
    send(1, "1");
    EXPECT_EQ(read_file(fifo, 100), "\n");
    ::kill(pid_, SIGTERM);
    EXPECT_FALSE(next());
    EXPECT_EQ(exit_status(), 0);
    ::unlink(fifo.c_str());
}

TEST_F(RunnerTest, TakesItsJobWithItWhenItIsKilled) {
    const auto fifo = testing::TempDir() + "/fifo" + std::to_string(::getpid());
    ::unlink(fifo.c_str());
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    start(shell("echo $$$$ > " + fifo + "; exec sleep 1000"));
    send(1, "1");
    const auto pid = std::stoi(read_file(fifo, 100).value());
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    ::kill(pid_, SIGKILL);
    pollfd fd{.fd = pidfd.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&fd, 1, plenty_ms), 1);
    ::unlink(fifo.c_str());
}

TEST_F(RunnerTest, SaysWhatItDoesNotUnderstand) {
    const auto log = testing::TempDir() + "/misunderstood";
    start({"cat"}, "--json", log.c_str());
    ASSERT_TRUE(write_all(socket_.fd(), std::string(64, '\xee')));
    EXPECT_EQ(exit_status(), 70);
    EXPECT_THAT(read_file(log, 1000).value(), StartsWith("pinion-exec: read frame:"));
}

}  // namespace
}  // namespace pinion::exec_runner
