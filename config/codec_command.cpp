// SPDX-License-Identifier: Apache-2.0
#include "config/codec_command.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"
#include "config/command_line.h"
#include "config/env_file.h"
#include "model/limits.h"
#include "model/substitution.h"

namespace pinion::config {
namespace {

// Set by the daemon for each worker; what a pool says would be lost.
constexpr auto reserved_variables = std::to_array<std::string_view>(
    {"PINION_POOL", "PINION_SLOT", "PINION_GENERATION", "PINION_CPUS", "PINION_SEAT", "PINION_NUMA", "NOTIFY_SOCKET"});

bool check_template(const Reading& reading, const Node& node, const std::string& text,
                    InputName input = InputName::refused) {
    if (text.size() > limits::max_argv_bytes - 1) {
        reading.error(node, "out-of-range",
                      "the text is longer than the " + std::to_string(limits::max_argv_bytes - 1) +
                          " bytes that the kernel takes");
        return false;
    }
    const auto checked = check_substitutions(text, input);
    if (!checked) reading.error(node, "bad-substitution", checked.error().message);
    return checked.has_value();
}

// Whether the program is a path: it has a slash outside `${…}`, where one divides.
bool is_path(std::string_view program) {
    int depth = 0;
    for (const char c : program) {
        if (c == '{') ++depth;
        if (c == '}') --depth;
        if (c == '/' && depth <= 0) return true;
    }
    return false;
}

std::optional<std::vector<std::string>> read_words(const Reading& reading, const Node& node) {
    if (node.is_list()) {
        std::vector<std::string> words;
        for (const Node* item : node.items) {
            auto word = read_text(reading, *item, "a text as each argument");
            if (!word) return std::nullopt;
            words.push_back(std::move(*word));
        }
        return words;
    }
    const auto text = read_text(reading, node, "a list of arguments, or a text");
    if (!text) return std::nullopt;
    auto line = split_command(*text);
    if (!line) {
        reading.error(node, "bad-value", line.error().message);
        return std::nullopt;
    }
    if (line->shell_word.empty()) return std::move(line->words);
    reading.error(node, "shell-syntax", in_quotes(line->shell_word) + " is for a shell, and the command is run by none",
                  "write [/bin/sh, -c, '...'] for a shell, or a list of arguments to pass it on");
    return std::nullopt;
}

void read_placed_list(const Reading& reading, const Node& node, std::string_view expected,
                      std::vector<Placed<std::string>>& value) {
    if (!node.is_list()) {
        const bool single = node.is_scalar() && !node.text.empty();
        return reading.expected(node, expected,
                                single ? "did you mean [" + printable(node.text, 60) + "]?" : std::string());
    }
    value.clear();
    for (const Node* item : node.items)
        if (const auto text = read_text(reading, *item, "a text in the list")) value.push_back({*text, item->place});
}

}  // namespace

std::string CommandCodec::type() { return "list of arguments, or a text that is split"; }
std::string CommandCodec::schema() {
    return R"({"anyOf":[{"type":"string","minLength":1},)"
           R"({"type":"array","minItems":1,"items":{"type":["string","number","boolean"]}}]})";
}
void CommandCodec::read(const Reading& reading, const Node& node, Value& value) {
    auto words = read_words(reading, node);
    if (!words) return;
    if (words->empty() || words->front().empty())
        return reading.error(node, "bad-value", "the command names no program");
    bool good = true;
    for (std::size_t i = 0; i < words->size(); ++i) {
        const Node& place = node.is_list() ? *node.items[i] : node;
        // Whether the pool has inputs is not known yet; the rules tell it.
        good = check_template(reading, place, (*words)[i], InputName::allowed) && good;
    }
    if (!good) return;
    auto& program = words->front();
    if (is_path(program)) program = absolute_template(node.is_list() ? node.items[0]->place : node.place, program);
    value.argv = std::move(*words);
}
Printed CommandCodec::print(const Value& value) {
    if (value.argv.empty()) return unset();
    std::vector<std::string> words;
    for (const auto& word : value.argv) words.push_back(yaml_text(word));
    return yaml_list(words);
}

std::string EnvironmentCodec::type() { return "map of names to texts"; }
std::string EnvironmentCodec::schema() {
    return R"({"type":"object","propertyNames":{"pattern":"^[^=\\s]{1,255}$"},)"
           R"("additionalProperties":{"type":["string","number","boolean","null"]}})";
}
void EnvironmentCodec::read(const Reading& reading, const Node& node, Value& value) {
    if (!node.is_map()) return reading.expected(node, "a map such as {NAME: value}");
    for (const Entry& entry : node.entries) {
        const std::string& name = entry.key->text;
        const Reading inner = within(reading, name);
        if (!is_env_name(name)) {
            reading.error(*entry.key, "bad-value", in_quotes(name) + " can't be the name of a variable");
            continue;
        }
        if (std::ranges::find(reserved_variables, std::string_view(name)) != reserved_variables.end())
            reading.report.warning(entry.key->place, "no-effect",
                                   in_quotes(inner.key) + " has no effect: pinion sets it for each worker");
        if (entry.value->is_null()) {
            reading.report.warning(entry.value->place, "no-effect",
                                   in_quotes(inner.key) + " has no value and is left out",
                                   "write \"\" for an empty value");
            continue;
        }
        const auto text = read_text(inner, *entry.value, "a text");
        if (text && check_template(inner, *entry.value, *text)) value[name] = *text;
    }
}
Printed EnvironmentCodec::print(const Value& value) {
    if (value.empty()) return "{}";
    Printed printed;
    for (const auto& [name, text] : value) printed.entries.emplace_back(yaml_text(name), yaml_text(text));
    return printed;
}

std::string FileListCodec::type() { return "list of files"; }
std::string FileListCodec::schema() { return R"({"type":"array","items":{"type":"string","minLength":1}})"; }
void FileListCodec::read(const Reading& reading, const Node& node, Value& value) {
    read_placed_list(reading, node, "a list of files", value);
    for (auto& file : value)
        if (!file.value.starts_with('/')) file.value = absolute_path(file.place, file.value);
}
Printed FileListCodec::print(const Value&) { return unset(); }

std::string VariableListCodec::type() { return "list of names"; }
std::string VariableListCodec::schema() {
    return R"({"type":"array","items":{"type":"string","pattern":"^[^=\\s]{1,255}$"}})";
}
void VariableListCodec::read(const Reading& reading, const Node& node, Value& value) {
    read_placed_list(reading, node, "a list of names of variables", value);
    std::erase_if(value, [&](const Placed<std::string>& name) {
        if (is_env_name(name.value)) return false;
        reading.report.error(name.place, "bad-value",
                             in_quotes(reading.key) + ": " + in_quotes(name.value) + " can't be the name of a variable",
                             name.value.find('=') != std::string::npos ? "values stand in 'env'" : "");
        return true;
    });
}
Printed VariableListCodec::print(const Value&) { return unset(); }

std::string FolderCodec::type() { return "folder"; }
std::string FolderCodec::schema() { return R"({"type":"string","minLength":1})"; }
void FolderCodec::read(const Reading& reading, const Node& node, Value& value) {
    const auto text = read_text(reading, node, "a folder");
    if (!text) return;
    if (text->empty()) return reading.error(node, "bad-value", "the folder has no name");
    if (text->starts_with('~')) return reading.error(node, "bad-value", "'~' is for shells", "write the whole path");
    if (check_template(reading, node, *text)) value = absolute_template(node.place, *text);
}
Printed FolderCodec::print(const Value& value) { return yaml_text(value); }

std::string AccountCodec::type() { return "name or number"; }
std::string AccountCodec::schema() { return R"({"type":["string","integer"]})"; }
void AccountCodec::read(const Reading& reading, const Node& node, Value& value) {
    const auto text = read_text(reading, node, "a name or a number");
    if (!text) return;
    if (text->empty()) return reading.error(node, "bad-value", "the name is empty");
    value = {*text, node.place};
}
Printed AccountCodec::print(const Value& value) { return yaml_text(value.value); }

std::string AccountListCodec::type() { return "list of names or numbers"; }
std::string AccountListCodec::schema() { return R"({"type":"array","items":{"type":["string","integer"]}})"; }
void AccountListCodec::read(const Reading& reading, const Node& node, Value& value) {
    read_placed_list(reading, node, "a list of groups", value);
}
Printed AccountListCodec::print(const Value& value) {
    if (value.empty()) return unset();
    std::vector<std::string> names;
    for (const auto& name : value) names.push_back(yaml_text(name.value));
    return yaml_list(names);
}

std::string UmaskCodec::type() { return "octal number"; }
std::string UmaskCodec::schema() {
    return R"({"anyOf":[{"type":"string","pattern":"^(0o)?[0-7]{1,4}$"},{"type":"integer","minimum":0,"maximum":777}]})";
}
void UmaskCodec::read(const Reading& reading, const Node& node, Value& value) {
    value = read_octal(reading, node, 0777).value_or(value);
}
Printed UmaskCodec::print(const Value& value) {
    std::array<char, 16> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%04o", value);
    return std::string(buffer.data());
}

std::string IoPriorityCodec::type() { return "{class, level}"; }
std::string IoPriorityCodec::schema() {
    return json_object_schema(
        R"("class":{"enum":["realtime","best_effort","idle"]},"level":{"type":"integer","minimum":0,"maximum":7})",
        R"("class")");
}
void IoPriorityCodec::read(const Reading& reading, const Node& node, Value& value) {
    static constexpr std::string_view keys[] = {"class", "level"};
    static constexpr std::string_view classes[] = {"realtime", "best_effort", "idle"};
    if (!node.is_map()) return reading.expected(node, "a map such as {class: best_effort, level: 4}");
    check_block_keys(reading, node, keys);
    const Entry* io_class = node.find("class");
    if (io_class == nullptr) return reading.error(node, "missing-key", "key 'class' is missing");
    IoPriority result;
    if (const auto index = read_word(within(reading, "class"), *io_class->value, classes))
        result.io_class = static_cast<IoClass>(*index);
    const Entry* level = node.find("level");
    if (level != nullptr && result.io_class == IoClass::idle)
        within(reading, "level").error(*level->value, "conflict", "class idle has no levels");
    else if (level != nullptr)
        if (const auto number = read_integer(within(reading, "level"), *level->value, {0, 7}))
            result.level = static_cast<std::uint32_t>(*number);
    value = result;
}
Printed IoPriorityCodec::print(const Value& value) {
    static constexpr std::string_view classes[] = {"realtime", "best_effort", "idle"};
    const std::string name(classes[static_cast<std::size_t>(value.io_class)]);
    if (value.io_class == IoClass::idle) return "{class: idle}";
    return "{class: " + name + ", level: " + std::to_string(value.level) + "}";
}

}  // namespace pinion::config
