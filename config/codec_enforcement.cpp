// SPDX-License-Identifier: Apache-2.0
#include "config/codec_enforcement.h"

#include <algorithm>
#include <array>

#include "base/units.h"
#include "config/env_file.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

constexpr std::array<std::string_view, 3> enforce_words{"auto", "affinity", "cpuset"};
constexpr std::array<std::string_view, 2> later_levels{"partition", "isolated"};
constexpr std::array<std::string_view, 3> foreign_words{"ignore", "warn", "error"};
constexpr std::size_t most_thread_variables = 64;

}  // namespace

std::string EnforceCodec::type() { return either(enforce_words); }
std::string EnforceCodec::schema() { return json_enum(enforce_words); }
void EnforceCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (node.is_scalar() && std::ranges::find(later_levels, node.text) != later_levels.end())
        return reading.error(node, "not-yet", in_quotes(node.text) + " is not supported yet",
                             "'cpuset' is the best level that is");
    const auto word = read_word(reading, node, enforce_words);
    if (!word) return;
    value.reset();
    if (*word > 0) value = static_cast<Enforcement>(*word - 1);
}
Printed EnforceCodec::print(const Value& value) {
    return std::string(enforce_words[value ? static_cast<std::size_t>(*value) + 1 : 0]);
}

std::string ForeignPinsCodec::type() { return either(foreign_words); }
std::string ForeignPinsCodec::schema() { return json_enum(foreign_words); }
void ForeignPinsCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (node.is_scalar() && node.text == "avoid")
        return reading.error(node, "not-yet", "'avoid' is not supported yet",
                             "leave their CPUs out with machine: {cpus} or {reserve}");
    if (const auto word = read_word(reading, node, foreign_words)) value = static_cast<Value>(*word);
}
Printed ForeignPinsCodec::print(const Value& value) {
    return std::string(foreign_words[static_cast<std::size_t>(value)]);
}

std::string AuditCodec::type() { return "duration: 0, or " + format_duration(limits::shortest_audit) + " and more"; }
void AuditCodec::read(const Reading& reading, const Node& node, Value& value) {
    Duration period = value;
    DurationCodec::read(reading, node, period);
    if (period > Duration::zero() && period < limits::shortest_audit)
        return reading.error(node, "out-of-range",
                             in_quotes(node.text) + " is shorter than " + format_duration(limits::shortest_audit) +
                                 ": use that or more, or 0 for none");
    value = period;
}

std::string ThreadsEnvCodec::type() { return "auto, off, or a list of names"; }
std::string ThreadsEnvCodec::schema() {
    return R"({"anyOf":[{"enum":["auto","off"]},{"type":"array","maxItems":)" + std::to_string(most_thread_variables) +
           R"(,"items":{"type":"string","pattern":"^[^=\\s]{1,255}$"}}]})";
}
void ThreadsEnvCodec::read(const Reading& reading, const Node& node, Value& value) {
    static constexpr std::string_view words[] = {"auto", "off"};
    if (node.is_scalar() && (node.text == "auto" || node.text == "off")) {
        value = {.automatic = node.text == "auto", .names = {}};
        return;
    }
    if (!node.is_list())
        return reading.expected(node, "auto, off or a list of names of variables",
                                node.is_scalar() && is_env_name(node.text) && did_you_mean(node.text, words).empty()
                                    ? "did you mean [" + node.text + "]?"
                                    : did_you_mean(node.is_scalar() ? node.text : "", words));
    if (node.items.size() > most_thread_variables)
        return reading.error(node, "out-of-range",
                             std::to_string(node.items.size()) + " names are above the bound of " +
                                 std::to_string(most_thread_variables));
    ThreadsEnv named{.automatic = false, .names = {}};
    for (const Node* item : node.items) {
        const auto name = read_text(reading, *item, "the name of a variable");
        if (!name) return;
        if (!is_env_name(*name))
            return reading.error(*item, "bad-value", in_quotes(*name) + " can't be the name of a variable",
                                 name->find('=') != std::string::npos ? "values stand in 'env'" : "");
        if (name->starts_with("PINION_"))
            return reading.error(*item, "bad-value", in_quotes(*name) + " is set by piniond itself");
        named.names.push_back(*name);
    }
    value = std::move(named);
}
Printed ThreadsEnvCodec::print(const Value& value) {
    if (value.automatic) return "auto";
    if (value.names.empty()) return "off";
    std::vector<std::string> names;
    for (const std::string& name : value.names) names.push_back(yaml_text(name));
    return yaml_list(names);
}

}  // namespace pinion::config
