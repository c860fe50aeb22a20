// SPDX-License-Identifier: Apache-2.0
#include "config/codec_policy.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.h"
#include "base/units.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

constexpr long long max_restart_count = 1'000'000;
// syslog's priorities, by number.
constexpr auto priorities =
    std::to_array<std::string_view>({"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"});

// What other programs call them.
std::string priority_hint(std::string_view word) {
    constexpr auto others = std::to_array<std::pair<std::string_view, std::string_view>>({{"error", "err"},
                                                                                          {"warn", "warning"},
                                                                                          {"critical", "crit"},
                                                                                          {"fatal", "crit"},
                                                                                          {"emergency", "emerg"},
                                                                                          {"panic", "emerg"},
                                                                                          {"trace", "debug"},
                                                                                          {"none", "null"},
                                                                                          {"off", "null"},
                                                                                          {"/dev/null", "null"}});
    for (const auto& [other, ours] : others)
        if (word == other) return "did you mean '" + std::string(ours) + "'?";
    if (word.starts_with('/')) return "did you mean 'file:" + printable(word, 60) + "'?";
    if (const auto number = parse_integer(word); number && *number >= 0 && *number <= 7)
        return "did you mean '" + std::string(priorities[static_cast<std::size_t>(*number)]) + "'?";
    auto words = std::vector<std::string_view>(priorities.begin(), priorities.end());
    words.insert(words.end(), {"null", "direct"});
    return did_you_mean(word, words);
}

}  // namespace

std::string RestartLimitCodec::type() { return "none, or {count, within}"; }
std::string RestartLimitCodec::schema() {
    return R"({"anyOf":[{"const":"none"},)" +
           json_object_schema(
               R"("count":)" + IntegerType::schema({1, max_restart_count}) + R"(,"within":)" + DurationCodec::schema(),
               R"("count","within")") +
           "]}";
}
void RestartLimitCodec::read(const Reading& reading, const Node& node, Value& value) {
    static constexpr std::string_view keys[] = {"count", "within"};
    if (node.is_scalar() && node.text == "none") {
        value.reset();
        return;
    }
    if (!node.is_map()) return reading.expected(node, "none, or a map such as {count: 10, within: 60s}");
    check_block_keys(reading, node, keys);
    const Entry* count = node.find("count");
    const Entry* within_key = node.find("within");
    if (count == nullptr) reading.error(node, "missing-key", "key 'count' is missing");
    if (within_key == nullptr) reading.error(node, "missing-key", "key 'within' is missing");
    if (count == nullptr || within_key == nullptr) return;
    const auto number = read_integer(within(reading, "count"), *count->value, {1, max_restart_count});
    const auto span = read_duration(within(reading, "within"), *within_key->value);
    if (span && *span == Duration::zero())
        return within(reading, "within").error(*within_key->value, "out-of-range", "the window can't be empty");
    if (number && span) value = RestartLimit{static_cast<std::uint32_t>(*number), *span};
}
Printed RestartLimitCodec::print(const Value& value) {
    if (!value) return "none";
    return "{count: " + std::to_string(value->count) + ", within: " + format_duration(value->within) + "}";
}

std::string to_string(const ExitPattern& pattern) {
    return pattern.kind == ExitPattern::Kind::code ? std::to_string(pattern.value) : signal_name(pattern.value);
}

std::string ExitPatternsCodec::type() { return "list of exit codes and signals"; }
std::string ExitPatternsCodec::schema() {
    return R"({"type":"array","items":{"anyOf":[{"type":"integer","minimum":0,"maximum":255},)" +
           SignalCodec::schema() + "]}}";
}
void ExitPatternsCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (!node.is_list()) {
        const bool single = node.is_scalar() && node.text.size() < 20;
        return reading.expected(node, "a list of exit codes and signals",
                                single ? "did you mean [" + printable(node.text, 30) + "]?" : std::string());
    }
    value.clear();
    for (const Node* item : node.items) {
        const auto pattern = read_exit_pattern(reading, *item);
        if (pattern && std::ranges::find(value, *pattern) == value.end()) value.push_back(*pattern);
    }
}
Printed ExitPatternsCodec::print(const Value& value) {
    std::vector<std::string> patterns;
    for (const auto& pattern : value) patterns.push_back(to_string(pattern));
    return yaml_list(patterns);
}

std::string PoolNamesCodec::type() { return "list of pools"; }
std::string PoolNamesCodec::schema() {
    return R"({"type":"array","items":{"type":"string","pattern":"^[a-z][a-z0-9_-]{0,62}$"}})";
}
void PoolNamesCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (!node.is_list()) {
        const bool single = node.is_scalar() && is_name(node.text);
        return reading.expected(node, "a list of pools", single ? "did you mean [" + node.text + "]?" : std::string());
    }
    value.clear();
    for (const Node* item : node.items) {
        const auto name = read_name(reading, *item);
        if (name && std::ranges::find(value, *name) == value.end()) value.push_back(*name);
    }
}
Printed PoolNamesCodec::print(const Value& value) {
    std::vector<std::string> names;
    for (const auto& name : value) names.push_back(yaml_text(name));
    return yaml_list(names);
}

std::string LogTargetType::type() { return "priority, null, file:PATH or direct"; }
std::string LogTargetType::schema() {
    auto words = std::vector<std::string_view>(priorities.begin(), priorities.end());
    words.insert(words.end(), {"direct", "null"});
    return R"({"anyOf":[)" + json_enum(words) + R"(,{"type":"string","pattern":"^file:/."},{"type":"null"}]})";
}
void LogTargetType::read(const Reading& reading, const Node& node, LogTarget& value, int default_priority) {
    constexpr std::string_view file = "file:";
    if (node.is_null() || (node.is_scalar() && node.text == "null")) {
        value = LogToNull{};
        return;
    }
    const auto text = read_text(reading, node, "a priority, null, file:PATH or direct");
    if (!text) return;
    const auto found = std::ranges::find(priorities, std::string_view(*text));
    if (found != priorities.end()) {
        value = LogToJournal{static_cast<int>(found - priorities.begin())};
    } else if (*text == "direct") {
        value = LogDirect{default_priority};
    } else if (!text->starts_with(file)) {
        reading.expected(node, "a priority (" + either(priorities) + "), null, file:PATH or direct",
                         priority_hint(*text));
    } else if (!text->starts_with("file:/") || text->ends_with('/')) {
        const auto path = trim(std::string_view(*text).substr(file.size()));
        reading.error(node, "bad-value", "the file's path must begin with '/' and name a file",
                      path.empty() || path.ends_with('/')
                          ? std::string()
                          : "did you mean 'file:" + printable(absolute_path(node.place, path), 100) + "'?");
    } else {
        value = LogToFile{text->substr(file.size())};
    }
}
Printed LogTargetType::print(const LogTarget& value) {
    if (const auto* journal = std::get_if<LogToJournal>(&value))
        return std::string(priorities[static_cast<std::size_t>(journal->priority & 7)]);
    if (std::holds_alternative<LogToNull>(value)) return "null";
    if (const auto* file = std::get_if<LogToFile>(&value)) return yaml_text("file:" + file->path);
    return "direct";
}

}  // namespace pinion::config
