// SPDX-License-Identifier: Apache-2.0
// Shows programs on terminals that are real: tmux draws what they write and is asked what there is to be seen. A
// second, plain terminal gives the bytes themselves.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "../harness.h"

namespace pinion::test {

// A program to show, with variables of its own.
struct Show {
    std::string name;                      // a file's name
    std::vector<std::string> environment;  // "NAME=value" and, to be without one, "-u", "NAME"
    std::vector<std::string> command;

    // The whole as one command, by env(1).
    [[nodiscard]] std::vector<std::string> words() const;
};

struct Screen {
    std::string coloured;   // what stands there, with the escape sequences that colour it as tmux writes them
    std::string unwrapped;  // the same without colour, lines that the terminal had to wrap made one again
};

// All shows, one after the other, on a terminal of each width; the widths at the same time. By width, then by name.
using Screens = std::map<std::size_t, std::map<std::string, Screen>>;
[[nodiscard]] Screens show_in_tmux(const ScratchFolder& folder, const std::vector<std::size_t>& widths,
                                   const std::vector<Show>& shows);

// What the program writes to a terminal of `columns`, byte by byte but for the carriage returns of the terminal.
[[nodiscard]] std::string bytes_for_terminal(const Show& show, std::size_t columns);

// `text` with each change of colour as "<1;31>", one way of writing for all; trailing spaces and empty lines are gone.
// An escape sequence that is no colour stays.
[[nodiscard]] std::string canonical(const std::string& text);
// The same without the colours.
[[nodiscard]] std::string without_colour(const std::string& text);

}  // namespace pinion::test
