// SPDX-License-Identifier: Apache-2.0
#include "wire/lines.h"

#include <algorithm>

#include "base/text.h"
#include "wire/answer_parts.h"
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

// Nothing where the line is no object of that many members.
std::optional<Answer> read_answer(std::string_view line) {
    Answer answer;
    std::size_t count = 0;
    const auto put = [&answer](std::optional<std::string_view>& place, std::string_view value) {
        answer.twice = answer.twice || place.has_value();
        place = value;
    };
    const bool whole = visit_members(line, [&](std::string_view name, std::string_view value) {
        if (name == "id") {
            answer.twice = answer.twice || answer.id.has_value();
            answer.id = parse_id(value);
        } else if (name == "result") {
            put(answer.result, value);
        } else if (name == "error") {
            put(answer.error, value);
        } else if (name == "progress") {
            put(answer.progress, value);
        } else if (name == "note") {
            put(answer.note, value);
        } else if (name == "push") {
            put(answer.push, value);
        }
        return ++count <= max_members;
    });
    if (!whole) return std::nullopt;
    return answer;
}

// One element of "push"; nothing where it is not a job. Its input stays the text that it was.
std::optional<LinePush> read_push(std::string_view raw) {
    const auto members = scan_object(raw, max_members);
    if (!members) return std::nullopt;
    Json head = Json::object();
    std::optional<std::string_view> input;
    for (const RawMember& member : *members) {
        if (member.name == "input") {
            input = member.value;
            continue;
        }
        auto value = Json::parse(member.value);
        if (!value) return std::nullopt;
        head.set(member.name, std::move(*value));
    }
    auto push = input ? parse_push(head) : std::nullopt;
    if (push) push->input = *input;
    return push;
}

WorkerLine read_result(std::uint64_t id, const Answer& answer) {
    LineResult result{id, *answer.result, {}};
    if (!answer.push) return result;
    const auto elements = scan_array(*answer.push, limits::max_pushes);
    if (!elements)
        return malformed_answer(id, "'push' is no list of at most " + std::to_string(limits::max_pushes) + " jobs");
    for (const std::string_view element : *elements) {
        auto push = read_push(element);
        if (!push) return malformed_answer(id, "a job in 'push' lacks a pool or an input, or is malformed");
        result.pushes.push_back(std::move(*push));
    }
    return result;
}

WorkerLine read_progress(std::uint64_t id, const Answer& answer) {
    LineProgress progress{id, {}, {}};
    if (answer.progress)
        if (const auto value = Json::parse(*answer.progress)) progress.fraction = value->as_double();
    if (answer.note)
        if (const auto value = Json::parse(*answer.note)) progress.note = note_text(&*value, "");
    return progress;
}

}  // namespace

WorkerLine parse_worker_line(std::string_view line) {
    if (const auto trimmed = trim(line); trimmed.empty() || trimmed.front() != '{')
        return LineStray{"not a JSON object"};
    const auto answer = read_answer(line);
    if (!answer) return LineStray{"not a JSON object"};
    if (!answer->id) return LineStray{"no id"};
    if (answer->twice) return malformed_answer(*answer->id, "a member stands twice");
    if (answer->result && answer->error) return malformed_answer(*answer->id, "both a result and an error");
    if (answer->result) return read_result(*answer->id, *answer);
    if (answer->error) return parse_error(*answer->id, *answer->error);
    if (answer->progress || answer->note) return read_progress(*answer->id, *answer);
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
