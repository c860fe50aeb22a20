// SPDX-License-Identifier: Apache-2.0
// What the stream we write to is: read once, then passed on as a value, so that everything that renders is a function.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace pinion::ctl {

struct TerminalTraits {
    bool tty = false;
    std::size_t width = 80;   // columns, on a terminal
    std::size_t height = 24;  // rows, on a terminal
    bool utf8 = false;
    bool colour = false;  // never true where `tty` is false, but for --color=always

    bool operator==(const TerminalTraits&) const = default;
};

enum class ColourChoice { automatic, always, never };

// What decides, apart from the stream itself.
struct TerminalEnvironment {
    ColourChoice colour = ColourChoice::automatic;
    bool no_color = false;               // NO_COLOR is set and not empty
    std::string term;                    // TERM
    std::optional<std::size_t> columns;  // COLUMNS, where it is a number
    bool utf8 = false;                   // of the locale
};

// The environment of this process. Sets the locale's character type first, which is why main calls it once.
[[nodiscard]] TerminalEnvironment read_terminal_environment(ColourChoice colour);

// The rules alone: `tty`, `width` and `height` as the kernel gave them (0: unknown).
[[nodiscard]] TerminalTraits decide_traits(const TerminalEnvironment& environment, bool tty, std::size_t width,
                                           std::size_t height);

// The traits of an open file; stdout and stderr are asked apart.
[[nodiscard]] TerminalTraits read_traits(int fd, const TerminalEnvironment& environment);

// The last two only where a colour repeats a letter: they mean nothing by themselves.
enum class Colour { none, red, yellow, green, magenta, cyan };

// `text` bold in `colour`, or unchanged where the traits have no colour or the colour is none.
[[nodiscard]] std::string paint(const std::string& text, Colour colour, const TerminalTraits& traits);

// One paragraph and its newline. On a terminal it is wrapped, its lines after the first indented by `indent`, and
// without UTF-8 written in ASCII; elsewhere it is one line, as it is. `text` is harmless already, and may be painted.
[[nodiscard]] std::string paragraph(const std::string& text, std::size_t indent, const TerminalTraits& traits);

}  // namespace pinion::ctl
