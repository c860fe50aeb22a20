// SPDX-License-Identifier: Apache-2.0
#include "ctl/display.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <limits>

#include "base/text.h"

namespace pinion::ctl {

namespace {

struct Range {
    char32_t first;
    char32_t last;
};

// Characters without a column of their own: combining marks, variation selectors, joiners.
constexpr std::array zero_width{
    Range{0x0300, 0x036F},   Range{0x0483, 0x0489}, Range{0x0591, 0x05BD}, Range{0x05BF, 0x05BF}, Range{0x05C1, 0x05C2},
    Range{0x05C4, 0x05C5},   Range{0x0610, 0x061A}, Range{0x064B, 0x065F}, Range{0x0670, 0x0670}, Range{0x06D6, 0x06DC},
    Range{0x06DF, 0x06E4},   Range{0x0900, 0x0902}, Range{0x093C, 0x093C}, Range{0x0941, 0x0948}, Range{0x094D, 0x094D},
    Range{0x0E31, 0x0E31},   Range{0x0E34, 0x0E3A}, Range{0x0E47, 0x0E4E}, Range{0x1AB0, 0x1AFF}, Range{0x1DC0, 0x1DFF},
    Range{0x200B, 0x200F},   Range{0x202A, 0x202E}, Range{0x2060, 0x2064}, Range{0x2066, 0x206F}, Range{0x20D0, 0x20FF},
    Range{0x302A, 0x302D},   Range{0x3099, 0x309A}, Range{0xFE00, 0xFE0F}, Range{0xFE20, 0xFE2F}, Range{0xFEFF, 0xFEFF},
    Range{0xE0100, 0xE01EF},
};

// Characters of two columns: East Asian wide and fullwidth, emoji.
constexpr std::array two_columns{
    Range{0x1100, 0x115F},   Range{0x231A, 0x231B},   Range{0x23E9, 0x23EC},   Range{0x2614, 0x2615},
    Range{0x26A1, 0x26A1},   Range{0x26D4, 0x26D4},   Range{0x2705, 0x2705},   Range{0x274C, 0x274C},
    Range{0x2E80, 0x303E},   Range{0x3041, 0x33FF},   Range{0x3400, 0x4DBF},   Range{0x4E00, 0x9FFF},
    Range{0xA000, 0xA4CF},   Range{0xA960, 0xA97F},   Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},
    Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
    Range{0x1F680, 0x1F6FF}, Range{0x1F7E0, 0x1F7EB}, Range{0x1F900, 0x1F9FF}, Range{0x1FA70, 0x1FAFF},
    Range{0x20000, 0x3FFFD},
};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, char32_t c) noexcept {
    auto after = std::upper_bound(ranges.begin(), ranges.end(), c, [](char32_t v, Range r) { return v < r.first; });
    return after != ranges.begin() && c <= std::prev(after)->last;
}

std::size_t width_of(char32_t c) noexcept {
    if (c < 0x20 || c == 0x7F) return 0;
    if (in(zero_width, c)) return 0;
    return in(two_columns, c) ? 2 : 1;
}

struct Decoded {
    char32_t character = 0;
    std::size_t bytes = 1;
    bool valid = false;
};

// How many bytes of a colour's escape sequence stand at the head of `text`.
std::size_t colour_bytes(std::string_view text) noexcept {
    if (!text.starts_with("\x1b[")) return 0;
    const std::size_t end = text.find_first_not_of("0123456789;", 2);
    return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

// The character at the head of `text`, which is not empty. An invalid byte comes alone, a colour as one without width.
Decoded decode(std::string_view text) noexcept {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead == 0x1B) return {lead, std::max<std::size_t>(colour_bytes(text), 1), true};
    if (lead < 0x80) return {lead, 1, true};
    const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {lead, 1, false};
    char32_t character = lead & (0xFFU >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xC0U) != 0x80) return {lead, 1, false};
        character = (character << 6U) | (byte & 0x3FU);
    }
    return {character, bytes, true};
}

// How many bytes of `text` fit into `columns`.
std::size_t bytes_within(std::string_view text, std::size_t columns) noexcept {
    std::size_t used = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const Decoded next = decode(text.substr(at));
        used += next.valid ? width_of(next.character) : 1;
        if (used > columns) break;
        at += next.bytes;
    }
    return at;
}

const char* ascii_twin(char32_t c) noexcept {
    switch (c) {
        case U'…': return "...";
        case U'×': return "x";
        case U'●': return "*";
        case U'○': return "-";
        case U'–':
        case U'—':
        case U'−': return "-";
        case U'‘':
        case U'’': return "'";
        case U'“':
        case U'”': return "\"";
        case U'µ':
        case U'μ': return "u";
        case U'→': return "->";
        default: return "?";
    }
}

}  // namespace

std::size_t display_width(std::string_view text) noexcept {
    std::size_t width = 0;
    while (!text.empty()) {
        const Decoded next = decode(text);
        width += next.valid ? width_of(next.character) : 1;
        text.remove_prefix(next.bytes);
    }
    return width;
}

std::string cut_to_width(std::string_view text, std::size_t columns, std::string_view ellipsis) {
    if (display_width(text) <= columns) return std::string(text);
    const std::size_t mark = display_width(ellipsis);
    if (mark >= columns) return std::string(text.substr(0, bytes_within(text, columns)));
    return std::string(text.substr(0, bytes_within(text, columns - mark))).append(ellipsis);
}

std::string harmless(std::string_view text) { return printable(text, std::numeric_limits<std::size_t>::max()); }

std::string to_ascii(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const Decoded next = decode(text);
        if (next.valid && next.character < 0x80)
            result += text.substr(0, next.bytes);
        else if (!next.valid || width_of(next.character) > 0)
            result += ascii_twin(next.character);
        text.remove_prefix(next.bytes);
    }
    return result;
}

std::string wrap(std::string_view text, std::size_t columns, std::size_t indent) {
    columns = std::max<std::size_t>(columns, 1);
    if (indent + 1 >= columns) indent = 0;
    // The first line keeps the indent that it has.
    const std::size_t lead = std::min(text.find_first_not_of(' '), text.size());
    std::string result(lead < columns ? lead : 0, ' ');
    text.remove_prefix(lead);
    std::size_t used = result.size();  // columns of the line being built, its indent included
    bool fresh = true;                 // nothing but the indent on this line
    const auto new_line = [&] {
        result += '\n';
        result.append(indent, ' ');
        used = indent;
        fresh = true;
    };
    const auto put = [&](std::string_view word) {
        result += word;
        used += display_width(word);
        fresh = false;
    };
    for (std::string_view word : split(text, ' ')) {
        // A run of two spaces, as before a remark, is kept as long as it stands within a line.
        if (!fresh && used + 1 + display_width(word) > columns) new_line();
        if (!fresh) put(" ");
        while (used + display_width(word) > columns) {
            const std::size_t head = std::max(bytes_within(word, columns - used), decode(word).bytes);
            put(word.substr(0, head));
            word.remove_prefix(head);
            if (word.empty()) break;
            new_line();
        }
        if (!word.empty()) put(word);
    }
    return result + '\n';
}

}  // namespace pinion::ctl
