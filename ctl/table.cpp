// SPDX-License-Identifier: Apache-2.0
#include "ctl/table.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "base/check.h"
#include "base/text.h"
#include "ctl/display.h"

namespace pinion::ctl {

namespace {

constexpr std::size_t gap = 2;            // between two columns, and of the glyph with its space
constexpr std::size_t note_columns = 24;  // what the free text keeps, where it needs so much …
constexpr std::size_t note_percent = 30;  // … or this part of the width, whichever is more
constexpr std::size_t least_note = 10;    // with less than this it is hidden

// How the chosen columns are laid out, by index into the table.
struct Layout {
    std::vector<bool> shown;
    std::vector<std::size_t> widths;
    bool glyphs = false;
};

std::string one_word(std::string text) {
    for (char& c : text)
        if (c == ' ') c = '_';
    return text;
}

// Every text as it will be printed, but for padding and cutting.
Table cleaned(Table table, const TerminalTraits& traits) {
    for (Row& row : table.rows) {
        ASSERT(row.cells.size() == table.columns.size());
        for (std::size_t i = 0; i < row.cells.size(); ++i) {
            std::string& text = row.cells[i].text;
            text = harmless(trim(text));
            const bool last = i + 1 == row.cells.size();
            const bool free_text = table.columns[i].flexible && last;
            if (text.empty() && !(free_text && traits.tty)) text = "-";
            if (!free_text) text = one_word(std::move(text));
            if (traits.tty && !traits.utf8) text = to_ascii(text);
        }
    }
    return table;
}

std::vector<std::size_t> natural_widths(const Table& table) {
    std::vector<std::size_t> widths;
    for (const Column& column : table.columns) widths.push_back(display_width(column.name));
    for (const Row& row : table.rows)
        for (std::size_t i = 0; i < row.cells.size(); ++i)
            widths[i] = std::max(widths[i], display_width(row.cells[i].text));
    return widths;
}

std::vector<std::size_t> by_priority(const Table& table) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < table.columns.size(); ++i)
        if (const Column& c = table.columns[i]; c.priority != Column::always && !c.flexible && !c.absent)
            order.push_back(i);
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return table.columns[i].priority; });
    return order;
}

bool has_glyphs(const Table& table) {
    return std::ranges::any_of(table.rows, [](const Row& row) { return row.glyph != Glyph::none; });
}

// Which columns a terminal of `width` columns has room for.
Layout fit(const Table& table, std::size_t width) {
    Layout layout{std::vector<bool>(table.columns.size(), false), natural_widths(table), has_glyphs(table)};
    std::size_t used = 0;  // of the line; the glyph takes the place of the first column's gap
    std::size_t note = table.columns.size();
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        if (table.columns[i].flexible) note = i;
        if (table.columns[i].flexible || table.columns[i].priority != Column::always) continue;
        layout.shown[i] = true;
        used += gap + layout.widths[i];
    }
    if (used > width) {  // the name column gives way, as the last resort
        layout.widths[0] -= std::min(layout.widths[0] - 1, used - width);
        used = std::min(used, width);
    }
    std::size_t reserved = 0;
    if (note < table.columns.size() && used + gap + std::min(layout.widths[note], least_note) <= width) {
        layout.shown[note] = true;
        const std::size_t keeps = std::max(note_columns, width * note_percent / 100);
        reserved = gap + std::min(layout.widths[note], keeps);
    }
    for (std::size_t i : by_priority(table)) {
        if (used + gap + layout.widths[i] + reserved > width) break;
        layout.shown[i] = true;
        used += gap + layout.widths[i];
    }
    if (reserved > 0) layout.widths[note] = std::min(layout.widths[note], width - used - gap);
    return layout;
}

Layout everything(const Table& table, const TerminalTraits& traits) {
    return {std::vector<bool>(table.columns.size(), true), natural_widths(table), traits.tty && has_glyphs(table)};
}

std::string glyph_text(Glyph glyph, bool utf8) {
    switch (glyph) {
        case Glyph::active: return utf8 ? "●" : "*";
        case Glyph::inactive: return utf8 ? "○" : "-";
        case Glyph::failed: return utf8 ? "×" : "x";
        case Glyph::none: break;
    }
    return " ";
}

void append_line(std::string& out, const Table& table, const Row& row, const Layout& layout,
                 const TerminalTraits& traits) {
    std::string line;
    if (layout.glyphs) line = paint(glyph_text(row.glyph, traits.utf8), row.glyph_colour, traits) + " ";
    bool first = true;
    std::size_t owed = 0;  // padding that is only written when another cell follows
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        if (!layout.shown[i]) continue;
        const std::string text = cut_to_width(row.cells[i].text, layout.widths[i], traits.utf8 ? "…" : "...");
        const std::size_t padding = layout.widths[i] - display_width(text);
        line.append((first ? 0 : gap) + owed, ' ');
        if (table.columns[i].align == Align::right) line.append(padding, ' ');
        line += paint(text, row.cells[i].colour, traits);
        owed = table.columns[i].align == Align::left ? padding : 0;
        first = false;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
}

}  // namespace

Rendered render(const Table& raw, const TerminalTraits& traits, bool wide) {
    const Table table = cleaned(raw, traits);
    const Layout layout = traits.tty && !wide ? fit(table, traits.width) : everything(table, traits);
    Rendered rendered;
    Row header;
    for (const Column& column : table.columns) header.cells.push_back({column.name});
    append_line(rendered.text, table, header, layout, traits);
    for (const Row& row : table.rows) append_line(rendered.text, table, row, layout, traits);
    for (std::size_t i = 0; i < table.columns.size(); ++i)
        if (!layout.shown[i] && !table.columns[i].absent) rendered.hidden.push_back(table.columns[i].name);
    return rendered;
}

Answer<Table> select_columns(const Table& table, std::string_view names) {
    Table selected;
    selected.rows.resize(table.rows.size());
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
        selected.rows[r].glyph = table.rows[r].glyph;
        selected.rows[r].glyph_colour = table.rows[r].glyph_colour;
    }
    std::vector<std::string_view> known;
    for (const Column& column : table.columns) known.push_back(column.name);
    for (std::string_view part : split(names, ',')) {
        std::string name(trim(part));
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
        const auto found = std::ranges::find(known, name);
        if (found == known.end()) {
            const auto meant = closest(name, known);
            return refuse(Exit::usage, "unknown column '" + harmless(part) + "'" +
                                           (meant ? " (did you mean '" + std::string(*meant) + "'?)" : ""));
        }
        const auto index = static_cast<std::size_t>(found - known.begin());
        selected.columns.push_back(table.columns[index]);
        for (std::size_t r = 0; r < table.rows.size(); ++r)
            selected.rows[r].cells.push_back(table.rows[r].cells[index]);
    }
    return selected;
}

}  // namespace pinion::ctl
