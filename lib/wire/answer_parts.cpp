// SPDX-License-Identifier: Apache-2.0
#include "wire/answer_parts.h"

#include <algorithm>

#include "base/text.h"
#include "wire/limits.h"

namespace pinion::wire {
namespace {

// Seconds as a span: nothing where it is negative or no number; at most a hundred years.
std::optional<Duration> seconds(const Json& value) {
    const auto number = value.as_double();
    if (!number || !(*number >= 0)) return std::nullopt;
    constexpr double longest = 100.0 * 365 * 86400;
    return Duration(static_cast<Duration::rep>(std::min(*number, longest) * 1e6));
}

}  // namespace

LineError malformed_answer(std::uint64_t id, std::string why) {
    return {id, "protocol", std::move(why), false, std::nullopt};
}

std::string note_text(const Json* value, const char* otherwise) {
    const std::string* text = value == nullptr ? nullptr : value->as_string();
    if (text == nullptr) return otherwise;
    std::size_t end = std::min(text->size(), limits::max_note_bytes);
    const auto within_character = [&] { return (static_cast<unsigned char>((*text)[end]) & 0xC0U) == 0x80U; };
    while (end > 0 && end < text->size() && within_character()) --end;
    return text->substr(0, end);
}

LineError parse_error(std::uint64_t id, std::string_view raw) {
    const auto value = Json::parse(raw);
    if (!value) return malformed_answer(id, "its error can't be read");
    if (value->as_string() != nullptr) return {id, "error", note_text(&*value, ""), {}, {}};
    if (!value->is_object()) return malformed_answer(id, "its error is neither text nor an object");
    LineError error{id, note_text(value->find("type"), "error"), note_text(value->find("message"), ""), {}, {}};
    if (const Json* retry = value->find("retry")) {
        error.retry = retry->as_bool();
        if (!error.retry && !retry->is_null()) return malformed_answer(id, "'retry' is neither true nor false");
    }
    if (const Json* after = value->find("after")) {
        error.after = seconds(*after);
        if (!error.after && !after->is_null()) return malformed_answer(id, "'after' is no number of seconds");
    }
    return error;
}

LineProgress parse_progress(std::uint64_t id, std::string_view raw) {
    LineProgress progress{id, {}, {}};
    const auto value = Json::parse(raw);
    if (!value) return progress;
    if (const Json* fraction = value->find("progress")) progress.fraction = fraction->as_double();
    progress.note = note_text(value->find("note"), "");
    return progress;
}

std::optional<LinePush> parse_push(const Json& head) {
    LinePush push{.pool = note_text(head.find("pool"), ""), .input = {}, .priority = {}, .delay = {}};
    if (!is_name(push.pool)) return std::nullopt;
    if (const Json* priority = head.find("priority")) {
        const auto number = priority->as_uint();
        if (!number || *number > limits::max_priority) return std::nullopt;
        push.priority = static_cast<std::uint32_t>(*number);
    }
    if (const Json* delay = head.find("delay")) {
        const auto span = seconds(*delay);
        if (!span) return std::nullopt;
        push.delay = *span;
    }
    return push;
}

std::optional<std::uint64_t> leading_id(std::string_view line) {
    const auto take = [&line](std::string_view word) {
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        const bool there = line.starts_with(word);
        if (there) line.remove_prefix(word.size());
        return there;
    };
    if (!take("{") || !take("\"id\"") || !take(":") || !take("")) return std::nullopt;
    const auto end = line.find_first_not_of("0123456789");
    if (end == std::string_view::npos) return std::nullopt;
    const auto id = parse_id(line.substr(0, end));
    line.remove_prefix(end);
    return take(",") ? id : std::nullopt;
}

std::optional<std::uint64_t> parse_id(std::string_view raw) {
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

}  // namespace pinion::wire
