// SPDX-License-Identifier: Apache-2.0
#include "config/codec_jobs.h"

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "config/json_value.h"
#include "model/job_limits.h"

namespace pinion::config {
namespace {

struct RetryKey {
    std::string_view name;
    bool RetryOn::* member;
};
constexpr RetryKey retry_keys[] = {
    {"error", &RetryOn::error}, {"crash", &RetryOn::crash}, {"timeout", &RetryOn::timeout}, {"oom", &RetryOn::oom}};
constexpr std::string_view retry_names[] = {"error", "crash", "timeout", "oom"};

constexpr IntegerRange permits{1, limits::max_permits};
constexpr IntegerRange prefetch{1, limits::max_prefetch};

std::string names_of(const std::vector<Placed<std::string>>& accounts) {
    std::vector<std::string> names;
    for (const auto& account : accounts) names.push_back(yaml_text(account.value));
    return yaml_list(names);
}

void read_accounts(const Reading& reading, const Entry* entry, std::vector<Placed<std::string>>& value) {
    if (entry == nullptr) return;
    const Node& node = *entry->value;
    const Reading inner = within(reading, entry->key->text);
    if (!node.is_list())
        return inner.expected(node, "a list of names or numbers",
                              node.is_scalar() && !node.text.empty()
                                  ? "did you mean [" + printable(node.text, 60) + "]?"
                                  : std::string());
    value.clear();
    for (const Node* item : node.items) {
        const auto name = read_text(inner, *item, "a name or a number");
        if (name && name->empty())
            inner.error(*item, "bad-value", "the name is empty");
        else if (name)
            value.push_back({*name, item->place});
    }
}

}  // namespace

std::string PrefetchCodec::type() { return "auto, or " + IntegerType::type(prefetch); }
std::string PrefetchCodec::schema() { return R"({"anyOf":[{"const":"auto"},)" + IntegerType::schema(prefetch) + "]}"; }
void PrefetchCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (node.is_scalar() && node.text == "auto") return value.reset();
    const bool numeric = node.is_scalar() && parse_integer(node.text);
    if (!numeric)
        return reading.expected(
            node, "auto or a number from " + std::to_string(prefetch.least) + " to " + std::to_string(prefetch.most));
    if (const auto number = read_integer(reading, node, prefetch)) value = static_cast<std::uint32_t>(*number);
}
Printed PrefetchCodec::print(const Value& value) { return value ? std::to_string(*value) : "auto"; }

std::string SpanCodec::type() { return "duration above 0"; }
void SpanCodec::read(const Reading& reading, const Node& node, Value& value) {
    const auto span = read_duration(reading, node);
    if (span && *span == Duration::zero())
        return reading.error(node, "out-of-range", "the time can't be 0", "write none for no bound");
    value = span.value_or(value);
}

std::string SizeCodec::type() { return "size above 0"; }
std::string SizeCodec::schema() {
    return R"({"type":"string","pattern":"^[0-9]+(\\.[0-9]+)? *(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$"})";
}
void SizeCodec::read(const Reading& reading, const Node& node, Value& value) {
    const auto size = read_size(reading, node);
    if (size && *size == 0)
        return reading.error(node, "out-of-range", "the size can't be 0", "write none for no bound");
    value = size.value_or(value);
}
Printed SizeCodec::print(const Value& value) { return format_size(value); }

std::string RetryOnCodec::type() { return "{error, crash, timeout, oom}: true or false each"; }
std::string RetryOnCodec::schema() {
    std::vector<std::string> members;
    for (const auto name : retry_names) members.push_back(json_text(name) + ":" + BooleanCodec::schema());
    return json_object_schema(join(members, ","));
}
void RetryOnCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (!node.is_map()) return reading.expected(node, "a map such as {timeout: true}");
    check_block_keys(reading, node, retry_names);
    for (const RetryKey& key : retry_keys)
        if (const Entry* entry = node.find(key.name))
            BooleanCodec::read(within(reading, key.name), *entry->value, value.*(key.member));
}
Printed RetryOnCodec::print(const Value& value) {
    std::vector<std::string> members;
    for (const RetryKey& key : retry_keys)
        members.push_back(std::string(key.name) + (value.*(key.member) ? ": true" : ": false"));
    return "{" + join(members, ", ") + "}";
}

std::string SemaphoresCodec::type() { return "map of names to permits"; }
std::string SemaphoresCodec::schema() {
    return R"({"type":"object","maxProperties":)" + std::to_string(limits::max_semaphores) +
           R"(,"propertyNames":{"pattern":"^[a-z][a-z0-9_-]{0,62}$"},"additionalProperties":)" +
           IntegerType::schema(permits) + "}";
}
void SemaphoresCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (!node.is_map()) return reading.expected(node, "a map such as {gpu: 1}");
    if (node.entries.size() > limits::max_semaphores)
        return reading.error(node, "out-of-range",
                             std::to_string(node.entries.size()) + " semaphores are above the bound of " +
                                 std::to_string(limits::max_semaphores));
    value.clear();
    for (const Entry& entry : node.entries) {
        const auto name = read_name(reading, *entry.key);
        if (!name) continue;
        if (const auto number = read_integer(within(reading, *name), *entry.value, permits))
            value[*name] = static_cast<std::uint32_t>(*number);
    }
}
Printed SemaphoresCodec::print(const Value& value) {
    if (value.empty()) return "{}";
    Printed printed;
    for (const auto& [name, number] : value) printed.entries.emplace_back(yaml_text(name), std::to_string(number));
    return printed;
}

std::string InputsCodec::type() { return "list of values"; }
std::string InputsCodec::schema() {
    return R"({"type":"array","maxItems":)" + std::to_string(limits::max_inputs) + "}";
}
void InputsCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (!node.is_list()) return reading.expected(node, "a list of values");
    if (node.items.size() > limits::max_inputs)
        return reading.error(
            node, "out-of-range",
            std::to_string(node.items.size()) + " inputs are above the bound of " + std::to_string(limits::max_inputs),
            "submit them instead");
    value.clear();
    std::size_t left = limits::max_inputs_bytes;
    for (const Node* item : node.items) {
        auto json = read_json(reading, *item, left);
        if (!json) continue;
        if (json->size() > left)
            return reading.error(
                *item, "out-of-range",
                "the inputs are longer than the bound of " + std::to_string(limits::max_inputs_bytes) + " bytes",
                "submit them instead");
        left -= json->size();
        const bool single = item->is_scalar();
        value.push_back({std::move(*json), single ? std::optional(item->text) : std::nullopt, item->place});
    }
}
Printed InputsCodec::print(const Value& value) {
    std::vector<std::string> items;
    for (const auto& input : value)
        items.push_back(input.json.empty() ? yaml_text(input.line.value_or("")) : yaml_of_json(input.json));
    return yaml_list(items);
}

std::string AllowCodec::type() { return "{users, groups}: lists of names or numbers"; }
std::string AllowCodec::schema() {
    constexpr std::string_view list = R"({"type":"array","items":{"type":["string","integer"]}})";
    return json_object_schema(R"("users":)" + std::string(list) + R"(,"groups":)" + std::string(list));
}
void AllowCodec::read(const Reading& reading, const Node& node, Value& value) {
    static constexpr std::string_view keys[] = {"users", "groups"};
    if (!node.is_map()) return reading.expected(node, "a map such as {users: [alice], groups: [pinion]}");
    check_block_keys(reading, node, keys);
    read_accounts(reading, node.find("users"), value.users);
    read_accounts(reading, node.find("groups"), value.groups);
}
Printed AllowCodec::print(const Value& value) {
    return "{users: " + names_of(value.users) + ", groups: " + names_of(value.groups) + "}";
}

}  // namespace pinion::config
