// SPDX-License-Identifier: Apache-2.0
#include "ctl/status_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "base/text.h"
#include "base/units.h"
#include "ctl/display.h"

namespace pinion::ctl {

namespace {

struct Look {
    Glyph glyph = Glyph::none;
    Colour glyph_colour = Colour::none;
    Colour word_colour = Colour::none;
};

// Pools' and workers' states alike. A state that this version does not know has no look.
Look look_of(std::string_view state) {
    if (state == "running") return {Glyph::active, Colour::green, Colour::none};
    if (state == "starting") return {Glyph::active, Colour::none, Colour::none};
    if (state == "degraded" || state == "stopping" || state == "backoff")
        return {Glyph::active, Colour::yellow, Colour::yellow};
    if (state == "failed") return {Glyph::failed, Colour::red, Colour::red};
    if (state == "paused" || state == "stopped" || state == "completed" || state == "idle")
        return {Glyph::inactive, Colour::none, Colour::none};
    return {};
}

std::string cores_text(const PoolRow& pool) {
    const bool known = std::isfinite(pool.cores_used) && pool.cores_used >= 0;
    if (pool.cores_held == 0 && (!known || pool.up == 0)) return "";
    char used[32] = "-";
    if (known) std::snprintf(used, sizeof used, pool.cores_used == 0 ? "%.0f" : "%.1f", pool.cores_used);
    return std::string(used) + "/" + (pool.cores_held == 0 ? "-" : std::to_string(pool.cores_held));
}

std::string memory_text(std::uint64_t bytes) { return bytes == 0 ? "" : format_size_coarse(bytes); }

std::string age_text(Duration since, Duration now) {
    return since == Duration::zero() ? "" : format_duration_coarse(std::max(now - since, Duration::zero()));
}

std::string count(std::uint64_t number, const char* noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

// "5 pools: 1 degraded, 1 failed. 13/15 workers."
std::string totals(std::span<const PoolRow> pools) {
    std::uint64_t degraded = 0;
    std::uint64_t failed = 0;
    std::uint64_t up = 0;
    std::uint64_t wanted = 0;
    std::uint64_t running = 0;
    std::uint64_t ready = 0;
    bool jobs = false;
    for (const PoolRow& pool : pools) {
        jobs = jobs || pool.kind == "jobs";
        running += pool.jobs_running;
        ready += pool.jobs_ready;
        degraded += pool.state == "degraded" ? 1 : 0;
        failed += pool.state == "failed" ? 1 : 0;
        up += pool.up;
        wanted += pool.wanted;
    }
    std::string text = count(pools.size(), "pool");
    if (degraded > 0) text += ": " + std::to_string(degraded) + " degraded";
    if (failed > 0) text += (degraded > 0 ? ", " : ": ") + std::to_string(failed) + " failed";
    text += ". " + std::to_string(up) + "/" + count(wanted, "worker");
    if (jobs) text += ", " + std::to_string(running) + " running, " + std::to_string(ready) + " ready";
    return text + ".";
}

std::string hidden_columns(std::span<const std::string> names, std::size_t width) {
    if (names.empty()) return "";
    return wrap("Hidden: " + join(names, " ") + "  (--wide, -o COLUMNS)", width, 8);
}

// The table as the options want it; `left_out` counts the rows that did not fit on the screen.
Answer<Rendered> draw(Table table, const ScreenOptions& options, const TerminalTraits& traits, std::size_t& left_out) {
    left_out = 0;
    if (options.max_rows > 0 && table.rows.size() > options.max_rows) {
        left_out = table.rows.size() - options.max_rows;
        table.rows.resize(options.max_rows);
    }
    if (options.columns.empty()) return render(table, traits, options.wide);
    auto selected = select_columns(table, options.columns);
    if (!selected) return std::unexpected(selected.error());
    return render(*selected, traits, true);
}

void append_footer(std::string& text, const Rendered& rendered, std::size_t left_out, const TerminalTraits& traits) {
    if (!traits.tty) return;
    if (left_out > 0) text += "  and " + std::to_string(left_out) + " more\n";
    text += hidden_columns(rendered.hidden, traits.width);
}

// The members of `source` that are not in `target` yet.
void add_others(wire::Json& target, const wire::Json& source) {
    for (const auto& [name, value] : source.members())
        if (target.find(name) == nullptr) target.set(name, value);
}

wire::Json worker_document(const WorkerRow& worker) {
    wire::Json json = wire::Json::object();
    json.set("slot", worker.slot).set("state", worker.state).set("pid", worker.pid);
    json.set("generation", worker.generation).set("restarts", worker.restarts).set("cpus", worker.cpus);
    json.set("since", worker.since.count());
    add_others(json, worker.members);
    return json;
}

// One word each, since scripts split at blanks; empty for a service pool and for what is not known.
struct JobCells {
    std::string running, ready, oldest, failed, rate, p95;
};

JobCells job_cells(const PoolRow& pool, Duration now) {
    if (pool.kind != "jobs") return {};
    JobCells cells{.running = std::to_string(pool.jobs_running),
                   .ready = std::to_string(pool.jobs_ready),
                   .oldest = {},
                   .failed = std::to_string(pool.jobs_failed),
                   .rate = fmt::format("{:.{}f}/s", pool.jobs_rate, pool.jobs_rate < 100 ? 1 : 0),
                   .p95 = {}};
    if (pool.oldest_ready != Duration::zero()) cells.oldest = age_text(pool.oldest_ready, now);
    if (pool.jobs_p95_usec != 0)
        cells.p95 = format_duration_coarse(Duration(static_cast<std::int64_t>(pool.jobs_p95_usec)));
    return cells;
}

}  // namespace

Table pool_table(std::span<const PoolRow> pools, Duration now) {
    const bool jobs = std::ranges::any_of(pools, [](const PoolRow& pool) { return pool.kind == "jobs"; });
    const auto job_column = [&](const char* name, int priority) {
        return Column{.name = name, .align = Align::right, .priority = priority, .absent = !jobs};
    };
    Table table;
    table.columns = {{.name = "POOL"},
                     {.name = "STATE"},
                     {.name = "WORKERS", .align = Align::right, .priority = 1},
                     {.name = "CORES", .align = Align::right, .priority = 2},
                     {.name = "MEM", .align = Align::right, .priority = 7},
                     job_column("RUN", 6),
                     job_column("READY", 3),
                     job_column("OLDEST", 5),
                     job_column("FAILED", 4),
                     job_column("RATE", 9),
                     job_column("P95", 10),
                     {.name = "EXITS", .align = Align::right, .priority = 8},
                     {.name = "SEATS", .align = Align::left, .priority = 11},
                     {.name = "UP", .align = Align::right, .priority = 12},
                     {.name = "NOTE", .align = Align::left, .priority = Column::always, .flexible = true}};
    for (const PoolRow& pool : pools) {
        const Look look = look_of(pool.state);
        const std::string workers = std::to_string(pool.up) + "/" + std::to_string(pool.wanted);
        const std::string up = pool.up == 0 ? "" : age_text(pool.since, now);
        const JobCells cells = job_cells(pool, now);
        table.rows.push_back({look.glyph,
                              look.glyph_colour,
                              {{pool.name},
                               {pool.state, look.word_colour},
                               {workers},
                               {cores_text(pool)},
                               {memory_text(pool.memory_bytes)},
                               {cells.running},
                               {cells.ready},
                               {cells.oldest},
                               {cells.failed},
                               {cells.rate},
                               {cells.p95},
                               {std::to_string(pool.exits)},
                               {pool.seats},
                               {up},
                               {pool.note}}});
    }
    return table;
}

Table worker_table(std::span<const WorkerRow> workers, Duration now) {
    const bool jobs = std::ranges::any_of(workers, [](const WorkerRow& worker) { return worker.job != 0; });
    Table table;
    table.columns = {{.name = "SEAT"},
                     {.name = "CPUS", .align = Align::left, .priority = 1},
                     {.name = "STATE"},
                     {.name = "PID", .align = Align::right, .priority = 3},
                     {.name = "JOB", .align = Align::right, .priority = 6, .absent = !jobs},
                     {.name = "UP", .align = Align::right, .priority = 2},
                     {.name = "EXITS", .align = Align::right, .priority = 4},
                     {.name = "MEM", .align = Align::right, .priority = 5},
                     {.name = "NOTE", .align = Align::left, .priority = Column::always, .flexible = true}};
    for (const WorkerRow& worker : workers) {
        const Look look = look_of(worker.state);
        const std::string pid = worker.pid == 0 ? "" : std::to_string(worker.pid);
        const std::string up = worker.pid == 0 ? "" : age_text(worker.since, now);
        const std::string& note = worker.note.empty() ? worker.status_text : worker.note;
        table.rows.push_back({look.glyph,
                              look.glyph_colour,
                              {{worker.name()},
                               {worker.cpus},
                               {worker.state, look.word_colour},
                               {pid},
                               {worker.job == 0 ? "" : std::to_string(worker.job)},
                               {up},
                               {std::to_string(worker.restarts)},
                               {memory_text(worker.memory_bytes)},
                               {note}}});
    }
    return table;
}

Answer<std::string> table_screen(Table table, const std::string& below, const ScreenOptions& options,
                                 const TerminalTraits& traits) {
    std::size_t left_out = 0;
    auto rendered = draw(std::move(table), options, traits, left_out);
    if (!rendered) return std::unexpected(rendered.error());
    std::string text = rendered->text;
    if (!traits.tty) return text;
    if (!below.empty()) text += "\n" + wrap(below, traits.width, 0);
    append_footer(text, *rendered, left_out, traits);
    return text;
}

Answer<std::string> pools_screen(std::span<const PoolRow> pools, const ScreenOptions& options,
                                 const TerminalTraits& traits, Duration now) {
    return table_screen(pool_table(pools, now), totals(pools), options, traits);
}

Answer<std::string> workers_screen(std::span<const WorkerRow> workers, std::span<const LogLine> lines,
                                   const ScreenOptions& options, const TerminalTraits& traits, Duration now) {
    std::size_t left_out = 0;
    auto rendered = draw(worker_table(workers, now), options, traits, left_out);
    if (!rendered) return std::unexpected(rendered.error());
    std::string text = rendered->text;
    append_footer(text, *rendered, left_out, traits);
    if (lines.empty() || !options.columns.empty()) return text;
    text += "\n";
    const std::string pool = workers.empty() ? std::string() : workers.front().pool;
    for (const LogLine& line : lines) text += log_line_text(pool, line, traits, !options.wide);
    return text;
}

std::string clock_text(Duration at, Duration now) {
    const auto seconds = static_cast<std::time_t>(at.count() / 1'000'000);
    const auto today = static_cast<std::time_t>(now.count() / 1'000'000);
    std::tm then_local{};
    std::tm now_local{};
    if (localtime_r(&seconds, &then_local) == nullptr || localtime_r(&today, &now_local) == nullptr) return "-";
    const bool same_day = then_local.tm_yday == now_local.tm_yday && then_local.tm_year == now_local.tm_year;
    char text[64];
    const std::size_t length = std::strftime(text, sizeof text, same_day ? "%H:%M:%S" : "%F %H:%M:%S", &then_local);
    return {text, length};
}

std::string log_line_text(const std::string& pool, const LogLine& line, const TerminalTraits& traits, bool cut) {
    std::string text =
        clock_text(line.at, line.at) + " " + pool + "/" + std::to_string(line.slot) + " " + harmless(line.text);
    if (!traits.tty) return text + "\n";
    if (!traits.utf8) text = to_ascii(text);
    if (cut) text = cut_to_width(text, traits.width, traits.utf8 ? "…" : "...");
    return text + "\n";
}

wire::Json status_document(std::span<const PoolRow> pools, std::span<const WorkerRow> workers) {
    wire::Json list = wire::Json::array();
    for (const PoolRow& pool : pools) {
        wire::Json entry = wire::Json::object();
        entry.set("name", pool.name).set("kind", pool.kind).set("state", pool.state);
        wire::Json own = wire::Json::array();
        for (const WorkerRow& worker : workers)
            if (worker.pool == pool.name) own.push(worker_document(worker));
        entry.set("workers", std::move(own));
        add_others(entry, pool.members);
        list.push(std::move(entry));
    }
    return wire::Json::object().set("version", 1).set("pools", std::move(list));
}

}  // namespace pinion::ctl
