// SPDX-License-Identifier: Apache-2.0
#include "config/codec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "base/units.h"

namespace pinion::config {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";
constexpr double max_factor = 100;

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Safe without quotes, in flow and in block, for every reader of YAML: no indicator, no number, no boolean.
bool is_plain_safe(std::string_view text) {
    if (text.empty() || text.size() > 200) return false;
    if (!is_alpha(text.front()) && text.front() != '/' && text.front() != '_') return false;
    const auto harmless = [](char c) {
        return is_alpha(c) || is_digit(c) || std::string_view("_-./+=@").find(c) != std::string_view::npos;
    };
    if (!std::ranges::all_of(text, harmless)) return false;
    std::string lower(text);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    constexpr auto taken =
        std::to_array<std::string_view>({"null", "true", "false", "yes", "no", "on", "off", "y", "n"});
    return std::ranges::find(taken, lower) == taken.end();
}

}  // namespace

Printed unset() {
    Printed printed;
    printed.set = false;
    return printed;
}

std::string yaml_text(std::string_view text) {
    if (is_plain_safe(text)) return std::string(text);
    std::string result = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            result.append({'\\', c});
        else if (c == '\n')
            result += "\\n";
        else if (c == '\t')
            result += "\\t";
        else if (byte < 0x20 || byte == 0x7f)
            result.append({'\\', 'x', hex_digits[byte >> 4], hex_digits[byte & 15]});
        else
            result += c;
    }
    return result + '"';
}

std::string yaml_list(const std::vector<std::string>& scalars) { return "[" + join(scalars, ", ") + "]"; }

std::string json_text(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            result.append({'\\', c});
        else if (byte < 0x20)
            result.append("\\u00").append({hex_digits[byte >> 4], hex_digits[byte & 15]});
        else
            result += c;
    }
    return result + '"';
}

std::string json_enum(std::span<const std::string_view> words) {
    std::vector<std::string> texts;
    for (const auto word : words) texts.push_back(json_text(word));
    return R"({"enum":[)" + join(texts, ",") + "]}";
}

std::string json_object_schema(std::string_view members, std::string_view required) {
    std::string text = R"({"type":"object","additionalProperties":false,"properties":{)" + std::string(members) + "}";
    if (!required.empty()) text += R"(,"required":[)" + std::string(required) + "]";
    return text + "}";
}

std::string BooleanCodec::type() { return "true or false"; }
std::string BooleanCodec::schema() { return R"({"type":"boolean"})"; }
void BooleanCodec::read(const Reading& reading, const Node& node, Value& value) {
    value = read_boolean(reading, node).value_or(value);
}
Printed BooleanCodec::print(const Value& value) { return value ? "true" : "false"; }

std::string IntegerType::type(IntegerRange range) {
    return "number " + std::to_string(range.least) + " to " + std::to_string(range.most);
}
std::string IntegerType::schema(IntegerRange range) {
    return R"({"type":"integer","minimum":)" + std::to_string(range.least) + R"(,"maximum":)" +
           std::to_string(range.most) + "}";
}

std::string DurationCodec::type() { return "duration"; }
std::string DurationCodec::schema() {
    return R"({"anyOf":[{"type":"string","pattern":"^(0|([0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d))+)$"},{"const":0}]})";
}
void DurationCodec::read(const Reading& reading, const Node& node, Value& value) {
    value = read_duration(reading, node).value_or(value);
}
Printed DurationCodec::print(const Value& value) { return format_duration(value); }

std::string PercentCodec::type() { return "percentage"; }
std::string PercentCodec::schema() { return R"({"type":"string","pattern":"^[0-9]+(\\.[0-9]+)?%$"})"; }
void PercentCodec::read(const Reading& reading, const Node& node, Value& value) {
    value = read_percent(reading, node).value_or(value);
}
Printed PercentCodec::print(const Value& value) {
    // Exact in millionths of a percent, which is as fine as the reader takes them.
    const long long millionths = std::llround(value * 100'000'000);
    std::string text = std::to_string(millionths / 1'000'000);
    if (const long long rest = millionths % 1'000'000; rest != 0) {
        std::string digits = std::to_string(1'000'000 + rest).substr(1);
        digits.resize(digits.find_last_not_of('0') + 1);
        text += "." + digits;
    }
    return text + "%";
}

std::string FactorCodec::type() { return "number 1 to 100, fractions allowed"; }
std::string FactorCodec::schema() { return R"({"type":"number","minimum":1,"maximum":100})"; }
void FactorCodec::read(const Reading& reading, const Node& node, Value& value) {
    value = read_decimal(reading, node, 1, max_factor).value_or(value);
}
Printed FactorCodec::print(const Value& value) {
    std::array<char, 64> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed).ptr;
    return std::string(buffer.data(), end);
}

std::string SignalCodec::type() { return "signal"; }
std::string SignalCodec::schema() { return R"({"type":"string","pattern":"^(SIG)?[A-Z][A-Z0-9]*([+-][0-9]+)?$"})"; }
void SignalCodec::read(const Reading& reading, const Node& node, Value& value) {
    value = read_signal(reading, node).value_or(value);
}
Printed SignalCodec::print(const Value& value) { return signal_name(value); }

Reading within(const Reading& reading, std::string_view key) {
    return {reading.report, reading.key.empty() ? std::string(key) : reading.key + "." + std::string(key)};
}

void check_block_keys(const Reading& reading, const Node& map, std::span<const std::string_view> known,
                      std::span<const std::string_view> later) {
    for (const Entry& entry : map.entries) {
        const std::string_view key = entry.key->text;
        if (std::ranges::find(known, key) != known.end()) continue;
        const std::string path = within(reading, key).key;
        if (std::ranges::find(later, key) != later.end())
            reading.report.error(entry.key->place, "not-yet", "key " + in_quotes(path) + " is not supported yet");
        else
            reading.report.error(entry.key->place, "unknown-key", "unknown key " + in_quotes(path),
                                 did_you_mean(key, known));
    }
}

}  // namespace pinion::config
