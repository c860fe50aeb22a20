// SPDX-License-Identifier: Apache-2.0
// What `pinionctl map` shows of its progress on real terminals: a bar of one line below the results, which makes way
// for each of them, is drawn at most ten times a second, and leaves nothing behind; and no bar where there is no
// terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <regex>

#include "../harness.h"
#include "base/text.h"
#include "ctl/display.h"
#include "tmux.h"

namespace pinion::test {
namespace {

using ::testing::ContainsRegex;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::vector<std::string> utf8{"-u", "COLUMNS", "LC_ALL=C.UTF-8", "TERM=xterm-256color"};
const std::vector<std::string> ascii{"-u", "COLUMNS", "LC_ALL=C", "TERM=xterm-256color"};

// A pool that takes its time, and one that is stuck where its input is "stuck".
constexpr const char* config =
    "version: 1\n"
    "pools:\n"
    "  slow: {kind: jobs, payload: raw, cpu: none, workers: 2, queue: {durability: memory},\n"
    "    command: [sh, -c, 'while read x; do sleep 0.03; echo \"done $$x\"; done']}\n"
    "  stuck: {kind: jobs, payload: raw, cpu: none, workers: 8, queue: {durability: memory}, prefetch: 1,\n"
    "    restart: {delay: 1ms, max_delay: 1ms},\n"
    "    command: [sh, -c, 'while read x; do test $$x = stuck && sleep 1000; echo \"done $$x\"; done']}\n";

// A terminal of one line: what stood on it when it was erased, and what scrolled away as it was.
struct Paper {
    std::vector<std::string> erased, lines;
};
Paper on_paper(std::string_view bytes) {
    constexpr std::string_view erase = "\x1b[K";
    Paper paper;
    std::string line;
    while (!bytes.empty()) {
        if (bytes.starts_with(erase)) {
            if (!line.empty()) paper.erased.push_back(std::exchange(line, {}));
            bytes.remove_prefix(erase.size());
            continue;
        }
        if (bytes.front() == '\n')
            paper.lines.push_back(std::exchange(line, {}));
        else
            line += bytes.front();
        bytes.remove_prefix(1);
    }
    if (!line.empty()) paper.lines.push_back("unfinished: " + line);
    return paper;
}

class MapBar : public ::testing::Test {
protected:
    [[nodiscard]] std::vector<std::string> map(const std::string& pool, const std::vector<std::string>& arguments) {
        std::vector<std::string> words{binary("pinionctl"), "--runtime-dir", daemon_.runtime_dir(), "map", pool};
        words.insert(words.end(), arguments.begin(), arguments.end());
        return words;
    }
    static std::vector<std::string> numbers(int count) {
        std::vector<std::string> all;
        for (int i = 1; i <= count; ++i) all.push_back(std::to_string(i));
        return all;
    }
    // Has a map draw its bar where it is stuck, and then be killed by a signal as a user would.
    [[nodiscard]] Show killed_by(const std::string& signal, const std::string& name,
                                 const std::vector<std::string>& environment) {
        const std::string script = R"("$@" & until tmux capture-pane -p | grep -q '2/3'; do sleep 0.02; done
            disown; kill -)" + signal +
                                   R"( $!; until ! kill -0 $! 2>/dev/null; do sleep 0.02; done)";
        Show show{name, environment, {"bash", "-c", script, "bash"}};
        const auto words = map("stuck", {"1", "2", "stuck"});
        show.command.insert(show.command.end(), words.begin(), words.end());
        return show;
    }

    ScratchFolder folder_;
    DaemonRun daemon_{config};
};

TEST_F(MapBar, MakesWayForEachResultAndIsDrawnTenTimesASecondAtMost) {
    const auto from = std::chrono::steady_clock::now();
    const std::string bytes = bytes_for_terminal({"slow", utf8, map("slow", numbers(60))}, 80);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - from;
    const Paper paper = on_paper(bytes);

    ASSERT_THAT(paper.lines, SizeIs(61)) << bytes;
    for (int i = 1; i <= 60; ++i) EXPECT_EQ(paper.lines[static_cast<std::size_t>(i) - 1], "done " + std::to_string(i));
    EXPECT_THAT(paper.lines.back(), ContainsRegex("^slow: 60 done in .*; 60 ok, 0 failed\\.$"));
    EXPECT_THAT(paper.erased, SizeIs(Ge(3U))) << bytes;
    EXPECT_LE(static_cast<double>(paper.erased.size()), took.count() * 10 + 2);
    const std::regex bar("slow  ▕(?:█)* *▏  [0-9]+/60  [0-9]+%.*");
    for (const std::string& drawn : paper.erased) {
        EXPECT_TRUE(std::regex_match(drawn, bar)) << drawn;
        EXPECT_LT(ctl::display_width(drawn), 80U) << drawn;
        EXPECT_EQ(drawn.find('\x1b'), std::string::npos) << drawn;
    }
}

TEST_F(MapBar, StandsBelowTheResultsAtEveryWidth) {
    const std::vector<Show> shows{killed_by("KILL", "utf8", utf8), killed_by("KILL", "ascii", ascii)};
    const Screens screens = show_in_tmux(folder_, {40, 60, 80, 140}, shows);
    for (const auto& [width, by_name] : screens)
        for (const auto& [name, screen] : by_name) {
            SCOPED_TRACE(name + " at " + std::to_string(width));
            const std::string text = canonical(screen.unwrapped);
            EXPECT_EQ(text, without_colour(screen.coloured)) << "the terminal wrapped a line";
            const auto lines = split(text, '\n');
            ASSERT_THAT(lines, SizeIs(4)) << text;
            EXPECT_EQ(lines[0], "done 1");
            EXPECT_EQ(lines[1], "done 2");
            EXPECT_LT(ctl::display_width(lines[2]), width);
            const std::regex bar(name == "utf8" ? "stuck  ▕(?:█)+ +▏  2/3  66%.*" : "stuck  \\[#+\\.+\\]  2/3  66%.*");
            EXPECT_TRUE(std::regex_match(std::string(lines[2]), bar)) << text;
        }
}

TEST_F(MapBar, LeavesNothingBehindWhereItIsInterrupted) {
    const Screens screens = show_in_tmux(folder_, {80}, {killed_by("INT", "interrupted", utf8)});
    EXPECT_EQ(canonical(screens.at(80).at("interrupted").unwrapped),
              "done 1\ndone 2\npinionctl: interrupted; the map is cancelled\n");
}

TEST_F(MapBar, IsNoneInAPipe) {
    const Output output = run(map("slow", numbers(3)));
    EXPECT_EQ(output.out, "done 1\ndone 2\ndone 3\n");
    EXPECT_THAT(output.err, Not(HasSubstr("\x1b")));
    EXPECT_THAT(output.err, ContainsRegex("^slow: 0/3  0%\n"));
    EXPECT_THAT(output.err, ContainsRegex("\nslow: 3 done in [^\n]*; 3 ok, 0 failed\\.\n$"));
    auto silent = map("slow", numbers(3));
    silent.insert(silent.end(), {"--progress", "none"});
    EXPECT_THAT(run(silent).err, IsEmpty());
}

}  // namespace
}  // namespace pinion::test
