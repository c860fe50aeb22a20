// SPDX-License-Identifier: Apache-2.0
#include "config/json_value.h"

#include <algorithm>
#include <array>

#include "config/codec.h"
#include "model/job_limits.h"

namespace pinion::config {
namespace {

// YAML's simple keys end here; a longer one is marked as a key.
constexpr std::size_t max_simple_key = 1000;

// Takes the digits off the front; false where there is none.
bool take_digits(std::string_view& text) {
    const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(end);
    return end > 0;
}

// A number in JSON's grammar.
bool is_json_number(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    const bool zero = text.starts_with('0');
    if (zero)
        text.remove_prefix(1);
    else if (!take_digits(text))
        return false;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (!take_digits(text)) return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
        if (!take_digits(text)) return false;
    }
    return text.empty();
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return lower;
}

// A number to YAML that JSON does not know: 0x1F, 0o17, 007, +1, .5, 1., .inf.
bool is_yaml_number(std::string_view text) {
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    const std::string lower = lower_case(text);
    if (lower == ".inf" || lower == ".nan") return true;
    for (const auto& [prefix, digits] : {std::pair{"0x", "0123456789abcdef"}, std::pair{"0o", "01234567"}})
        if (lower.starts_with(prefix) && lower.size() > 2 && lower.find_first_not_of(digits, 2) == std::string::npos)
            return true;
    const bool point = lower.starts_with('.');
    std::string_view rest = lower;
    bool digits = take_digits(rest);
    if (rest.starts_with('.')) {
        rest.remove_prefix(1);
        digits = take_digits(rest) || (digits && !point);
    }
    if (digits && rest.starts_with('e')) {
        rest.remove_prefix(1);
        if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
        digits = take_digits(rest);
    }
    return digits && rest.empty();
}

// Writes one value; false where something was reported.
class Writer {
public:
    Writer(const Reading& reading, std::size_t max_bytes) : reading_(reading), max_bytes_(max_bytes) {}

    bool write(const Node& node, std::size_t depth) {
        if (depth > limits::max_input_depth) {
            reading_.error(node, "out-of-range",
                           "the value is nested deeper than " + std::to_string(limits::max_input_depth));
            return false;
        }
        const bool good = node.is_list()  ? write_list(node, depth)
                          : node.is_map() ? write_map(node, depth)
                                          : write_scalar(node);
        return good;
    }
    std::string take() { return std::move(text_); }

private:
    bool write_list(const Node& node, std::size_t depth) {
        char separator = '[';
        for (const Node* item : node.items) {
            text_ += separator;
            separator = ',';
            if (!write(*item, depth + 1)) return false;
            if (text_.size() > max_bytes_) return true;
        }
        if (node.items.empty()) text_ += '[';
        text_ += ']';
        return true;
    }

    bool write_map(const Node& node, std::size_t depth) {
        char separator = '{';
        for (const Entry& entry : node.entries) {
            text_ += separator + json_text(entry.key->text) + ":";
            separator = ',';
            if (!write(*entry.value, depth + 1)) return false;
            if (text_.size() > max_bytes_) return true;
        }
        if (node.entries.empty()) text_ += '{';
        text_ += '}';
        return true;
    }

    bool write_scalar(const Node& node) {
        const std::string& text = node.text;
        if (node.is_null()) {
            text_ += "null";
        } else if (!node.plain) {
            text_ += json_text(text);
        } else if (text == "true" || text == "false" || is_json_number(text)) {
            text_ += text;
        } else if (const auto lower = lower_case(text); lower == "true" || lower == "false") {
            reading_.error(node, "bad-value", in_quotes(text) + " may be a text or the value",
                           "write " + lower + ", or quotes around the text");
            return false;
        } else if (is_yaml_number(text)) {
            reading_.error(node, "bad-value", in_quotes(text) + " is no number in JSON",
                           "write it as JSON has it, or in quotes as a text");
            return false;
        } else {
            text_ += json_text(text);
        }
        return true;
    }

    const Reading& reading_;
    std::size_t max_bytes_;
    std::string text_;
};

// The end of the string that begins at `at`.
std::size_t string_end(std::string_view json, std::size_t at) {
    for (++at; at < json.size() && json[at] != '"'; ++at)
        if (json[at] == '\\') ++at;
    return std::min(at + 1, json.size());
}

}  // namespace

std::optional<std::string> read_json(const Reading& reading, const Node& node, std::size_t max_bytes) {
    Writer writer(reading, max_bytes);
    if (!writer.write(node, 0)) return std::nullopt;
    return writer.take();
}

std::string yaml_of_json(std::string_view json) {
    std::string yaml;
    for (std::size_t at = 0; at < json.size();) {
        const char c = json[at];
        if (c != '"') {
            yaml += c;
            if (c == ':' || c == ',') yaml += ' ';
            ++at;
            continue;
        }
        const std::size_t end = string_end(json, at);
        if (end - at > max_simple_key && end < json.size() && json[end] == ':') yaml += "? ";
        for (; at < end; ++at) {
            if (json[at] == '\x7f')
                yaml += "\\u007f";  // no text of a configuration may have it as it is
            else
                yaml += json[at];
        }
    }
    return yaml;
}

}  // namespace pinion::config
