// SPDX-License-Identifier: Apache-2.0
// `jobs list` and `jobs show`: golden texts of jobs in every state, and no line wider than the terminal.
// PINION_UPDATE_GOLDEN=1 writes the golden files anew; read the difference before committing it.
#include "ctl/job_screen.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "ctl/display.h"
#include "ctl_testing.h"

namespace pinion::ctl {
namespace {

using namespace std::chrono_literals;
using test::golden;
using wire::Json;

constexpr Duration now = 1000s;

std::vector<Json> sample() {
    std::vector<Json> jobs;
    for (
        const char* text :
        {R"json({"id":7,"pool":"thumbs","state":"done","priority":5,"queued_usec":400000000,"ended_usec":460000000,"attempts":[
             {"number":1,"outcome":"done","slot":0,"started_usec":400000000,"ended_usec":460000000}],"result_bytes":21})json",
         R"json({"id":8,"pool":"thumbs","state":"failed","map":3,"index":14,"priority":5,"queued_usec":400000000,
             "ended_usec":900000000,"attempts":[
             {"number":1,"outcome":"error","slot":1,"started_usec":500000000,"ended_usec":500200000,
              "error":{"type":"ValueError","message":"no picture: \u001b[31m'holiday/漢字.txt' begins with 'Dear all'"}},
             {"number":2,"outcome":"crash","slot":0,"started_usec":800000000,"ended_usec":812000000,
              "death":{"how":"SIGSEGV (core dumped)","signal":11,"core_dumped":true,"oom_killed":false,
                       "peak_memory_bytes":123456789,"cpu_usec":11500000,"seat":"0,8","last_lines":["reading",
                       "a long line that the worker wrote just before its end, and which no terminal has room for"]}}]})json",
         R"json({"id":4503599627370497,"pool":"thumbs","state":"running","priority":9,"queued_usec":900000000,
             "running":{"number":2,"slot":3,"seat":"0,8","started_usec":988000000,"deadline_usec":1048000000,
                        "progress":0.4,"note":"two of five"},
             "attempts":[{"number":1,"outcome":"timeout","slot":2,"started_usec":910000000,"ended_usec":970000000}]})json",
         R"json({"id":9,"pool":"thumbs","state":"running","priority":5,"queued_usec":999000000,
             "running":{"number":1,"slot":0,"started_usec":999000000},"attempts":[]})json",
         R"json({"id":10,"pool":"mail","state":"delayed","priority":5,"queued_usec":999000000,
             "not_before_usec":1600000000,"key":"invoice-7","attempts":[]})json",
         R"json({"id":11,"pool":"mail","state":"queued","map":4,"map_name":"film-12","index":0,
             "priority":0,"queued_usec":999900000,"retry_of":8,"attempts":[]})json",
         R"json({"id":12,"pool":"mail","state":"cancelled","priority":5,"queued_usec":100000000,"ended_usec":999000000,
             "attempts":[{"number":0,"outcome":"cancelled","slot":0,"started_usec":999000000,"ended_usec":999000000}]})json"})
        jobs.push_back(Json::parse(text).value());
    return jobs;
}

std::string screens(const TerminalTraits& traits) {
    std::string text = jobs_screen(sample(), now, traits);
    for (const Json& job : sample()) text += "\n" + job_story(job, now, traits);
    return text;
}

TEST(JobScreen, LooksAsInTheGoldenTexts) {
    for (const auto& [name, traits] : std::vector<std::pair<std::string, TerminalTraits>>{
             {"jobs_utf8_colour.txt", {.tty = true, .utf8 = true, .colour = true}},
             {"jobs_c_no_color.txt", {.tty = true}},
             {"jobs_pipe.txt", {}}}) {
        std::string text;
        for (const std::size_t width : {40, 60, 80, 140}) {
            TerminalTraits at = traits;
            at.width = width;
            if (traits.tty) text += "=== " + std::to_string(width) + "\n";
            text += screens(at);
            if (!traits.tty) break;
        }
        EXPECT_EQ(golden(name, text), text) << name;
    }
}

TEST(JobScreen, NoLineIsWiderThanTheTerminal) {
    for (std::size_t width = 20; width < 160; ++width)
        for (const bool utf8 : {false, true}) {
            const std::string text = screens({.tty = true, .width = width, .utf8 = utf8});
            for (const std::string_view line : split(text, '\n')) EXPECT_LE(display_width(line), width) << line;
            EXPECT_EQ(text.find('\x1b'), std::string::npos);
        }
}

TEST(JobScreen, ALogOfSeveralAttemptsSaysWhichWroteALine) {
    const auto line = [](int attempt, const char* text) {
        return Json::object().set("attempt", attempt).set("at_usec", 1).set("text", text);
    };
    EXPECT_EQ(job_log({}, {}), "");
    EXPECT_EQ(job_log(std::vector{line(1, "one"), line(1, "\x1b[2J")}, {}), "one\n\\x1b[2J\n");
    EXPECT_EQ(job_log(std::vector{line(1, "one"), line(2, "two"), line(2, "three")}, {}),
              "attempt 1:\none\nattempt 2:\ntwo\nthree\n");
    EXPECT_EQ(job_log(std::vector{line(2, "two")}, {}), "attempt 2:\ntwo\n") << "the first wrote nothing";
}

TEST(JobScreen, ProgressThatIsNoShareIsShownAsItIs) {
    Json job = sample()[3];
    Json running = *job.find("running");
    job.set("running", running.set("progress", 17.5));
    EXPECT_NE(jobs_screen(std::vector{job}, now, {}).find("at thumbs/0 for 1s: 17.5\n"), std::string::npos);
}

}  // namespace
}  // namespace pinion::ctl
