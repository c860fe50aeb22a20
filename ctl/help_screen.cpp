// SPDX-License-Identifier: Apache-2.0
#include "ctl/help_screen.h"

#include <cstddef>

#include "base/text.h"
#include "ctl/display.h"

namespace pinion::ctl {

namespace {

constexpr std::size_t least_description = 30;   // with fewer columns it goes below the name
constexpr std::size_t description_indent = 6;   // there
constexpr std::size_t continuation_indent = 4;  // of an indented line that is wrapped

// Where the description begins in "  --name ARG      what it does"; npos in a line that describes nothing.
std::size_t find_description(std::string_view line) {
    const std::size_t name = line.find_first_not_of(' ');
    if (name != 2) return std::string_view::npos;
    const std::size_t gap = line.find("  ", name);
    return gap == std::string_view::npos ? gap : line.find_first_not_of(' ', gap);
}

std::string fit_line(std::string_view line, const TerminalTraits& traits) {
    const std::size_t at = find_description(line);
    if (at == std::string_view::npos)
        return paragraph(std::string(line), line.starts_with(' ') ? continuation_indent : 0, traits);
    if (at + least_description <= traits.width) return paragraph(std::string(line), at, traits);
    const std::string name(line.substr(0, line.find_last_not_of(' ', at - 1) + 1));
    const std::string description = std::string(description_indent, ' ').append(line.substr(at));
    return paragraph(name, continuation_indent, traits) + paragraph(description, description_indent, traits);
}

}  // namespace

std::string help_screen(std::string_view help, const TerminalTraits& traits) {
    if (!traits.tty) return std::string(help);
    std::string text;
    if (help.ends_with('\n')) help.remove_suffix(1);
    for (std::string_view line : split(help, '\n')) text += fit_line(line, traits);
    return text;
}

}  // namespace pinion::ctl
