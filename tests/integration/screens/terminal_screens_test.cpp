// SPDX-License-Identifier: Apache-2.0
// What pinionctl shows on real terminals of four widths, with and without UTF-8 and colour: what the renderers say,
// which golden texts pin down, and nothing cut off or wrapped by the terminal. And what it sends: colours to a terminal
// that wants them, no escape byte to anything else. The texts of workers are random and hostile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <regex>

#include "../harness.h"
#include "base/text.h"
#include "ctl/client.h"
#include "ctl/configuration.h"
#include "ctl/display.h"
#include "ctl/explain_screen.h"
#include "ctl/help_screen.h"
#include "ctl/machine_text.h"
#include "ctl/pins_screen.h"
#include "ctl/placement_now.h"
#include "ctl/status_screen.h"
#include "tmux.h"

namespace pinion::test {
namespace {

using namespace std::chrono_literals;
using ctl::TerminalTraits;
using ::testing::Contains;

const std::vector<std::size_t> widths{40, 60, 80, 140};

// A terminal as the environment describes it. NO_COLOR and a dumb one ask for the same: one of them is drawn.
struct Kind {
    std::string name;
    std::vector<std::string> environment;
    bool utf8;
    bool colour;
    bool dumb;
};

const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all = [] {
        std::vector<Kind> list;
        for (const bool utf8 : {true, false}) {
            const std::string name = utf8 ? "utf8" : "c";
            const std::string locale = utf8 ? "LC_ALL=C.UTF-8" : "LC_ALL=C";
            const std::string term = "TERM=xterm-256color";
            list.push_back({name + "-colour", {"-u", "NO_COLOR", "-u", "COLUMNS", locale, term}, utf8, true, false});
            list.push_back({name + "-no-color", {"-u", "COLUMNS", locale, term, "NO_COLOR=1"}, utf8, false, false});
            list.push_back(
                {name + "-dumb", {"-u", "NO_COLOR", "-u", "COLUMNS", locale, "TERM=dumb"}, utf8, false, true});
        }
        return list;
    }();
    return all;
}

// Words, wide and combining characters and, for what a program writes, bytes that a terminal would obey.
std::string random_text(std::mt19937& random, std::size_t pieces, bool hostile) {
    static const std::vector<std::string> harmless{"a",       "web", " ", "é",       "漢", "…",
                                                   "e\u0301", "🙂",  "-", "0,8+1,9", "ß"};
    static const std::vector<std::string> dangerous{"\x1b[31m", "\xff", "\t", "\u202e", "\x07", "\x1b[2J", "\x9b"};
    std::string text;
    for (std::size_t i = 0; i < pieces; ++i) {
        const bool danger = hostile && random() % 3 == 0;
        const auto& from = danger ? dangerous : harmless;
        text += from[random() % from.size()];
    }
    return text;
}

constexpr const char* bad_config =
    "version: 1\n"
    "pools:\n"
    "  web:\n"
    "    comand: [/usr/bin/myserver, '--root=/srv/漢字/a/rather/long/path/that/no/narrow/terminal/has/room/for']\n"
    "    workers: many\n"
    "    restart: {policy: sometimes, delay: -3}\n";

// A daemon with a pool in every state, and files that the commands look at.
class TerminalScreens : public ::testing::Test {
protected:
    TerminalScreens() {
        std::string lines;
        for (int i = 0; i < 12; ++i) lines += random_text(random_, random_() % 40, true) + "\n";
        write_text(folder_ / "lines", lines + "end of lines\n");
        write_text(folder_ / "bad.yaml", bad_config);
        daemon_.emplace(config());
        wait_for_all({"long\\S*/0: started", "next: starts when", "odd/0 . end of lines", "slow/0: started",
                      "soft/0: started", "web/1: started", "fatal: failed", "ended: completed",
                      "broken/0: exit 3.*2 in a row", "lost/0: cannot start.*2 in a row",
                      "jobs: its inputs completed: 0 done, 1 failed"});
    }

    std::string config() {
        const std::string idle = "command: [tail, -f, /dev/null], cpu: none";
        const std::string once = "cpu: none, restart: {delay: 1h, max_delay: 1h, jitter: 0%}";
        const std::string speaks =
            "command: [sh, -c, 'cat " + folder_ / "lines" + "; exec tail -f /dev/null'], cpu: none";
        std::string longest = "long";
        while (longest.size() < 63) longest += static_cast<char>('a' + random_() % 26);
        const std::vector<std::pair<std::string, std::string>> pools{
            {"web", idle + ", workers: 2"},
            {"soft", "command: [tail, -f, /dev/null]"},
            {longest, idle},
            {"slow", idle + ", start: {ready: notify, timeout: 1h}"},
            {"next", idle + ", start: {after: [slow]}"},
            {"odd", speaks},
            {"lost", "command: ['" + lost_ + "'], " + once},
            {"broken", "command: [sh, -c, 'echo no database; exit 3'], " + once},
            {"fatal", "command: [sh, -c, 'exit 4'], cpu: none, restart: {fatal: [4]}"},
            {"ended", "command: ['true'], cpu: none, restart: {policy: never}"},
            // Its one job kills its worker, whose last words are hostile, too.
            {"jobs",
             "kind: jobs, command: [sh, -c, 'read job; cat " + folder_ / "lines" +
                 "; kill -9 $$$$'], cpu: none, restart: {delay: 1ms, max_delay: 1ms}, job: {attempts: 1}, inputs: [a]"},
        };
        std::string text = "version: 1\npools:\n";
        for (const auto& [name, keys] : pools) text += "  " + name + ": {" + keys + "}\n";
        return text;
    }

    // Until each pattern was found in a line of the daemon's.
    void wait_for_all(std::vector<std::string> patterns) {
        while (!patterns.empty()) {
            const std::string line = daemon_->wait_for("");
            if (line.empty()) return;
            std::erase_if(patterns, [&](const auto& p) { return std::regex_search(line, std::regex(p)); });
        }
    }

    [[nodiscard]] std::vector<std::string> ctl(const std::vector<std::string>& arguments) const {
        std::vector<std::string> words{binary("pinionctl"), "--runtime-dir", daemon_->runtime_dir()};
        words.insert(words.end(), arguments.begin(), arguments.end());
        return words;
    }

    // Every command that draws for people.
    [[nodiscard]] std::vector<Show> commands() const {
        return {{"status", {}, ctl({"status"})},
                {"workers", {}, ctl({"status", "odd"})},
                {"pins", {}, ctl({"status", "--pins"})},
                {"draw", {}, ctl({"status", "--draw"})},
                {"plan", {}, ctl({"plan"})},
                {"events", {}, ctl({"events"})},
                {"explain", {}, ctl({"explain", "lost/0"})},
                {"help", {}, ctl({"--help"})},
                {"check", {}, ctl({"check", folder_ / "bad.yaml"})},
                {"nothing", {}, ctl({"status", "nosuch"})},
                {"jobs", {}, ctl({"jobs", "list"})},
                {"job", {}, ctl({"jobs", "show", "1"})},
                {"job-log", {}, ctl({"jobs", "log", "1"})},
                {"why", {}, ctl({"why", "1"})}};
    }
    [[nodiscard]] static Show on(const Kind& kind, Show command) {
        command.environment = kind.environment;
        return command;
    }
    [[nodiscard]] static Output piped(Show command) {
        command.environment = {"LC_ALL=C.UTF-8", "TERM=xterm-256color", "-u", "NO_COLOR"};
        // env takes its options first.
        std::ranges::stable_partition(command.environment, [](const auto& w) { return w == "-u" || w == "NO_COLOR"; });
        return run(command.words());
    }

    const unsigned seed_ = std::random_device{}();
    ::testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
    std::mt19937 random_{seed_};
    const std::string lost_ = "/nonexistent/" + random_text(random_, 20, false) + ".";
    ScratchFolder folder_;
    std::optional<DaemonRun> daemon_;
};

// Times and loads change from one look to the next, and with them the width of a column.
std::string masked(const std::string& text) {
    std::string result =
        std::regex_replace(canonical(text), std::regex(R"(\b(\d+(\.\d+)?(us|ms|s|m|h|d))+\b)"), "TIME");
    result = std::regex_replace(result, std::regex(R"(\b\d+(\.\d+)?[KMG]\b)"), "MEM");
    result = std::regex_replace(result, std::regex(R"(\b\d+\.\d/)"), "0/");
    return std::regex_replace(result, std::regex(R"( {2,})"), "  ");
}

std::string flowing(const std::string& text) { return std::regex_replace(text, std::regex(R"(\s+)"), " "); }

// What the renderers make of the daemon's present answers.
class Oracle {
public:
    Oracle(const std::string& runtime_dir, std::string bad_file) : bad_file_(std::move(bad_file)) {
        auto client = ctl::Client::connect(runtime_dir);
        EXPECT_TRUE(client);
        pools_ = client->pools().value();
        workers_ = client->workers("odd").value();
        lines_ = client->last_lines("odd").value();
        lines_.erase(lines_.begin(), lines_.end() - 10);
        facts_ = client->explain("lost/0").value();
        running_ = ctl::take_snapshot(*client).value();
        placement_ = ctl::read_placement(*client, running_, {}).value();
    }
    // Any of the screens that differ by the width of the ages in them, from "50ms" to "1m30s".
    using Render = std::function<std::string(const Oracle&, const TerminalTraits&)>;
    [[nodiscard]] std::set<std::string> at_any_age(const TerminalTraits& traits, const Render& render) {
        std::set<std::string> screens;
        for (const Duration age : {50ms, 500ms, 5'000ms, 30'000ms, 90'000ms}) {
            now_ = workers_.front().since + age;
            screens.insert(masked(render(*this, traits)));
        }
        return screens;
    }
    [[nodiscard]] std::string status(const TerminalTraits& traits) const {
        return ctl::pools_screen(pools_, {}, traits, now_).value();
    }
    [[nodiscard]] std::string workers(const TerminalTraits& traits) const {
        return ctl::workers_screen(workers_, lines_, {}, traits, now_).value();
    }
    [[nodiscard]] std::string explain(const TerminalTraits& traits) const {
        return ctl::explain_screen(facts_, ctl::seat_sentences(placement_, "lost", 0), traits, now_);
    }
    [[nodiscard]] std::string pins(const TerminalTraits& traits) const {
        return ctl::pins_screen(running_.workers, {}, traits).value();
    }
    [[nodiscard]] std::string draw(const TerminalTraits& traits) const {
        return ctl::drawing_text(placement_.drawing(), traits);
    }
    [[nodiscard]] std::string check(const TerminalTraits& traits) const {
        return ctl::diagnostics_text(config::load(ctl::load_options(bad_file_, false)).error(), traits);
    }

private:
    std::string bad_file_;
    std::vector<ctl::PoolRow> pools_;
    std::vector<ctl::WorkerRow> workers_;
    std::vector<ctl::LogLine> lines_;
    wire::Json facts_;
    ctl::Snapshot running_;
    ctl::PlacementNow placement_;
    Duration now_{};
};

// Each line of a pipe's text as a paragraph of a terminal.
std::string paragraphs(const std::string& text, const TerminalTraits& traits) {
    std::string result;
    const std::string_view lines(text.data(), text.find_last_not_of('\n') + 1);
    for (std::string_view line : split(lines, '\n')) result += ctl::paragraph(std::string(line), 4, traits);
    return result;
}

bool is_ascii(const std::string& text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0; });
}

const std::set<std::string> colourless{"explain", "help", "job-log", "nothing", "plan", "why"};

TEST_F(TerminalScreens, ShowWhatTheRenderersSayAndNothingIsWrappedOrLost) {
    std::vector<Show> shows;
    std::map<std::string, std::string> pipe;
    for (const Show& command : commands()) {
        const Output output = piped(command);
        pipe[command.name] = output.err + output.out;
        for (const Kind& kind : kinds()) {
            if (kind.dumb) continue;
            shows.push_back(on(kind, command));
            shows.back().name += "-" + kind.name;
        }
    }
    Oracle oracle(daemon_->runtime_dir(), folder_ / "bad.yaml");
    const Screens screens = show_in_tmux(folder_, widths, shows);

    for (const std::size_t width : widths) {
        for (const Kind& kind : kinds()) {
            if (kind.dumb) continue;
            const TerminalTraits traits{.tty = true, .width = width, .utf8 = kind.utf8, .colour = kind.colour};
            const auto seen = [&](const std::string& name) { return screens.at(width).at(name + "-" + kind.name); };
            SCOPED_TRACE(std::to_string(width) + " columns, " + kind.name);
            for (const Show& command : commands()) {
                const Screen screen = seen(command.name);
                SCOPED_TRACE(command.name);
                EXPECT_EQ(canonical(screen.unwrapped), without_colour(screen.coloured))
                    << "the terminal wrapped a line";
                const std::string lines = canonical(screen.unwrapped);
                for (std::string_view line : split(lines, '\n')) EXPECT_LE(ctl::display_width(line), width) << line;
                EXPECT_EQ(screen.coloured.find('\x1b') != std::string::npos,
                          kind.colour && !colourless.contains(command.name));
                EXPECT_TRUE(kind.utf8 || is_ascii(lines)) << lines;
            }
            EXPECT_THAT(oracle.at_any_age(traits, std::mem_fn(&Oracle::status)),
                        Contains(masked(seen("status").coloured)));
            EXPECT_THAT(oracle.at_any_age(traits, std::mem_fn(&Oracle::workers)),
                        Contains(masked(seen("workers").coloured)));
            EXPECT_EQ(canonical(seen("pins").coloured), canonical(oracle.pins(traits)));
            EXPECT_EQ(canonical(seen("draw").coloured), canonical(oracle.draw(traits)));
            // The times in it stand within sentences: where these are broken is not compared.
            EXPECT_EQ(flowing(masked(seen("explain").coloured)), flowing(masked(oracle.explain(traits))));
            const std::string verdict = pipe["check"].substr(pipe["check"].find("\nread ") + 1);
            EXPECT_EQ(canonical(seen("check").coloured), canonical(oracle.check(traits) + paragraphs(verdict, traits)));
            EXPECT_EQ(canonical(seen("help").coloured), canonical(ctl::help_screen(pipe["help"], traits)));
            EXPECT_EQ(canonical(seen("nothing").coloured), canonical(paragraphs(pipe["nothing"], traits)));
            EXPECT_EQ(without_colour(seen("events").coloured), canonical(paragraphs(pipe["events"], traits)));
            const std::string& plan = pipe["plan"];
            const std::string comparison = paragraphs(plan.substr(plan.find("\nCompared") + 1), traits);
            EXPECT_TRUE(canonical(seen("plan").coloured).ends_with(canonical(comparison))) << seen("plan").coloured;
        }
    }
}

TEST_F(TerminalScreens, SendATerminalNothingButTextAndTheColoursThatItWants) {
    const std::regex colour("\x1b\\[(0|1;31|1;32|1;33|1;35|1;36)m");
    for (const Show& command : commands()) {
        for (const Kind& kind : kinds()) {
            SCOPED_TRACE(command.name + ", " + kind.name);
            const std::string bytes = bytes_for_terminal(on(kind, command), 80);
            EXPECT_FALSE(bytes.empty());
            const std::string text = std::regex_replace(bytes, colour, "");
            EXPECT_EQ(text.find_first_of("\x1b\x07\t\x9b"), std::string::npos) << text;
            EXPECT_EQ(text != bytes, kind.colour && !colourless.contains(command.name));
        }
    }
}

TEST_F(TerminalScreens, SendNoEscapeAndCutNothingInAPipe) {
    for (const Show& command : commands()) {
        SCOPED_TRACE(command.name);
        const Output output = piped(command);
        EXPECT_EQ((output.out + output.err).find('\x1b'), std::string::npos) << output.out << output.err;
    }
    const auto status = piped(commands().front()).out;
    EXPECT_TRUE(std::regex_search(status, std::regex(R"(^POOL +STATE +WORKERS .* SEATS +UP +NOTE\n)"))) << status;
    EXPECT_EQ(std::ranges::count(status, '\n'), 12);
    EXPECT_NE(status.find("lost/0: exec '" + lost_ + "': no such file or directory, 2 times in a row\n"),
              std::string::npos);
    auto forced = commands().front();
    forced.command.insert(forced.command.end(), {"--color", "always"});
    EXPECT_NE(piped(forced).out.find("\x1b[1;31mfailed\x1b[0m"), std::string::npos);
}

}  // namespace
}  // namespace pinion::test
