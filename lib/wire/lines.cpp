// SPDX-License-Identifier: Apache-2.0
#include "wire/lines.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "wire/json.h"
#include "wire/json_scan.h"

namespace pinion::wire {
namespace {

// More members than an answer can have; a line with more is taken for output.
constexpr std::size_t max_members = 32;

struct Answer {
    std::optional<std::uint64_t> id;
    std::optional<std::string_view> result, error, progress, note, push;
    bool twice = false;
};

std::optional<std::uint64_t> number(std::string_view raw) {
    if (raw.empty() || raw.size() > 20 || !std::ranges::all_of(raw, [](char c) { return c >= '0' && c <= '9'; }))
        return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : raw) {
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
        value = value * 10 + digit;
    }
    return value;
}

Answer sort_members(const std::vector<RawMember>& members) {
    Answer answer;
    const auto put = [&answer](std::optional<std::string_view>& place, std::string_view value) {
        answer.twice = answer.twice || place.has_value();
        place = value;
    };
    for (const RawMember& member : members) {
        if (member.name == "id") {
            answer.twice = answer.twice || answer.id.has_value();
            answer.id = number(member.value);
        } else if (member.name == "result") {
            put(answer.result, member.value);
        } else if (member.name == "error") {
            put(answer.error, member.value);
        } else if (member.name == "progress") {
            put(answer.progress, member.value);
        } else if (member.name == "note") {
            put(answer.note, member.value);
        } else if (member.name == "push") {
            put(answer.push, member.value);
        }
    }
    return answer;
}

LineError malformed(std::uint64_t id, std::string why) { return {id, "protocol", std::move(why), false, std::nullopt}; }

// Seconds as a span: nothing where it is negative or no number; at most a hundred years.
std::optional<Duration> seconds(const Json& value) {
    const auto number = value.as_double();
    if (!number || !(*number >= 0)) return std::nullopt;
    constexpr double longest = 100.0 * 365 * 86400;
    return Duration(static_cast<Duration::rep>(std::min(*number, longest) * 1e6));
}

std::string text_of(const Json* value, const char* otherwise) {
    const std::string* text = value == nullptr ? nullptr : value->as_string();
    return text == nullptr ? otherwise : text->substr(0, limits::max_note_bytes);
}

LineError read_error(std::uint64_t id, std::string_view raw) {
    const auto value = Json::parse(raw);
    if (!value) return malformed(id, "its error can't be read");
    if (const std::string* text = value->as_string())
        return {id, "error", text->substr(0, limits::max_note_bytes), {}, {}};
    if (!value->is_object()) return malformed(id, "its error is neither text nor an object");
    LineError error{id, text_of(value->find("type"), "error"), text_of(value->find("message"), ""), {}, {}};
    if (const Json* retry = value->find("retry")) {
        error.retry = retry->as_bool();
        if (!error.retry && !retry->is_null()) return malformed(id, "'retry' is neither true nor false");
    }
    if (const Json* after = value->find("after")) {
        error.after = seconds(*after);
        if (!error.after && !after->is_null()) return malformed(id, "'after' is no number of seconds");
    }
    return error;
}

// One element of "push"; nothing where it is not a job.
std::optional<LinePush> read_push(std::string_view raw) {
    const auto members = scan_object(raw, max_members);
    if (!members) return std::nullopt;
    LinePush push;
    bool has_input = false;
    for (const RawMember& member : *members) {
        if (member.name == "input") {
            push.input = member.value;
            has_input = true;
            continue;
        }
        const auto value = Json::parse(member.value);
        if (!value) return std::nullopt;
        if (member.name == "pool") {
            push.pool = text_of(&*value, "");
        } else if (member.name == "priority") {
            const auto priority = value->as_uint();
            if (!priority || *priority > limits::max_priority) return std::nullopt;
            push.priority = static_cast<std::uint32_t>(*priority);
        } else if (member.name == "delay") {
            const auto delay = seconds(*value);
            if (!delay) return std::nullopt;
            push.delay = *delay;
        }
    }
    if (!has_input || !is_name(push.pool)) return std::nullopt;
    return push;
}

WorkerLine read_result(std::uint64_t id, const Answer& answer) {
    LineResult result{id, *answer.result, {}};
    if (!answer.push) return result;
    const auto elements = scan_array(*answer.push, limits::max_pushes);
    if (!elements) return malformed(id, "'push' is no list of at most " + std::to_string(limits::max_pushes) + " jobs");
    for (const std::string_view element : *elements) {
        auto push = read_push(element);
        if (!push) return malformed(id, "a job in 'push' lacks a pool or an input, or is malformed");
        result.pushes.push_back(std::move(*push));
    }
    return result;
}

WorkerLine read_progress(std::uint64_t id, const Answer& answer) {
    LineProgress progress{id, {}, {}};
    if (answer.progress)
        if (const auto value = Json::parse(*answer.progress)) progress.fraction = value->as_double();
    if (answer.note)
        if (const auto value = Json::parse(*answer.note)) progress.note = text_of(&*value, "");
    return progress;
}

}  // namespace

WorkerLine parse_worker_line(std::string_view line) {
    if (const auto trimmed = trim(line); trimmed.empty() || trimmed.front() != '{')
        return LineStray{"not a JSON object"};
    const auto members = scan_object(line, max_members);
    if (!members) return LineStray{"not a JSON object"};
    const Answer answer = sort_members(*members);
    if (!answer.id) return LineStray{"no id"};
    if (answer.twice) return malformed(*answer.id, "a member stands twice");
    if (answer.result && answer.error) return malformed(*answer.id, "both a result and an error");
    if (answer.result) return read_result(*answer.id, answer);
    if (answer.error) return read_error(*answer.id, *answer.error);
    if (answer.progress || answer.note) return read_progress(*answer.id, answer);
    return LineStray{"neither result nor error nor progress"};
}

void append_job_line(std::string& out, const JobLine& job) {
    out += "{\"id\":" + std::to_string(job.id) + ",\"input\":";
    const auto from = out.size();
    out += job.input;
    std::ranges::replace_if(
        out.begin() + static_cast<std::ptrdiff_t>(from), out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    out += ",\"attempt\":" + std::to_string(job.attempt);
    if (job.remaining)
        out += ",\"deadline_ms\":" + std::to_string(std::max<Duration::rep>(0, job.remaining->count() / 1000));
    out += "}\n";
}

bool fits_raw_line(std::string_view payload) noexcept { return payload.find('\n') == std::string_view::npos; }

std::optional<std::uint64_t> RawOrder::answered() {
    if (waiting_.empty()) return std::nullopt;
    const auto id = waiting_.front();
    waiting_.pop_front();
    return id;
}

}  // namespace pinion::wire
