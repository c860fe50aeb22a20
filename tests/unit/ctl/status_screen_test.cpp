// SPDX-License-Identifier: Apache-2.0
// The status screens: golden texts at every width and kind of terminal, and what holds for any names and values.
// PINION_UPDATE_GOLDEN=1 writes the golden files anew; read the difference before committing it.
#include "ctl/status_screen.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>

#include "base/text.h"
#include "ctl/display.h"
#include "ctl_testing.h"

namespace pinion::ctl {
namespace {

using namespace std::chrono_literals;

constexpr Duration now = 1'000'000s;
const TerminalTraits wide_terminal{.tty = true, .width = 140, .utf8 = true};
const TerminalTraits pipe_traits{};

std::vector<PoolRow> sample_pools() {
    return {
        {.name = "api",
         .state = "running",
         .since = now - 76h,
         .wanted = 4,
         .running = 4,
         .up = 4,
         .seats = "0,8+1,9+2,10+3,11",
         .cores_used = 2.1,
         .cores_held = 4,
         .memory_bytes = 412U << 20U},
        {.name = "etl",
         .state = "paused",
         .since = now - 5min,
         .wanted = 2,
         .note = "paused by root at 14:02",
         .cores_used = 0,
         .cores_held = 2},
        {.name = "mail",
         .state = "stopping",
         .since = now - 3s,
         .wanted = 0,
         .up = 2,
         .note = "reload removed this pool; 2 workers still stop",
         .cores_used = 0.1,
         .memory_bytes = 20U << 20U},
        {.name = "render",
         .state = "degraded",
         .since = now - 90s,
         .wanted = 8,
         .running = 7,
         .up = 7,
         .exits = 12,
         .seats = "4,12+5,13",
         .note = "render/5: SIGSEGV 3 times, next retry in 3.2 s",
         .cores_used = 6.9,
         .cores_held = 8,
         .memory_bytes = 1400U << 20U},
        {.name = "thumbs",
         .state = "failed",
         .since = now - 2min,
         .wanted = 1,
         .exits = 1,
         .note = "exit 127 (command not found: '/usr/bin/thumbs'); see … × thumbs"},
    };
}

std::vector<WorkerRow> sample_workers() {
    return {{.pool = "web",
             .slot = 0,
             .state = "running",
             .pid = 4242,
             .generation = 3,
             .restarts = 2,
             .cpus = "0,8",
             .since = now - 90min,
             .memory_bytes = 52U << 20U,
             .status_text = "serving 12 clients"},
            {.pool = "web",
             .slot = 1,
             .state = "backoff",
             .restarts = 7,
             .cpus = "1,9",
             .since = now - 2s,
             .note = "exit 1; retry in 3.2 s"}};
}

// The pools above with queues, as the daemon tells it: what is printed comes by the names of the members.
std::vector<PoolRow> sample_job_pools() {
    struct Queue {
        const char* pool;
        std::uint64_t running, ready, failed;
        double rate;
        Duration oldest, p95;
    };
    const std::vector<Queue> queues{{"etl", 0, 18, 41, 0, 26h, 0s},
                                    {"mail", 2, 0, 0, 0.25, 0s, 1500us},
                                    {"render", 7, 204, 3, 31.2, 95s, 3200ms},
                                    {"thumbs", 0, 0, 0, 1234.5, 0s, 0s}};
    auto pools = sample_pools();
    for (const Queue& queue : queues) {
        PoolRow& pool = *std::ranges::find(pools, queue.pool, &PoolRow::name);
        auto members = wire::Json::object();
        members.set("kind", "jobs").set("jobs_running", queue.running).set("jobs_ready", queue.ready);
        members.set("jobs_failed", queue.failed).set("jobs_rate", queue.rate);
        if (queue.oldest != 0s) members.set("oldest_ready_usec", (now - queue.oldest).count());
        if (queue.p95 != 0s) members.set("jobs_p95_usec", queue.p95.count());
        const PoolRow told = to_pool_row(members);
        pool.kind = told.kind;
        pool.jobs_running = told.jobs_running;
        pool.jobs_ready = told.jobs_ready;
        pool.jobs_failed = told.jobs_failed;
        pool.jobs_rate = told.jobs_rate;
        pool.oldest_ready = told.oldest_ready;
        pool.jobs_p95_usec = told.jobs_p95_usec;
    }
    return pools;
}

std::vector<WorkerRow> sample_job_workers() {
    auto workers = sample_workers();
    workers[0].job = 48'211;
    return workers;
}

void expect_golden(const std::string& name, const std::string& text) { EXPECT_EQ(text, test::golden(name, text)); }

// What a terminal shows of a line: without the escape sequences that colour it.
std::string without_colour(std::string_view line) {
    std::string shown;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\x1b')
            i = std::min(line.find('m', i), line.size());
        else
            shown += line[i];
    }
    return shown;
}

struct Kind {
    const char* name;
    bool tty;
    bool utf8;
    bool colour;
};
constexpr Kind kinds[] = {{"utf8_colour", true, true, true},  {"utf8_no_color", true, true, false},
                          {"utf8_pipe", false, true, false},  {"c_colour", true, false, true},
                          {"c_no_color", true, false, false}, {"c_pipe", false, false, false}};
constexpr std::size_t widths[] = {40, 60, 80, 140};

class StatusGolden : public ::testing::TestWithParam<Kind> {};

TEST_P(StatusGolden, LooksTheSameAtEveryWidth) {
    const Kind kind = GetParam();
    std::string text;
    for (const std::size_t width : widths) {
        const TerminalTraits traits{.tty = kind.tty, .width = width, .utf8 = kind.utf8, .colour = kind.colour};
        const auto pools = pools_screen(sample_pools(), {}, traits, now);
        const auto workers = workers_screen(sample_workers(), {}, {}, traits, now);
        ASSERT_TRUE(pools && workers);
        const auto job_pools = pools_screen(sample_job_pools(), {}, traits, now);
        const auto job_workers = workers_screen(sample_job_workers(), {}, {}, traits, now);
        ASSERT_TRUE(job_pools && job_workers);
        text += "=== " + std::to_string(width) + "\n" + *pools + "---\n" + *workers;
        text += "--- of jobs\n" + *job_pools + "---\n" + *job_workers;
        const std::string all = *pools + *workers + *job_pools + *job_workers;
        for (std::string_view line : split(all, '\n'))
            EXPECT_TRUE(!kind.tty || display_width(without_colour(line)) <= width) << line;
    }
    EXPECT_EQ(text.find('\x1b') != std::string::npos, kind.colour);
    const bool ascii = std::ranges::all_of(text, [](char c) { return c >= 0; });
    EXPECT_TRUE(ascii || !kind.tty || kind.utf8);
    expect_golden(std::string("status_") + kind.name + ".txt", text);
}

INSTANTIATE_TEST_SUITE_P(Terminals, StatusGolden, ::testing::ValuesIn(kinds),
                         [](const auto& tested) { return std::string(tested.param.name); });

// Random bytes, wide characters, controls and honest words.
std::string random_text(std::mt19937& random, std::size_t longest) {
    static const std::vector<std::string> pieces{"a",  "web", " ",       "\x1b[31m", "é",  "漢", "…",       "\xff",
                                                 "\n", "\t",  "e\u0301", "\u202e",   "🙂", "-",  "0,8+1,9", "\x07"};
    std::string text;
    const std::size_t length = std::uniform_int_distribution<std::size_t>(0, longest)(random);
    for (std::size_t i = 0; i < length; ++i)
        text += pieces[std::uniform_int_distribution<std::size_t>(0, pieces.size() - 1)(random)];
    return text;
}

std::vector<PoolRow> random_pools(std::mt19937& random) {
    static const std::vector<std::string> states{"starting", "running",   "degraded", "paused", "stopping",
                                                 "stopped",  "completed", "failed",   "novel"};
    std::uniform_int_distribution<std::uint64_t> number(0, 1ULL << 40U);
    std::vector<PoolRow> pools(std::uniform_int_distribution<std::size_t>(1, 6)(random));
    for (PoolRow& pool : pools) {
        pool.name = random_text(random, 40);
        pool.kind = number(random) % 5 == 0 ? "jobs" : "service";
        pool.state = states[number(random) % states.size()];
        pool.since = Duration(number(random));
        pool.wanted = number(random) % 10'000;
        pool.up = number(random) % 10'000;
        pool.exits = number(random);
        pool.seats = random_text(random, 30);
        pool.note = random_text(random, 60);
        pool.cores_used = static_cast<double>(number(random)) / 1e6 - 1;
        pool.cores_held = number(random) % 5000;
        pool.memory_bytes = number(random);
    }
    return pools;
}

TEST(StatusScreen, NeverExceedsTheWidthNorSendsAnEscapeWhateverTheNames) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (int round = 0; round < 2000; ++round) {
        const std::size_t width = std::uniform_int_distribution<std::size_t>(20, 200)(random);
        const TerminalTraits traits{.tty = true, .width = width, .utf8 = round % 2 == 0};
        const auto text = pools_screen(random_pools(random), {}, traits, now);
        ASSERT_TRUE(text);
        ASSERT_EQ(text->find('\x1b'), std::string::npos);
        for (std::string_view line : split(*text, '\n')) ASSERT_LE(display_width(line), width) << line;
    }
}

TEST(StatusScreen, KeepsEveryColumnInAPipeAndEachCellButTheLastOneWord) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (int round = 0; round < 500; ++round) {
        const auto pools = random_pools(random);
        const auto text = pools_screen(pools, {}, pipe_traits, now);
        ASSERT_TRUE(text);
        ASSERT_EQ(text->find('\x1b'), std::string::npos);
        const auto lines = split(*text, '\n');
        ASSERT_EQ(lines.size(), pools.size() + 2);  // the header, and nothing after the last newline
        for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
            std::istringstream words{std::string(lines[i])};
            std::vector<std::string> cells;
            for (std::string word; cells.size() < 14 && words >> word;) cells.push_back(word);
            ASSERT_EQ(cells.size(), 14U) << lines[i];
            std::string note;
            ASSERT_TRUE(std::getline(words >> std::ws, note) && !note.empty()) << lines[i];
            ASSERT_EQ(cells[1], i == 0 ? "STATE" : pools[i - 1].state);
        }
    }
}

TEST(StatusScreen, NamesWhatIsHiddenAndNothingElse) {
    const auto text = pools_screen(sample_pools(), {}, {.tty = true, .width = 60, .utf8 = true}, now);
    ASSERT_TRUE(text);
    EXPECT_NE(text->find("Hidden: MEM EXITS SEATS UP"), std::string::npos) << *text;
    const auto wide = pools_screen(sample_pools(), {}, {.tty = true, .width = 300, .utf8 = true}, now);
    ASSERT_TRUE(wide);
    EXPECT_EQ(wide->find("Hidden"), std::string::npos);
    EXPECT_EQ(wide->find("READY"), std::string::npos);  // no pool has jobs: nothing is missing
    const auto jobs = pools_screen(sample_job_pools(), {}, {.tty = true, .width = 80, .utf8 = true}, now);
    ASSERT_TRUE(jobs);
    EXPECT_NE(jobs->find("\nHidden: MEM RUN OLDEST RATE P95 EXITS SEATS UP  (--wide, -o COLUMNS)\n"), std::string::npos)
        << *jobs;
}

TEST(StatusScreen, ShowsJobColumnsOnceAPoolHasJobs) {
    const auto text =
        pools_screen(sample_job_pools(), {.columns = "POOL,RUN,READY,OLDEST,FAILED,RATE,P95"}, pipe_traits, now);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text,
              "POOL    RUN  READY  OLDEST  FAILED    RATE   P95\n"
              "api       -      -       -       -       -     -\n"
              "etl       0     18    1d2h      41   0.0/s     -\n"
              "mail      2      0       -       0   0.2/s   1ms\n"
              "render    7    204   1m35s       3  31.2/s  3.2s\n"
              "thumbs    0      0       -       0  1234/s     -\n");
}

TEST(StatusScreen, CountsTotals) {
    const auto text = pools_screen(sample_pools(), {}, wide_terminal, now);
    ASSERT_TRUE(text);
    EXPECT_NE(text->find("\n5 pools: 1 degraded, 1 failed. 13/15 workers.\n"), std::string::npos) << *text;
    EXPECT_NE(pools_screen(sample_job_pools(), {}, wide_terminal, now)
                  ->find("\n5 pools: 1 degraded, 1 failed. 13/15 workers, 9 running, 222 ready.\n"),
              std::string::npos);
    const std::vector<PoolRow> one{{.name = "a", .state = "running", .wanted = 1, .up = 1}};
    EXPECT_NE(pools_screen(one, {}, wide_terminal, now)->find("\n1 pool. 1/1 worker.\n"), std::string::npos);
}

TEST(StatusScreen, GivesTheColumnsAskedForInTheirOrder) {
    const auto text = pools_screen(sample_pools(), {.columns = "state,POOL"}, pipe_traits, now);
    ASSERT_TRUE(text);
    EXPECT_TRUE(text->starts_with("STATE     POOL\nrunning   api\n")) << *text;
}

TEST(StatusScreen, SuggestsTheColumnThatWasMeant) {
    const auto text = pools_screen(sample_pools(), {.columns = "POOL,STAET"}, pipe_traits, now);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error(), (Failure{Exit::usage, "unknown column 'STAET' (did you mean 'STATE'?)"}));
}

TEST(StatusScreen, CountsRowsThatDoNotFitTheScreen) {
    const auto text = pools_screen(sample_pools(), {.max_rows = 2}, wide_terminal, now);
    ASSERT_TRUE(text);
    EXPECT_NE(text->find("and 3 more"), std::string::npos);
    EXPECT_EQ(text->find("render"), std::string::npos);
    EXPECT_EQ(pools_screen(sample_pools(), {.max_rows = 5}, wide_terminal, now)->find(" more"), std::string::npos);
}

TEST(StatusScreen, ShowsLastLinesHarmlessAndCut) {
    const std::vector<LogLine> lines{{.at = now, .slot = 1, .text = "\x1b[2Jboom " + std::string(100, 'x')}};
    const auto text = workers_screen(sample_workers(), lines, {}, {.tty = true, .width = 40, .utf8 = true}, now);
    ASSERT_TRUE(text);
    EXPECT_NE(text->find("web/1 \\x1b[2Jboom"), std::string::npos) << *text;
    EXPECT_EQ(text->find('\x1b'), std::string::npos);
    const auto chosen = workers_screen(sample_workers(), lines, {.columns = "SEAT"}, pipe_traits, now);
    EXPECT_EQ(*chosen, "SEAT\nweb/0\nweb/1\n");
}

TEST(StatusDocument, HasTheDocumentedMembersFirstAndKeepsTheOthers) {
    const auto pool = to_pool_row(wire::Json::object().set("name", "web").set("state", "running").set("novel", 7));
    const auto worker =
        to_worker_row(wire::Json::object().set("pool", "web").set("slot", 0).set("state", "running").set("pid", 9));
    const std::vector<PoolRow> pools{pool};
    const std::vector<WorkerRow> workers{worker};
    EXPECT_EQ(status_document(pools, workers).dump(),
              R"({"version":1,"pools":[{"name":"web","kind":"service","state":"running","workers":[)"
              R"({"slot":0,"state":"running","pid":9,"generation":0,"restarts":0,"cpus":"","since":0,"pool":"web"}],)"
              R"("novel":7}]})");
}

TEST(StatusDocument, IsADocumentForNothingToo) {
    EXPECT_EQ(status_document({}, {}).dump(), R"({"version":1,"pools":[]})");
}

}  // namespace
}  // namespace pinion::ctl
