// SPDX-License-Identifier: Apache-2.0
#include "ctl/job_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "ctl/display.h"
#include "ctl/json_facts.h"
#include "ctl/table.h"

namespace pinion::ctl {

namespace {

using wire::Json;

const Json* last_attempt(const Json& job) {
    const Json* attempts = job.find("attempts");
    return attempts == nullptr || attempts->items().empty() ? nullptr : &attempts->items().back();
}

// The one that runs included.
std::string attempts_made(const Json& job) {
    if (const Json* running = job.find("running")) return text_of(*running, "number");
    const Json* attempt = last_attempt(job);
    return attempt == nullptr ? "0" : text_of(*attempt, "number");
}

Colour colour_of(const std::string& state) { return state == "failed" ? Colour::red : Colour::none; }

// What an attempt left: its error, or its death.
std::string left_by(const Json& attempt) {
    if (const Json* death = attempt.find("death")) return text_of(*death, "how");
    const Json* error = attempt.find("error");
    if (error == nullptr) return {};
    const std::string type = text_of(*error, "type");
    const std::string message = text_of(*error, "message");
    return type + (type.empty() || message.empty() ? "" : ": ") + message;
}

// "at thumbs/3 for 12s: 40%, resizing"
std::string running_words(const Json& job, const Json& running, Duration now) {
    std::string words = "at " + text_of(job, "pool") + "/" + text_of(running, "slot");
    if (const auto from = time_of(running, "started_usec"))
        words += " for " + format_duration_coarse(std::max(now - *from, Duration::zero()));
    std::string said;
    const Json* progress = running.find("progress");
    if (const auto share = progress == nullptr ? std::nullopt : progress->as_double())
        said = *share >= 0 && *share <= 1 ? fmt::format("{:.0f}%", *share * 100) : fmt::format("{:g}", *share);
    const std::string note = text_of(running, "note");
    said += (said.empty() || note.empty() ? "" : ", ") + note;
    return words + (said.empty() ? "" : ": ") + said;
}

std::string ago(std::optional<Duration> at, Duration now) {
    if (!at) return {};
    return *at > now ? "in " + format_duration_coarse(*at - now) : format_duration_coarse(now - *at) + " ago";
}

std::string note_of(const Json& job, Duration now) {
    if (const Json* running = job.find("running")) return running_words(job, *running, now);
    const Json* attempt = last_attempt(job);
    std::string note;
    if (text_of(job, "state") == "delayed") note = ago(time_of(job, "not_before_usec"), now);
    if (attempt == nullptr || text_of(job, "state") == "done") return note;
    std::string left = left_by(*attempt);
    if (left.empty()) left = text_of(*attempt, "outcome");
    if (left == text_of(job, "state")) return note;
    return note + (note.empty() ? "" : ": ") + left;
}

// "; peak 118M, 11s of CPU, on 0,8": what was used by a process that an attempt did not outlive.
std::string used_by(const Json& death) {
    std::string words;
    const auto add = [&](const std::string& what) { words += (words.empty() ? "; " : ", ") + what; };
    if (const auto peak = number_of(death, "peak_memory_bytes"); peak != 0) add("peak " + format_size_coarse(peak));
    if (const auto cpu = time_of(death, "cpu_usec")) add(format_duration_coarse(*cpu) + " of CPU");
    if (const std::string seat = text_of(death, "seat"); !seat.empty()) add("on " + seat);
    return words;
}

// An attempt that has ended, and the last lines of a process that it did not outlive.
std::string attempt_story(const Json& job, const Json& attempt, const TerminalTraits& traits) {
    const std::string number = text_of(attempt, "number");
    if (number == "0") return {};
    const auto from = time_of(attempt, "started_usec");
    const auto to = time_of(attempt, "ended_usec");
    std::string words = text_of(attempt, "outcome") + " at " + text_of(job, "pool") + "/" + text_of(attempt, "slot");
    if (from && to && *to >= *from) words += " after " + format_duration_coarse(*to - *from);
    const std::string left = left_by(attempt);
    if (!left.empty()) words += ": " + left;
    const Json* death = attempt.find("death");
    if (death != nullptr) words += used_by(*death);
    std::string text = paragraph("  attempt " + number + ": " + words, 4, traits);
    const Json* lines = death == nullptr ? nullptr : death->find("last_lines");
    for (const Json& last : lines == nullptr ? Json::Array() : lines->items())
        if (last.as_string() != nullptr) text += paragraph("    | " + harmless(*last.as_string()), 6, traits);
    return text;
}

Table job_table(std::span<const Json> jobs, Duration now) {
    Table table;
    table.columns = {{.name = "ID", .align = Align::right},
                     {.name = "POOL"},
                     {.name = "STATE"},
                     {.name = "ATTEMPTS", .align = Align::right, .priority = 1},
                     {.name = "AGE", .align = Align::right, .priority = 2},
                     {.name = "PRIORITY", .align = Align::right, .priority = 3},
                     {.name = "NOTE", .flexible = true}};
    for (const Json& job : jobs) {
        const std::string state = text_of(job, "state");
        const auto queued = time_of(job, "queued_usec");
        Row row;
        row.cells = {{text_of(job, "id")},
                     {text_of(job, "pool")},
                     {state, colour_of(state)},
                     {attempts_made(job)},
                     {queued ? format_duration_coarse(std::max(now - *queued, Duration::zero())) : ""},
                     {text_of(job, "priority")},
                     {note_of(job, now)}};
        table.rows.push_back(std::move(row));
    }
    return table;
}

// "14 jobs: 3 failed, 1 running, 10 done."
std::string job_totals(std::span<const Json> jobs) {
    std::string text = std::to_string(jobs.size()) + (jobs.size() == 1 ? " job" : " jobs");
    const char* before = ": ";
    for (const char* state : {"failed", "running", "queued", "delayed", "done", "cancelled"}) {
        const auto count = std::ranges::count_if(jobs, [&](const Json& job) { return text_of(job, "state") == state; });
        if (count == 0) continue;
        text += std::exchange(before, ", ") + std::to_string(count) + " " + state;
    }
    return text + ".";
}

}  // namespace

std::string jobs_screen(std::span<const Json> jobs, Duration now, const TerminalTraits& traits) {
    const Rendered table = render(job_table(jobs, now), traits);
    if (!traits.tty) return table.text;
    std::string text = table.text + "\n" + paragraph(job_totals(jobs), 4, traits);
    if (!table.hidden.empty())
        text += paragraph("Hidden: " + join(table.hidden, " ") + "  (a wider terminal or a pipe has all)", 8, traits);
    return text;
}

std::string job_story(const Json& job, Duration now, const TerminalTraits& traits) {
    const std::string state = text_of(job, "state");
    std::string text = paragraph("job " + text_of(job, "id") + " of pool " + text_of(job, "pool") + ": " +
                                     paint(state, colour_of(state), traits),
                                 2, traits);
    const auto line = [&](const std::string& what, const std::string& value) {
        if (!value.empty()) text += paragraph("  " + what + ": " + value, 4, traits);
    };
    line("queued", ago(time_of(job, "queued_usec"), now));
    line("not before", ago(time_of(job, "not_before_usec"), now));
    line("ended", ago(time_of(job, "ended_usec"), now));
    line("priority", text_of(job, "priority"));
    const std::string map_name = text_of(job, "map_name");
    const std::string map = map_name.empty() ? text_of(job, "map") : "'" + map_name + "'";
    line("item", map.empty() ? "" : text_of(job, "index") + " of map " + map);
    line("key", text_of(job, "key"));
    line("retry of", text_of(job, "retry_of"));
    if (state == "done")
        line("result", text_of(job, "result_bytes") + " bytes (pinionctl result " + text_of(job, "id") + ")");
    const Json* attempts = job.find("attempts");
    for (const Json& attempt : attempts == nullptr ? Json::Array() : attempts->items())
        text += attempt_story(job, attempt, traits);
    if (const Json* running = job.find("running")) {
        line("attempt " + text_of(*running, "number"), "running " + running_words(job, *running, now));
        line("  seat", text_of(*running, "seat"));
        line("  deadline", ago(time_of(*running, "deadline_usec"), now));
    }
    return text;
}

std::string job_log(std::span<const Json> lines, const TerminalTraits& traits) {
    const auto attempt_of = [](const Json& line) { return text_of(line, "attempt"); };
    // Those of a first attempt alone need no heading.
    const bool headed = std::ranges::any_of(lines, [&](const Json& line) { return attempt_of(line) != "1"; });
    std::string text;
    std::string attempt;
    for (const Json& line : lines) {
        if (headed && attempt_of(line) != attempt) text += "attempt " + attempt_of(line) + ":\n";
        attempt = attempt_of(line);
        text += paragraph(text_of(line, "text"), 2, traits);
    }
    return text;
}

}  // namespace pinion::ctl
