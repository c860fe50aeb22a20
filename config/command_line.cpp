// SPDX-License-Identifier: Apache-2.0
#include "config/command_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "config/report.h"

namespace pinion::config {
namespace {

constexpr std::string_view blanks = " \t\r\n";

void append_utf8(std::string& text, std::uint32_t c) {
    const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    if (c < 0x80) return put(c);
    if (c < 0x800) {
        put(0xc0 | (c >> 6));
    } else if (c < 0x10000) {
        put(0xe0 | (c >> 12));
        put(0x80 | ((c >> 6) & 0x3f));
    } else {
        put(0xf0 | (c >> 18));
        put(0x80 | ((c >> 12) & 0x3f));
        put(0x80 | ((c >> 6) & 0x3f));
    }
    put(0x80 | (c & 0x3f));
}

// Takes exactly `count` digits of `base` off the front of `text`.
Result<std::uint32_t> take_number(std::string_view& text, std::size_t count, int base) {
    std::uint32_t value = 0;
    const auto digits = text.substr(0, count);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (digits.size() != count || failed != std::errc{} || end != digits.data() + digits.size())
        return fail("an escape needs " + std::to_string(count) + (base == 8 ? " octal digits" : " hexadecimal digits"));
    text.remove_prefix(count);
    return value;
}

// An escape that gives a number: a byte, or a character.
Result<void> take_numeric_escape(std::string_view& text, char kind, std::string& word) {
    const bool octal = kind >= '0' && kind <= '7';
    if (!octal) text.remove_prefix(1);
    const std::size_t count = octal ? 3 : kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
    PINION_TRY(value, take_number(text, count, octal ? 8 : 16));
    if (value == 0) return fail("a NUL can't be part of a command");
    // A byte that is not ASCII would not be UTF-8 by itself; as a character it is.
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff) || (octal && value > 0xff))
        return fail("an escape names no character");
    append_utf8(word, value);
    return {};
}

// `text` begins after the backslash.
Result<void> take_escape(std::string_view& text, std::string& word) {
    constexpr std::string_view names = "abfnrtvs\\\"'";
    constexpr std::string_view values = "\a\b\f\n\r\t\v \\\"'";
    if (text.empty()) return fail("the command ends with a backslash");
    const char kind = text.front();
    if (const auto at = names.find(kind); at != std::string_view::npos) {
        text.remove_prefix(1);
        word += values[at];
        return {};
    }
    if (kind == 'x' || kind == 'u' || kind == 'U' || (kind >= '0' && kind <= '7'))
        return take_numeric_escape(text, kind, word);
    return fail("'\\" + std::string(1, kind) + "' is not an escape; a backslash itself is '\\\\'");
}

// Takes one word, which `text` begins with.
Result<std::string> take_word(std::string_view& text) {
    std::string word;
    char quote = 0;
    while (!text.empty() && (quote != 0 || blanks.find(text.front()) == std::string_view::npos)) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c == '\\') {
            PINION_CHECK(take_escape(text, word));
        } else if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else if (quote != 0 && c == quote) {
            quote = 0;
        } else if (c == '\0') {
            return fail("a NUL can't be part of a command");
        } else {
            word += c;
        }
    }
    if (quote != 0) return fail(std::string("the quote ") + quote + " does not end");
    return word;
}

// Redirections such as ">", "2>&1", ">>file".
bool is_redirection(std::string_view word) {
    word.remove_prefix(std::min(word.find_first_not_of("0123456789&"), word.size()));
    return word.starts_with('>') || word.starts_with('<');
}

bool is_shell_word(std::string_view raw) {
    constexpr std::array<std::string_view, 7> operators{"|", "||", "&", "&&", ";", "|&", ";;"};
    if (std::ranges::find(operators, raw) != operators.end()) return true;
    return is_redirection(raw) || raw.starts_with("$(") || raw.starts_with('`') ||
           (raw.size() > 1 && raw.ends_with(';') && !raw.ends_with("\\;"));
}

}  // namespace

Result<CommandLine> split_command(std::string_view text) {
    CommandLine line;
    for (;;) {
        text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
        if (text.empty()) return line;
        const auto begin = text;
        PINION_TRY(word, take_word(text));
        const auto raw = begin.substr(0, begin.size() - text.size());
        if (line.shell_word.empty() && is_shell_word(raw)) line.shell_word = std::string(raw);
        line.words.push_back(std::move(word));
    }
}

}  // namespace pinion::config
