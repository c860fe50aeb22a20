// SPDX-License-Identifier: Apache-2.0
// The commands about jobs against the real server of the job socket: what they print, and how they exit.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "ctl/commands.h"
#include "live_server.h"

namespace pinion::ctl {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class JobCommands : public testing::Test {
protected:
    struct Ran {
        Exit exit;
        std::string out;
        std::string err;
    };
    static std::string contents(std::FILE* file) {
        std::string text;
        std::rewind(file);
        for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
        std::fclose(file);
        return text;
    }
    // Runs a command line, `input` as its standard input.
    Ran run_line(std::vector<std::string> words, const std::string& input = "") {
        auto line = parse_command_line(std::move(words));
        if (!line) return {line.error().exit, "", line.error().text};
        std::FILE* given = std::tmpfile();
        std::fwrite(input.data(), 1, input.size(), given);
        std::fflush(given);
        ::lseek(::fileno(given), 0, SEEK_SET);
        const UniqueFd kept(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10));
        ::dup2(::fileno(given), STDIN_FILENO);
        Context context{.global = line->global,
                        .out_traits = {},
                        .err_traits = err_traits_,
                        .out = std::tmpfile(),
                        .err = std::tmpfile()};
        if (context.global.runtime_dir.empty()) context.global.runtime_dir = server_.folder();
        const Exit exit = std::visit([&](const auto& options) { return run(options, context); }, line->command);
        ::dup2(kept.fd(), STDIN_FILENO);
        std::fclose(given);
        return {exit, contents(context.out), contents(context.err)};
    }

    daemon::LiveServer server_;
    TerminalTraits err_traits_;
};

TEST_F(JobCommands, MapPrintsResultsInOrder) {
    const Ran ran = run_line({"map", "squares", "1", "2", "3", "text"});
    EXPECT_EQ(ran.exit, Exit::done) << ran.err;
    EXPECT_EQ(ran.out, "1\n4\n9\n\"text\"\n");
    EXPECT_THAT(ran.err, HasSubstr("squares: 4 done in"));
    EXPECT_EQ(run_line({"map", "squares", "text", "--raw", "--progress", "none"}).out, "text\n");
}

TEST_F(JobCommands, MapUnorderedPrintsResultsAsTheyFinish) {
    EXPECT_EQ(run_line({"map", "squares", "last", "2", "3", "--unordered"}).out, "4\n9\n\"last\"\n");
    EXPECT_EQ(run_line({"map", "squares", "last", "2", "3"}).out, "\"last\"\n4\n9\n") << "else it is waited for";
    EXPECT_EQ(run_line({"map", "squares", "--unordered"}, "last\n2\n3\n").out, "4\n9\n\"last\"\n");
    const std::string json = run_line({"map", "squares", "last", "2", "--unordered", "--json"}).out;
    EXPECT_THAT(json, StartsWith("{\"index\":1,")) << "whose result it is";
    EXPECT_THAT(json, HasSubstr("\n{\"index\":0,"));
}

// What is asked for is shown, terminal or not.
TEST_F(JobCommands, MapShowsItsProgressAsItIsTold) {
    constexpr const char* erase = "\r\x1b[K";
    const auto said = [&](const std::string& how, bool tty) {
        err_traits_ = {.tty = tty, .width = 80};
        const Ran ran = run_line({"map", "squares", "2", "3", "4", "--progress=" + how});
        EXPECT_EQ(ran.out, "4\n9\n16\n");
        return ran.err;
    };
    for (const bool tty : {false, true}) {
        const std::string bar = said("bar", tty);
        EXPECT_THAT(bar, StartsWith(std::string(erase) + "squares  "));
        EXPECT_THAT(bar, HasSubstr(std::string(erase) + "squares: 3 done in")) << "the summary is in its place";
        const std::string lines = said("lines", tty);
        EXPECT_THAT(lines, testing::Not(HasSubstr("\x1b")));
        EXPECT_THAT(lines, StartsWith("squares: "));
        EXPECT_THAT(lines, HasSubstr("\nsquares: 3 done in")) << "one at the beginning, and the summary";
        EXPECT_EQ(std::ranges::count(lines, '\n'), 2);
        EXPECT_EQ(said("none", tty), "");
    }
    EXPECT_THAT(said("auto", true), StartsWith(erase));
    EXPECT_THAT(said("auto", false), testing::Not(HasSubstr("\x1b")));
}

TEST_F(JobCommands, MapTakesALineEachFromStandardInput) {
    std::string input;
    std::string expected;
    for (long long i = 0; i < 40'000; ++i) {
        input += std::to_string(i) + "\n";
        expected += std::to_string(i * i) + "\n";
    }
    input.pop_back();  // the last line need not end
    const Ran ran = run_line({"map", "squares", "--progress=none"}, input);
    EXPECT_EQ(ran.exit, Exit::done) << ran.err;
    EXPECT_TRUE(ran.out == expected);
    EXPECT_EQ(ran.err, "");
}

TEST_F(JobCommands, MapOfNothingIsDone) {
    const Ran ran = run_line({"map", "squares", "--progress=none"}, "");
    EXPECT_EQ(ran.exit, Exit::done);
    EXPECT_EQ(ran.out, "");
}

TEST_F(JobCommands, AFailedInputIsSaidAndCounted) {
    const Ran ran = run_line({"map", "squares", "1", "fail", "3", "--progress=none"});
    EXPECT_EQ(ran.exit, Exit::failed);
    EXPECT_EQ(ran.out, "1\n9\n");
    EXPECT_THAT(ran.err, HasSubstr("input 1: job 2 failed: error: as was asked"));
    EXPECT_THAT(ran.err, HasSubstr("2 ok, 1 failed.  pinionctl jobs list squares --failed"));
}

TEST_F(JobCommands, MapJsonHasALineForEach) {
    const Ran ran = run_line({"map", "squares", "2", "fail", "--json"});
    EXPECT_EQ(ran.out,
              "{\"index\":0,\"id\":1,\"state\":\"done\",\"result\":4,\"attempts\":1}\n"
              "{\"index\":1,\"id\":2,\"state\":\"failed\",\"error\":{\"type\":\"error\",\"message\":\"as was asked\"},"
              "\"attempts\":1}\n");
}

TEST_F(JobCommands, RawPoolsGetTheTextAsItIs) {
    EXPECT_EQ(run_line({"map", "lines", "a b", "\"q\""}).out, "a b\n\"q\"\n");
}

TEST_F(JobCommands, ANamedMapIsAttachedTo) {
    EXPECT_EQ(run_line({"map", "squares", "2", "3", "--name", "reel"}).out, "4\n9\n");
    const Ran ran = run_line({"map", "--attach", "reel"});
    EXPECT_EQ(ran.out, "4\n9\n");
    EXPECT_THAT(ran.err, HasSubstr("reel: 2 done"));
    EXPECT_EQ(run_line({"map", "--attach", "nix"}).exit, Exit::not_found);
}

TEST_F(JobCommands, SubmitPrintsIdsAndResultWaits) {
    EXPECT_EQ(run_line({"submit", "squares"}, "5\n6\n").out, "1\n2\n");
    EXPECT_EQ(run_line({"submit", "squares", "7", "--key", "k"}).out, "3\n");
    EXPECT_EQ(run_line({"submit", "squares", "7", "--key", "k"}).out, "3\n");
    EXPECT_EQ(run_line({"result", "2", "1"}).out, "36\n25\n");
    EXPECT_EQ(run_line({"result", "1", "--json"}).out, "{\"id\":1,\"state\":\"done\",\"result\":25,\"attempts\":1}\n");
    EXPECT_EQ(run_line({"wait", "1", "2"}).exit, Exit::done);
    EXPECT_EQ(run_line({"submit", "squares", "fail"}).out, "4\n");
    const Ran failed = run_line({"result", "4"});
    EXPECT_EQ(failed.exit, Exit::failed);
    EXPECT_THAT(failed.err, HasSubstr("job 4 failed: error: as was asked"));
    run_line({"submit", "squares", "hold"});
    EXPECT_EQ(run_line({"wait", "5", "--timeout", "20ms"}).exit, Exit::unhealthy);
}

TEST_F(JobCommands, JobsAreListedShownCancelledAndRetried) {
    run_line({"submit", "squares", "fail", "hold"});
    run_line({"wait", "1"});
    EXPECT_THAT(run_line({"jobs", "list"}).out, StartsWith("ID  POOL"));
    const Ran failed = run_line({"jobs", "list", "squares", "--failed"});
    EXPECT_THAT(failed.out, HasSubstr("error: as was asked"));
    EXPECT_THAT(failed.out, testing::Not(HasSubstr("queued")));
    EXPECT_THAT(run_line({"jobs", "list", "--json"}).out, StartsWith(R"({"version":1,"jobs":[{"id":1,)"));
    EXPECT_THAT(run_line({"jobs", "show", "1"}).out, HasSubstr("attempt 1: error at squares/0"));
    EXPECT_THAT(run_line({"jobs", "show", "1", "--json"}).out, StartsWith(R"({"version":1,"job":{"id":1)"));
    EXPECT_THAT(run_line({"jobs", "list", "--state", "running"}).out, HasSubstr(": 40%, held"));
    const std::string running = run_line({"jobs", "show", "2"}).out;
    EXPECT_THAT(running, HasSubstr("attempt 1: running at squares/0 for"));
    EXPECT_THAT(running, HasSubstr("seat: 2"));
    EXPECT_EQ(run_line({"jobs", "retry", "1"}).out, "3\n");
    EXPECT_THAT(run_line({"why", "2"}).out, HasSubstr("no worker of the pool takes jobs"));
    EXPECT_EQ(run_line({"jobs", "cancel", "2"}).exit, Exit::done);
    EXPECT_EQ(run_line({"jobs", "cancel", "2"}).exit, Exit::failed);
    EXPECT_EQ(run_line({"jobs", "log", "2"}).exit, Exit::done);
    EXPECT_EQ(run_line({"jobs", "show", "99"}).exit, Exit::not_found);
    EXPECT_EQ(run_line({"jobs", "list", "nix"}).exit, Exit::not_found);
    EXPECT_EQ(run_line({"queue", "pause", "squares"}).exit, Exit::done);
}

TEST_F(JobCommands, AnswersForProgramsHaveTheirJob) {
    run_line({"submit", "squares", "fail", "hold"});
    run_line({"wait", "1"});
    EXPECT_EQ(run_line({"why", "1", "--json"}).out,
              R"({"version":1,"job":1,"pool":"squares","state":"failed","why":"nothing: it failed"})"
              "\n");
    EXPECT_EQ(run_line({"jobs", "log", "1", "2", "--json"}).out, R"({"job":1,"attempt":1,"at_usec":7,"text":"a line"})"
                                                                 "\n"
                                                                 R"({"job":2,"attempt":1,"at_usec":7,"text":"a line"})"
                                                                 "\n");
    EXPECT_EQ(run_line({"jobs", "log", "1"}).out, "a line\n");
}

TEST_F(JobCommands, ExitCodesSayWhatWentWrong) {
    EXPECT_EQ(run_line({"map", "nix", "1"}).exit, Exit::not_found);
    EXPECT_EQ(run_line({"map"}).exit, Exit::usage);
    EXPECT_EQ(run_line({"queue", "stop", "squares"}).exit, Exit::usage);
    EXPECT_EQ(run_line({"jobs", "show", "x"}).exit, Exit::usage);
    EXPECT_EQ(run_line({"wait", "squares", "1"}).exit, Exit::usage);
    server_.caller = 1234;
    const Ran denied = run_line({"map", "squares", "1"});
    EXPECT_EQ(denied.exit, Exit::denied);
    EXPECT_THAT(denied.err, HasSubstr("uid 1234 may not use pool 'squares'"));
    server_.stop();
    const Ran gone = run_line({"map", "squares", "1"});
    EXPECT_EQ(gone.exit, Exit::unreachable);
    EXPECT_THAT(gone.err, HasSubstr("is piniond running"));
}

}  // namespace
}  // namespace pinion::ctl
