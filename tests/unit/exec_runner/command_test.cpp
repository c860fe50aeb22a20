// SPDX-License-Identifier: Apache-2.0
// What is executed for a job, and what its end says: the pure half of the runner.
#include "daemon/exec_runner/command.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/fd.h"
#include "daemon/exec_runner/oom_watch.h"
#include "daemon/exec_runner/verdict.h"
#include "wire/frames.h"
#include "wire/job_messages.h"
#include "wire/limits.h"

namespace pinion::exec_runner {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

using Words = std::vector<std::string>;

Words arguments(const Words& argv, std::string_view input, PayloadKind payload = PayloadKind::json) {
    return Command(argv, payload).arguments(input).value_or(Words{"refused"});
}

TEST(CommandOfAJob, HasTheTextOfAStringAndOtherJsonAsItStands) {
    EXPECT_EQ(arguments({"cat", "${input}"}, R"("a b\"c\n")"), (Words{"cat", "a b\"c\n"}));
    EXPECT_EQ(arguments({"cat", "--n=${input}."}, "[1, 2]"), (Words{"cat", "--n=[1, 2]."}));
    EXPECT_EQ(arguments({"${input}", "${input}${input}"}, "7"), (Words{"7", "77"}));
    EXPECT_EQ(arguments({"cat", "${input}"}, R"("a")", PayloadKind::raw), (Words{"cat", "\"a\""}));
}

TEST(CommandOfAJob, TakesNothingInAnInputForASubstitution) {
    EXPECT_EQ(arguments({"sh", "-c", "echo $$1", "${input}"}, R"("$$ ${input} ${slot}")"),
              (Words{"sh", "-c", "echo $1", "$$ ${input} ${slot}"}));
}

TEST(CommandOfAJob, ReadsItsInputFromStandardInputWhereNoArgumentTakesIt) {
    EXPECT_FALSE(Command({"cat", "$${input}"}, PayloadKind::json).takes_input());
    EXPECT_TRUE(Command({"cat", "${input}"}, PayloadKind::json).takes_input());
    EXPECT_EQ(arguments({"echo", "$$HOME"}, "\"unread"), (Words{"echo", "$HOME"}));
}

TEST(CommandOfAJob, RefusesWhatNoArgumentCanHold) {
    EXPECT_EQ(arguments({"cat", "${input}"}, R"("a\u0000b")"), Words{"refused"});
    EXPECT_EQ(arguments({"cat", "${input}"}, std::string_view("\0", 1), PayloadKind::raw), Words{"refused"});
    EXPECT_EQ(arguments({"cat", "${input}"}, "\"open"), Words{"refused"});
}

TEST(EnvironmentOfAJob, HasItsNumbersAndNothingOfTheRunners) {
    const char* const base[] = {"PATH=/bin",     "PINION_FD=0",       "PINION_JOB=1",
                                "PINION_SLOT=2", "PINION_DEADLINE=9", nullptr};
    EXPECT_THAT(inherited_environment(base), ElementsAre("PATH=/bin", "PINION_SLOT=2"));
    const Job job{.attempt_id = 5, .job = 12, .attempt = 3, .deadline = WallTime(1'700'000'000'999ms), .input = ""};
    EXPECT_THAT(job_environment(job), ElementsAre("PINION_JOB=12", "PINION_ATTEMPT=3", "PINION_DEADLINE=1700000000"));
    EXPECT_THAT(job_environment({.job = 1}), ElementsAre("PINION_JOB=1", "PINION_ATTEMPT=1"));
}

TEST(ProgramOfAJob, IsTheFirstExecutableInThePath) {
    EXPECT_EQ(find_program("sh", "/nowhere:/bin:/usr/bin"), "/bin/sh");
    EXPECT_EQ(find_program("./sh", "/bin"), "./sh");
    EXPECT_EQ(find_program("nosuchprogram", "/bin").error(), ENOENT);
    EXPECT_EQ(find_program("passwd", "/etc").error(), EACCES);
    EXPECT_EQ(search_path({"A=1", "PATH=/x:/y"}), "/x:/y");
}

TEST(ResultOfAJob, IsJsonAsItStandsOrAString) {
    EXPECT_EQ(result_of("{\"a\": 1}\n", PayloadKind::json), "{\"a\": 1}");
    EXPECT_EQ(result_of("12", PayloadKind::json), "12");
    EXPECT_EQ(result_of("hello\nyou\n\n", PayloadKind::json), R"("hello\nyou\n")") << "one newline is stripped";
    EXPECT_EQ(result_of("", PayloadKind::json), "\"\"");
    EXPECT_EQ(result_of("\xff\n", PayloadKind::json), "\"\xef\xbf\xbd\"");
    EXPECT_EQ(result_of("\xff\n\n", PayloadKind::raw), "\xff\n");
}

struct Answer {
    wire::FrameHeader header;
    std::string payload;
};
Answer read(const std::string& frame) {
    Answer answer;
    wire::FrameReader reader(wire::limits::max_answer_bytes);
    EXPECT_TRUE(reader.feed(frame, [&](const wire::FrameHeader& header, std::string_view payload) {
        EXPECT_TRUE(wire::check_frame(header, wire::Sender::worker));
        answer = {header, std::string(payload)};
    }));
    return answer;
}
std::string error_of(Ending ending) {
    return read(answer_frame({}, std::move(ending), PayloadKind::json, "p")).payload;
}

TEST(AnswerOfAJob, TellsHowTheProcessEnded) {
    const auto result = read(answer_frame({.attempt_id = 9}, {.output = "x\n"}, PayloadKind::raw, "p"));
    EXPECT_EQ(result.header.id, 9U);
    EXPECT_EQ(result.header.type, static_cast<std::uint8_t>(wire::MessageType::result));
    EXPECT_EQ(result.payload, "x");
    Death death{.status = 3};
    death.cpu_user = std::chrono::seconds(2);
    death.cpu_system = std::chrono::microseconds(5);
    death.peak_memory_bytes = 4096;
    EXPECT_EQ(error_of({.death = death, .output = "x"}),
              R"({"type":"exit","message":"exit 3","exit":3,"peak_memory_bytes":4096,"cpu_usec":2000005})");
    EXPECT_THAT(error_of({.death = {.cause = Death::Cause::signaled, .status = 11, .core_dumped = true}}),
                StartsWith(R"json({"type":"signal","message":"SIGSEGV (core dumped)","signal":11,"core":true,)json"));
    EXPECT_THAT(error_of({.death = {.cause = Death::Cause::signaled, .status = 9, .oom_killed = true}}),
                StartsWith(R"json({"type":"signal","message":"SIGKILL (out of memory)","signal":9,"oom":true,)json"));
    EXPECT_EQ(error_of({.start_error = ENOENT}),
              R"({"type":"start","message":"start 'p': no such file or directory"})");
    EXPECT_THAT(error_of({.start_error = E2BIG}), HasSubstr("\"retry\":false"));
}

TEST(AnswerOfAJob, IsAnErrorWhereItsResultIsTooLarge) {
    const auto type = [](std::size_t size, char c) {
        return read(answer_frame({}, {.output = std::string(size, c)}, PayloadKind::json, "p")).header.type;
    };
    constexpr auto most = wire::limits::max_payload_bytes;
    EXPECT_EQ(type(most - 2, 'a'), 2U) << "with its quotes exactly at the bound";
    EXPECT_EQ(type(most - 1, 'a'), 3U);
    EXPECT_EQ(type(most / 2 + 1, '\n'), 3U) << "escapes count";
    EXPECT_THAT(error_of({.too_large = true}), HasSubstr("too_large"));
}

TEST(OomWatch, CountsWhatTheKernelKilled) {
    EXPECT_EQ(oom_kills("low 0\noom 3\noom_kill 2\noom_group_kill 0\n"), 2U);
    EXPECT_EQ(oom_kills("low 0\n"), std::nullopt);
    OomWatch blind("/nonexistent");
    blind.begin();
    EXPECT_FALSE(blind.has_killed());
}

// A kill that one job has survived, or told in its own way, is not why a later one dies.
TEST(OomWatch, CountsFromTheBeginningOfEachJob) {
    const std::string file = ::testing::TempDir() + "pinion-memory-events-" + std::to_string(::getpid());
    const auto has_count = [&](int kills) {
        const UniqueFd events = open_file(file, O_WRONLY | O_CREAT, 0600).value();
        ASSERT_TRUE(write_all(events.fd(), "low 0\noom_kill " + std::to_string(kills) + "\n"));
    };
    has_count(0);
    OomWatch watch(file);
    watch.begin();
    has_count(1);
    EXPECT_TRUE(watch.has_killed());
    EXPECT_TRUE(watch.has_killed()) << "as often as it is asked";
    watch.begin();
    EXPECT_FALSE(watch.has_killed());
    has_count(2);
    EXPECT_TRUE(watch.has_killed());
    ::unlink(file.c_str());
}

}  // namespace
}  // namespace pinion::exec_runner
