// SPDX-License-Identifier: Apache-2.0
#include "config/text_check.h"

#include <algorithm>

#include "base/text.h"

namespace pinion::config {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

std::string hex(char c) {
    const auto value = static_cast<unsigned char>(c);
    return {'0', 'x', hex_digits[value >> 4], hex_digits[value & 15]};
}

// The length of the character that begins `text`, or 0 where it is not UTF-8.
std::size_t character_length(std::string_view text) noexcept {
    if (static_cast<unsigned char>(text.front()) < 0x80) return 1;
    for (std::size_t length = 2; length <= std::min<std::size_t>(4, text.size()); ++length)
        if (is_valid_utf8(text.substr(0, length))) return length;
    return 0;
}

}  // namespace

LineIndex::LineIndex(std::string_view text, const std::string& file) : text_(text), file_(&file), starts_{0} {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '\n') starts_.push_back(i + 1);
}

std::string_view LineIndex::line(std::size_t number) const noexcept {
    if (number >= starts_.size()) return {};
    const auto rest = text_.substr(starts_[number]);
    return rest.substr(0, rest.find('\n'));
}

Place LineIndex::at(std::size_t line_number, std::size_t byte_column) const {
    const std::size_t number = std::min(line_number, starts_.size() - 1);
    const auto before = line(number).substr(0, byte_column);
    const auto characters = std::ranges::count_if(before, [](char c) { return (c & 0xc0) != 0x80; });
    return {file_, static_cast<int>(number) + 1, static_cast<int>(characters) + 1};
}

Place LineIndex::at_offset(std::size_t offset) const {
    const auto next = std::ranges::upper_bound(starts_, offset);
    const auto number = static_cast<std::size_t>(next - starts_.begin()) - 1;
    return at(number, offset - starts_[number]);
}

bool check_text(std::string_view text, const LineIndex& lines, Report& report) {
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f) {
            report.error(lines.at_offset(i), "encoding", "control character " + hex(c) + " in the text",
                         c == '\0' ? "is this a text file?" : "write it as an escape in a \"quoted\" text");
            return false;
        }
        const std::size_t length = character_length(text.substr(i));
        if (length == 0) {
            report.error(lines.at_offset(i), "encoding", "byte " + hex(c) + " is not UTF-8", "save the file as UTF-8");
            return false;
        }
        i += length;
    }
    return true;
}

std::string with_escapes_as_utf8(std::string_view scalar) {
    if (is_valid_utf8(scalar)) return std::string(scalar);
    std::string result;
    while (!scalar.empty()) {
        const std::size_t length = character_length(scalar);
        if (length == 0) result += '\xc2';  // of U+0080 to U+00BF the second byte is the byte of Latin-1
        const std::size_t taken = std::max<std::size_t>(1, length);
        result += scalar.substr(0, taken);
        scalar.remove_prefix(taken);
    }
    return result;
}

}  // namespace pinion::config
