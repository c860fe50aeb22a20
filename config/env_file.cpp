// SPDX-License-Identifier: Apache-2.0
#include "config/env_file.h"

#include <algorithm>

#include "base/text.h"
#include "config/text_check.h"

namespace pinion::config {
namespace {

constexpr std::string_view blanks = " \t\r";
constexpr std::size_t max_env_name = 255;

// Reads one file from front to back; `at_` is the next byte.
class EnvFileParser {
public:
    EnvFileParser(std::string_view text, const std::string& file, Report& report)
        : text_(text), lines_(text, file), report_(report) {}

    EnvValues parse() {
        EnvValues values;
        if (!check_text(text_, lines_, report_)) return values;
        while (at_ < text_.size()) {
            skip(blanks);
            if (!more()) break;
            if (peek() == '\n')
                ++at_;
            else if (peek() == '#' || peek() == ';')
                skip_line();
            else
                read_assignment(values);
        }
        return values;
    }

private:
    [[nodiscard]] bool more() const noexcept { return at_ < text_.size(); }
    [[nodiscard]] char peek() const noexcept { return text_[at_]; }
    void skip(std::string_view set) { at_ = std::min(text_.find_first_not_of(set, at_), text_.size()); }
    void skip_line() { at_ = std::min(text_.find('\n', at_), text_.size()); }

    void refuse(std::size_t offset, std::string message, std::string hint = {}) {
        report_.error(lines_.at_offset(offset), "env-file", std::move(message), std::move(hint));
        skip_line();
    }

    void read_assignment(EnvValues& values) {
        const std::size_t begin = at_;
        const auto line = text_.substr(begin, std::min(text_.find('\n', begin), text_.size()) - begin);
        const auto equals = line.find('=');
        if (equals == std::string_view::npos)
            return refuse(begin, "the line is not KEY=VALUE", "a comment begins with '#'");
        const auto name = trim(line.substr(0, equals));
        if (name.starts_with("export "))
            return refuse(begin, "'export' is for shells", "write " + printable(trim(name.substr(7)), 60) + "=...");
        if (!is_env_name(name)) return refuse(begin, in_quotes(name) + " can't be the name of a variable");
        at_ = begin + equals + 1;
        std::string value;
        if (!read_value(value)) return;
        values[std::string(name)] = {std::move(value), lines_.at_offset(begin)};
    }

    // Up to the end of the line. Quoted and bare parts may follow each other; blanks at the end don't count.
    bool read_value(std::string& value) {
        skip(blanks);
        std::size_t kept = 0;  // what blanks at the end are cut back to
        while (more() && peek() != '\n') {
            const char c = text_[at_];
            if (c == '"' || c == '\'') {
                if (!read_quoted(c, value)) return false;
                kept = value.size();
                continue;
            }
            ++at_;
            if (c == '\\') {
                read_escape(value);
                kept = value.size();
                continue;
            }
            value += c;
            if (blanks.find(c) == std::string_view::npos) kept = value.size();
        }
        value.resize(kept);
        return true;
    }

    // After a backslash outside quotes: a line end is left out, anything else stands for itself.
    void read_escape(std::string& value) {
        if (!more()) return;
        if (peek() == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
        if (peek() != '\n') value += peek();
        ++at_;
    }

    bool read_quoted(char quote, std::string& value) {
        const std::size_t begin = at_++;
        for (; more() && peek() != quote; ++at_) {
            const bool escape = quote == '"' && peek() == '\\' && at_ + 1 < text_.size();
            if (!escape) {
                value += peek();
                continue;
            }
            const char next = text_[++at_];
            if (next == '\n') continue;
            if (std::string_view("\"\\$`").find(next) == std::string_view::npos) value += '\\';
            value += next;
        }
        if (!more()) {
            refuse(begin, std::string("the quote ") + quote + " does not end");
            return false;
        }
        ++at_;
        return true;
    }

    std::string_view text_;
    LineIndex lines_;
    Report& report_;
    std::size_t at_ = 0;
};

}  // namespace

EnvValues parse_env_file(std::string_view text, const std::string& file, Report& report) {
    return EnvFileParser(text, file, report).parse();
}

bool is_env_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= max_env_name && std::ranges::none_of(name, [](char c) {
        return c == '=' || static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
    });
}

}  // namespace pinion::config
