// SPDX-License-Identifier: Apache-2.0
#include "ctl/job_screen.h"

#include <algorithm>

#include "base/units.h"
#include "ctl/display.h"
#include "ctl/json_facts.h"

namespace pinion::ctl {

namespace {

using wire::Json;

const Json* last_attempt(const Json& job) {
    const Json* attempts = job.find("attempts");
    return attempts == nullptr || attempts->items().empty() ? nullptr : &attempts->items().back();
}

Colour colour_of(const std::string& state) { return state == "failed" ? Colour::red : Colour::none; }

// What an attempt left: its error, or its death.
std::string left_by(const Json& attempt) {
    const Json* detail = attempt.find("detail");
    if (detail == nullptr) return {};
    if (const Json* error = detail->find("error")) detail = error;
    if (const Json* death = detail->find("death")) return text_of(*death, "how");
    const std::string type = text_of(*detail, "type");
    const std::string message = text_of(*detail, "message");
    return type + (type.empty() || message.empty() ? "" : ": ") + message;
}

std::string note_of(const Json& job) {
    const Json* attempt = last_attempt(job);
    if (attempt == nullptr || text_of(job, "state") == "done") return {};
    const std::string left = left_by(*attempt);
    return left.empty() ? text_of(*attempt, "outcome") : left;
}

std::string ago(std::optional<Duration> at, Duration now) {
    if (!at) return {};
    return *at > now ? "in " + format_duration_coarse(*at - now) : format_duration_coarse(now - *at) + " ago";
}

}  // namespace

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
        const Json* attempt = last_attempt(job);
        const auto queued = time_of(job, "queued_usec");
        Row row;
        row.cells = {{text_of(job, "id")},
                     {text_of(job, "pool")},
                     {state, colour_of(state)},
                     {attempt == nullptr ? "0" : text_of(*attempt, "number")},
                     {queued ? format_duration_coarse(std::max(now - *queued, Duration::zero())) : ""},
                     {text_of(job, "priority")},
                     {note_of(job)}};
        table.rows.push_back(std::move(row));
    }
    return table;
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
    line("item", job.find("map") == nullptr ? "" : text_of(job, "index") + " of map " + text_of(job, "map"));
    line("key", text_of(job, "key"));
    line("retry of", text_of(job, "retry_of"));
    if (state == "done")
        line("result", text_of(job, "result_bytes") + " bytes (pinionctl result " + text_of(job, "id") + ")");
    const Json* attempts = job.find("attempts");
    for (const Json& attempt : attempts == nullptr ? Json::Array() : attempts->items()) {
        if (text_of(attempt, "number") == "0") continue;
        const auto from = time_of(attempt, "started_usec");
        const auto to = time_of(attempt, "ended_usec");
        std::string words =
            text_of(attempt, "outcome") + " at " + text_of(job, "pool") + "/" + text_of(attempt, "slot");
        if (from && to && *to >= *from) words += " after " + format_duration_coarse(*to - *from);
        const std::string left = left_by(attempt);
        line("attempt " + text_of(attempt, "number"), words + (left.empty() ? "" : ": " + left));
        const Json* detail = attempt.find("detail");
        const Json* death = detail == nullptr ? nullptr : detail->find("death");
        const Json* lines = death == nullptr ? nullptr : death->find("last_lines");
        for (const Json& last : lines == nullptr ? Json::Array() : lines->items())
            if (last.as_string() != nullptr) text += paragraph("    | " + harmless(*last.as_string()), 6, traits);
    }
    return text;
}

}  // namespace pinion::ctl
