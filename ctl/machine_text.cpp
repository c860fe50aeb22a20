// SPDX-License-Identifier: Apache-2.0
#include "ctl/machine_text.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cpu/notes.h"
#include "ctl/display.h"

namespace pinion::ctl {

namespace {

constexpr std::uint32_t most_with_numbers = 64;  // CPUs whose numbers stand above them
constexpr std::size_t pipe_columns = 80;
constexpr std::array colours{Colour::green, Colour::yellow, Colour::magenta, Colour::cyan};

// A cell of a line, with the columns that it takes.
struct Piece {
    std::string text;
    Colour colour = Colour::none;
};

std::size_t width_of(const std::vector<Piece>& pieces) {
    std::size_t width = 0;
    for (const Piece& piece : pieces) width += piece.text.size();
    return width;
}

std::string pad_left(const std::string& text, std::size_t columns) {
    return text.size() >= columns ? text : std::string(columns - text.size(), ' ') + text;
}

class Page {
public:
    Page(const MachineDrawing& drawing, const TerminalTraits& traits)
        : drawing_(drawing), traits_(traits), width_(traits.tty ? traits.width : pipe_columns) {}

    std::string take() { return std::move(text_); }

    void line(const std::string& text, std::size_t indent, std::size_t hanging) {
        text_ += wrap(std::string(indent, ' ') + text, width_, hanging);
    }
    void empty_line() { text_ += "\n"; }

    void domain(const DrawnDomain& domain, std::size_t depth) {
        const bool named = !domain.name.empty();
        const std::size_t inner = named ? depth + 1 : depth;
        if (named) line(domain.name, indent_of(depth), indent_of(depth) + 4);
        for (const DrawnRow& row : domain.rows) cores(row, inner);
        children(domain, inner);
    }

    // The same in a line a domain: its name, its CPUs, its cores.
    void short_domain(const DrawnDomain& domain, std::size_t depth) {
        if (domain.rows.empty()) {
            if (!domain.name.empty()) line(domain.name, indent_of(depth), indent_of(depth) + 4);
            short_children(domain, domain.name.empty() ? depth : depth + 1);
            return;
        }
        for (const DrawnRow& row : domain.rows) {
            const std::string name = domain.name + (row.kind.empty() ? "" : ", " + row.kind + " cores");
            short_row(name, cpus_of(row), row, indent_of(depth));
        }
        short_children(domain, depth + 1);
    }

    void pools() {
        std::size_t letters = 1;
        std::size_t names = 0;
        for (const DrawnPool& pool : drawing_.pools) {
            letters = std::max(letters, pool.letter.size());
            names = std::max(names, std::min<std::size_t>(pool.name.size(), most_name));
        }
        for (std::size_t i = 0; i < drawing_.pools.size(); ++i) {
            const DrawnPool& pool = drawing_.pools[i];
            std::string letter = pool.letter;
            letter.resize(letters, ' ');
            std::string name = pool.name;
            if (name.size() < names) name.resize(names, ' ');
            const std::string of = pool.cpus.empty() ? "" : ", " + cpus_text(pool.cpus);
            item(letter + "  " + name + "  " + pool.how + of, letters + 4, colour_of(i), pool.letter.size());
        }
        for (const DrawnSign& sign : signs_of(drawing_)) {
            std::string letter = sign.sign;
            letter.resize(letters, ' ');
            item(letter + "  " + sign.meaning + ", " + cpus_text(sign.cpus), letters + 4);
        }
        const std::string blank(letters + 2, ' ');
        if (drawing_.idle) item("~" + blank.substr(1) + "left idle beside a worker ('smt: one')", letters + 4);
        if (drawing_.crowded) item("+" + blank.substr(1) + "and more workers on the same CPU", letters + 4);
        if (!drawing_.offline.empty())
            item(blank + "offline, and not drawn, " + cpus_text(drawing_.offline), letters + 4);
    }

private:
    static constexpr std::size_t most_name = 20;

    [[nodiscard]] static std::size_t indent_of(std::size_t depth) { return 2 * depth; }
    // `coloured`: so many characters at its head.
    void item(const std::string& text, std::size_t hanging, Colour colour = Colour::none, std::size_t coloured = 0) {
        const std::string lines = wrap(text, width_, hanging);
        text_ += (coloured > 0 ? paint(lines.substr(0, coloured), colour, traits_) : "") + lines.substr(coloured);
    }

    [[nodiscard]] static Colour colour_of(std::size_t pool) { return colours[pool % colours.size()]; }
    [[nodiscard]] static Colour colour_of(const Mark& mark) {
        return mark.kind == Mark::Kind::seat || mark.kind == Mark::Kind::soft ? colour_of(mark.pool) : Colour::none;
    }

    [[nodiscard]] static CpuSet cpus_of(const DrawnRow& row) {
        CpuSet cpus;
        for (const auto& core : row.cores)
            for (const DrawnThread& thread : core) cpus.add(thread.cpu);
        return cpus;
    }

    // How wide a thread is where numbers stand above labels: the same over the whole machine, so that columns align.
    [[nodiscard]] std::size_t thread_columns() {
        if (thread_columns_ > 0) return thread_columns_;
        const auto measure = [&](const auto& self, const DrawnDomain& domain) -> void {
            for (const DrawnRow& row : domain.rows)
                for (const auto& core : row.cores)
                    for (const DrawnThread& thread : core)
                        thread_columns_ = std::max({thread_columns_, std::to_string(thread.cpu).size(),
                                                    label_of(thread.mark, drawing_).size()});
            for (const DrawnDomain& child : domain.children) self(self, child);
        };
        measure(measure, drawing_.machine);
        return thread_columns_;
    }

    // The same of a whole core where it is one cell.
    [[nodiscard]] std::size_t core_columns() {
        if (core_columns_ > 0) return core_columns_;
        const auto measure = [&](const auto& self, const DrawnDomain& domain) -> void {
            for (const DrawnRow& row : domain.rows)
                for (const auto& core : row.cores) core_columns_ = std::max(core_columns_, width_of(short_core(core)));
            for (const DrawnDomain& child : domain.children) self(self, child);
        };
        measure(measure, drawing_.machine);
        return core_columns_;
    }

    void cores(const DrawnRow& row, std::size_t depth) {
        const std::size_t left = indent_of(depth);
        if (!row.kind.empty()) line(row.kind + " cores", left, left + 4);
        std::vector<Piece> numbers;
        std::vector<Piece> labels;
        const auto flush = [&] {
            put(left, numbers);
            put(left, labels);
            numbers.clear();
            labels.clear();
        };
        for (const auto& core : row.cores) {
            std::size_t columns = 2 + core.size() * (thread_columns() + 1) - 1;
            if (!labels.empty() && left + width_of(labels) + 1 + columns > width_) flush();
            if (!labels.empty()) {
                numbers.push_back({" "});
                labels.push_back({" "});
            }
            std::string above = " ";
            labels.push_back({"["});
            for (std::size_t i = 0; i < core.size(); ++i) {
                if (i > 0) labels.push_back({" "});
                above += (i > 0 ? " " : "") + pad_left(std::to_string(core[i].cpu), thread_columns());
                labels.push_back(
                    {pad_left(label_of(core[i].mark, drawing_), thread_columns()), colour_of(core[i].mark)});
            }
            labels.push_back({"]"});
            numbers.push_back({above + " "});
        }
        flush();
    }

    void put(std::size_t left, const std::vector<Piece>& pieces) {
        if (pieces.empty()) return;
        std::string line(left, ' ');
        for (const Piece& piece : pieces) {
            const std::size_t blank = piece.text.find_first_not_of(' ');
            if (piece.colour == Colour::none || blank == std::string::npos)
                line += piece.text;
            else
                line += piece.text.substr(0, blank) + paint(piece.text.substr(blank), piece.colour, traits_);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text_ += line + "\n";
    }

    // Whether a domain is drawn alike, but for its name and numbers.
    [[nodiscard]] bool alike(const DrawnDomain& a, const DrawnDomain& b) const {
        if (a.rows.size() != b.rows.size() || a.children.size() != b.children.size()) return false;
        for (std::size_t r = 0; r < a.rows.size(); ++r) {
            const DrawnRow& x = a.rows[r];
            const DrawnRow& y = b.rows[r];
            if (x.kind != y.kind || x.cores.size() != y.cores.size()) return false;
            for (std::size_t c = 0; c < x.cores.size(); ++c)
                if (!std::ranges::equal(x.cores[c], y.cores[c], {}, &DrawnThread::mark, &DrawnThread::mark))
                    return false;
        }
        for (std::size_t c = 0; c < a.children.size(); ++c)
            if (!alike(a.children[c], b.children[c])) return false;
        return true;
    }

    void children(const DrawnDomain& parent, std::size_t depth) {
        for (const DrawnDomain& child : parent.children) domain(child, depth);
    }

    void short_children(const DrawnDomain& parent, std::size_t depth) {
        const auto& all = parent.children;
        for (std::size_t first = 0, next = 0; first < all.size(); first = next) {
            short_domain(all[first], depth);
            for (next = first + 1; next < all.size() && alike(all[first], all[next]);) ++next;
            if (next - first < 2) continue;
            CpuSet cpus;
            for (std::size_t i = first + 1; i < next; ++i) cpus |= all[i].cpus;
            const std::string last = next - first == 2 ? "" : " to " + all[next - 1].name;
            line(all[first + 1].name + last + ": the same (" + cpus.to_list() + ")", indent_of(depth),
                 indent_of(depth) + 4);
        }
    }

    // A core whose threads have the same owner says so once.
    [[nodiscard]] std::vector<Piece> short_core(const std::vector<DrawnThread>& core) const {
        std::vector<Piece> pieces;
        const bool same = std::ranges::all_of(core, [&](const DrawnThread& t) { return t.mark == core.front().mark; });
        for (std::size_t i = 0; i < (same ? 1 : core.size()); ++i) {
            if (i > 0) pieces.push_back({"/"});
            pieces.push_back({label_of(core[i].mark, drawing_), colour_of(core[i].mark)});
        }
        return pieces;
    }

    void short_row(const std::string& name, const CpuSet& cpus, const DrawnRow& row, std::size_t left) {
        const std::string head = name + (name.empty() ? "" : " ") + "(" + cpus.to_list() + ")";
        std::vector<std::vector<Piece>> cells;
        for (const auto& core : row.cores) cells.push_back(short_core(core));
        const std::size_t widest = core_columns();
        std::size_t all = 0;
        for (std::size_t i = 0; i < cells.size(); ++i) all += widest + 1;
        std::vector<Piece> pieces;
        std::size_t indent = left;
        if (left + std::max(head.size(), head_columns) + 1 + all > width_ + 1) {
            line(head, left, left + 4);
            indent = left + 4;
        } else {
            pieces.push_back({head});
            if (head.size() < head_columns) pieces.back().text.resize(head_columns, ' ');
            pieces.push_back({" "});
        }
        for (const auto& cell : cells) {
            if (!pieces.empty() && indent + width_of(pieces) + widest > width_) {
                put(indent, pieces);
                pieces.clear();
            }
            pieces.insert(pieces.end(), cell.begin(), cell.end());
            pieces.push_back({std::string(widest - width_of(cell) + 1, ' ')});
        }
        put(indent, pieces);
    }

    static constexpr std::size_t head_columns = 26;

    const MachineDrawing& drawing_;
    const TerminalTraits& traits_;
    std::size_t width_;
    std::size_t thread_columns_ = 0;
    std::size_t core_columns_ = 0;
    std::string text_;
};

}  // namespace

std::string drawing_text(const MachineDrawing& drawing, const TerminalTraits& traits) {
    Page page(drawing, traits);
    page.line(drawing.counts, 0, 4);
    page.empty_line();
    if (drawing.machine.cpus.count() > most_with_numbers)
        page.short_domain(drawing.machine, 0);
    else
        page.domain(drawing.machine, 0);
    page.empty_line();
    page.pools();
    return page.take();
}

}  // namespace pinion::ctl
