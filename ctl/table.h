// SPDX-License-Identifier: Apache-2.0
// Tables as text. On a terminal no line is wider than it: columns go by priority, and what is hidden is named. In a
// pipe every column stays, nothing is cut, and every cell but a row's last is one word.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/exit_code.h"
#include "ctl/terminal.h"

namespace pinion::ctl {

enum class Align { left, right };

struct Column {
    static constexpr int always = 0;

    std::string name;
    Align align = Align::left;
    int priority = always;  // 1 is kept longest, the highest goes first
    bool flexible = false;  // the free text (NOTE): comes last, may be cut on a terminal, blank where empty
    bool absent = false;    // on a terminal: not shown and not called hidden, since there is nothing to show
};

enum class Glyph { none, active, inactive, failed };

struct Cell {
    std::string text;  // empty: nothing to say, printed as "-"
    Colour colour = Colour::none;
};

struct Row {
    Glyph glyph = Glyph::none;
    Colour glyph_colour = Colour::none;
    std::vector<Cell> cells;  // as many as there are columns
};

struct Table {
    std::vector<Column> columns;
    std::vector<Row> rows;
};

struct Rendered {
    std::string text;                 // header and rows, each line ended by a newline
    std::vector<std::string> hidden;  // columns left out for want of width, in their order
};

// `wide`: every column, nothing cut, however wide the terminal.
[[nodiscard]] Rendered render(const Table& table, const TerminalTraits& traits, bool wide = false);

// The table with just the columns named in `names` ("POOL,STATE", in any case), in that order. An unknown name is a
// usage failure that suggests the nearest.
[[nodiscard]] Answer<Table> select_columns(const Table& table, std::string_view names);

}  // namespace pinion::ctl
