// SPDX-License-Identifier: Apache-2.0
#include "ctl/machine_svg.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "ctl/display.h"

namespace pinion::ctl {

namespace {

constexpr int page_width = 960;
constexpr int margin = 16;
constexpr int gap = 8;  // between frames, and of a frame to what is in it
constexpr int title_height = 18;
constexpr int line_height = 18;
constexpr std::uint32_t most_large = 64;  // CPUs that are drawn in large cells
constexpr int palette = 8;

// Cells keep their light fill with dark letters in both surroundings; frames, text and ground change.
constexpr std::string_view style = R"svg(<style>
text{font-family:system-ui,"DejaVu Sans",Helvetica,Arial,sans-serif;font-size:12px;fill:#222}
.ground{fill:#fff}
.frame{fill:none;stroke:#777;stroke-width:1.2}
.core{fill:none;stroke:#555;stroke-width:1.2}
.cell{stroke:#555;stroke-width:.6}
.heading{font-size:15px;font-weight:bold}
.name{font-size:11px;fill:#444}
.label,.number{text-anchor:middle;fill:#111}
.label{font-weight:bold}
.free{fill:#f4f4f4}
.reserved{fill:url(#hatch)}
.outside{fill:none;stroke-dasharray:2 2}
.plain{fill:#222}
.idle{fill-opacity:.3;stroke-dasharray:2 2}
.c0{fill:#f2b134}.c1{fill:#6bbcf0}.c2{fill:#63c7a0}.c3{fill:#f0e442}
.c4{fill:#d99ac5}.c5{fill:#f08a5d}.c6{fill:#b7a6f0}.c7{fill:#c3d67a}
@media (prefers-color-scheme:dark){
text{fill:#e8e8e8}
.ground{fill:#16181d}
.frame,.core{stroke:#999}
.name{fill:#bbb}
.label,.number{fill:#111}
.free{fill:#d5d8dd}
.plain{fill:#e8e8e8}
}
</style>
<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#ddd"/><rect width="2" height="6" fill="#999"/></pattern></defs>
)svg";

std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '&': result += "&amp;"; break;
            case '<': result += "&lt;"; break;
            case '>': result += "&gt;"; break;
            case '"': result += "&quot;"; break;
            default: result += c;
        }
    }
    return result;
}

std::string number(int value) { return std::to_string(value); }

struct Size {
    int width = 0;
    int height = 0;
};

std::string rect(const char* kind, int x, int y, Size size) {
    const int round = std::string_view(kind) == "frame" ? 5 : 3;
    return "<rect class=\"" + std::string(kind) + "\" x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" +
           number(size.width) + "\" height=\"" + number(size.height) + "\" rx=\"" + number(round) + "\"/>\n";
}

std::string text(const std::string& kind, int x, int y, std::string_view words, int font = 0) {
    const std::string size = font > 0 ? " style=\"font-size:" + number(font) + "px\"" : "";
    return "<text" + (kind.empty() ? "" : " class=\"" + kind + "\"") + " x=\"" + number(x) + "\" y=\"" + number(y) +
           "\"" + size + ">" + escaped(words) + "</text>\n";
}

class Picture {
public:
    explicit Picture(const MachineDrawing& drawing) : drawing_(drawing) {
        large_ = drawing.machine.cpus.count() <= most_large;
        cell_ = large_ ? Size{36, 34} : Size{22, 24};
    }

    // A frame with all that is in it, its corner at x, y; `room`: how wide it may be.
    Size frame(const DrawnDomain& domain, int x, int y, int room, std::string& out) const {
        const bool named = !domain.name.empty();
        const int inset = named ? gap : 0;
        std::string body;
        Size inner{0, named ? title_height + 4 : 0};
        for (const DrawnRow& row : domain.rows) {
            const Size size = cores(row, x + inset, y + inner.height, room - 2 * inset, body);
            inner = {std::max(inner.width, size.width), inner.height + size.height + gap};
        }
        const Size below = children(domain, x + inset, y + inner.height, room - 2 * inset, body);
        inner = {std::max(inner.width, below.width), inner.height + below.height};
        if (!named) {
            out += body;
            return inner;
        }
        const int name_width = 14 + static_cast<int>(domain.name.size()) * 6;
        const Size size{std::max(inner.width, name_width) + 2 * gap, inner.height + (below.height > 0 ? gap : 0)};
        out += rect("frame", x, y, size) + text("name", x + gap, y + title_height - 3, domain.name) + body;
        return size;
    }

    // The legend below, and how high it is.
    int legend(int y, std::string& out) const {
        const int top = y;
        for (std::size_t i = 0; i < drawing_.pools.size(); ++i) {
            const DrawnPool& pool = drawing_.pools[i];
            if (!pool.letter.empty()) swatch(y, class_of(i), pool.letter, out);
            const std::string of = pool.cpus.empty() ? "" : ", " + cpus_text(pool.cpus);
            y += words(y, pool.name + ", " + pool.how + of, out);
        }
        for (const DrawnSign& sign : signs_of(drawing_)) {
            swatch(y, class_of(Mark{.kind = sign.kind}), sign.sign, out);
            y += words(y, sign.meaning + ", " + cpus_text(sign.cpus), out);
        }
        if (drawing_.idle) y += words(y, "~ left idle beside a worker ('smt: one')", out);
        if (drawing_.crowded) y += words(y, "+ and more workers on the same CPU", out);
        if (!drawing_.offline.empty()) y += words(y, "offline, and not drawn, " + cpus_text(drawing_.offline), out);
        return y - top;
    }

    // The same for who can't see it.
    [[nodiscard]] std::string description() const {
        std::string words = drawing_.counts + ".";
        for (const DrawnPool& pool : drawing_.pools)
            words += " " + pool.name + ", " + pool.how + (pool.cpus.empty() ? "" : ", " + cpus_text(pool.cpus)) + ".";
        for (const DrawnSign& sign : signs_of(drawing_))
            words += " " + sign.meaning + ", " + cpus_text(sign.cpus) + ".";
        return words;
    }

private:
    [[nodiscard]] static std::string class_of(std::size_t pool) {
        return "cell c" + number(static_cast<int>(pool % palette));
    }
    [[nodiscard]] static std::string class_of(const Mark& mark) {
        switch (mark.kind) {
            case Mark::Kind::seat:
            case Mark::Kind::soft: return class_of(mark.pool);
            case Mark::Kind::idle: return class_of(mark.pool) + " idle";
            case Mark::Kind::shared: return "cell free";
            case Mark::Kind::reserved: return "cell reserved";
            case Mark::Kind::outside: break;
        }
        return "cell outside";
    }

    void cell(const DrawnThread& thread, int x, int y, std::string& out) const {
        out += rect(class_of(thread.mark).c_str(), x, y, cell_);
        // Within a cell that shows the ground, letters take the ground's colour.
        const bool bare = thread.mark.kind == Mark::Kind::outside || thread.mark.kind == Mark::Kind::idle;
        const std::string plain = bare ? " plain" : "";
        const std::string label = label_of(thread.mark, drawing_);
        const int middle = x + cell_.width / 2;
        out += text("number" + plain, middle, y + (large_ ? 13 : 9), std::to_string(thread.cpu), large_ ? 10 : 7);
        const int font = (large_ ? 13 : 9) - (label.size() > 4 ? 3 : label.size() > 3 ? 2 : 0);
        out += text("label" + plain, middle, y + (large_ ? 28 : 19), label, font);
    }

    Size cores(const DrawnRow& row, int x, int y, int room, std::string& out) const {
        Size all{0, 0};
        int left = x;
        if (!row.kind.empty()) {
            out += text("name", x, y + 12, row.kind + " cores");
            all.height = title_height;
        }
        int top = y + all.height;
        const int height = cell_.height + 4;
        for (const auto& core : row.cores) {
            const Size size{static_cast<int>(core.size()) * cell_.width + 4, height};
            if (left > x && left + size.width > x + room) {
                left = x;
                top += height + core_gap;
            }
            out += rect("core", left, top, size);
            for (std::size_t i = 0; i < core.size(); ++i)
                cell(core[i], left + 2 + static_cast<int>(i) * cell_.width, top + 2, out);
            all.width = std::max(all.width, left + size.width - x);
            left += size.width + core_gap;
        }
        all.height = top + height - y;
        return all;
    }

    // Side by side while there is room, then below.
    Size children(const DrawnDomain& parent, int x, int y, int room, std::string& out) const {
        Size all{0, 0};
        int left = x;
        int top = y;
        int row_height = 0;
        for (const DrawnDomain& child : parent.children) {
            std::string measured;
            const Size size = frame(child, left, top, room, measured);
            if (left > x && left - x + size.width > room) {
                top += row_height + gap;
                left = x;
                row_height = 0;
            }
            frame(child, left, top, room, out);
            all.width = std::max(all.width, left + size.width - x);
            row_height = std::max(row_height, size.height);
            left += size.width + gap;
        }
        if (!parent.children.empty()) all.height = top + row_height - y;
        return all;
    }

    static void swatch(int y, const std::string& kind, const std::string& letter, std::string& out) {
        const bool plain = kind.find("outside") != std::string::npos;
        out += rect(kind.c_str(), margin, y, {26, 16});
        out += text(plain ? "label plain" : "label", margin + 13, y + 12, letter);
    }

    // A paragraph beside a swatch; its height.
    static int words(int y, const std::string& sentence, std::string& out) {
        constexpr std::size_t columns = (page_width - 2 * margin - 34) / 7;
        const std::string lines = wrap(sentence, columns, 4);
        int height = 0;
        for (std::string_view line : split(std::string_view(lines.data(), lines.size() - 1), '\n')) {
            const std::size_t indent = line.find_first_not_of(' ');
            out += text("", margin + 34 + static_cast<int>(indent) * 4, y + height + 12, line.substr(indent));
            height += line_height;
        }
        return height + 4;
    }

    static constexpr int core_gap = 5;

    const MachineDrawing& drawing_;
    bool large_ = true;
    Size cell_;
};

}  // namespace

std::string drawing_svg(const MachineDrawing& drawing, const std::string& title) {
    Picture picture(drawing);
    std::string body;
    int y = margin + 14;
    body += text("heading", margin, y, title);
    y += 20;
    body += text("", margin, y, drawing.counts);
    y += 12;
    y += picture.frame(drawing.machine, margin, y, page_width - 2 * margin, body).height + 2 * gap;
    y += picture.legend(y, body) + margin;

    const Size page{page_width, y};
    const std::string size = number(page.width) + "\" height=\"" + number(page.height);
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + size + "\" viewBox=\"0 0 " + number(page.width) +
           " " + number(page.height) + "\" role=\"img\" aria-labelledby=\"title description\">\n<title id=\"title\">" +
           escaped(title) + "</title>\n<desc id=\"description\">" + escaped(picture.description()) + "</desc>\n" +
           std::string(style) + "<rect class=\"ground\" width=\"" + size + "\"/>\n" + body + "</svg>\n";
}

}  // namespace pinion::ctl
