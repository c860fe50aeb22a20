// SPDX-License-Identifier: Apache-2.0
// Text of a configuration before it is parsed: is it text at all, and where is a byte of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/report.h"

namespace pinion::config {

// Where each line of a text begins, to name places as people count them.
class LineIndex {
public:
    LineIndex(std::string_view text, const std::string& file);
    // From a line and a column in bytes, both counted from 0, as parsers give them. Past the end: the end.
    [[nodiscard]] Place at(std::size_t line, std::size_t byte_column) const;
    [[nodiscard]] Place at_offset(std::size_t offset) const;
    [[nodiscard]] std::string_view line(std::size_t number) const noexcept;  // from 0, without its line end

private:
    std::string_view text_;
    const std::string* file_;
    std::vector<std::size_t> starts_;
};

// Whether `text` is UTF-8 without control characters other than tab, line feed and carriage return. Reports the first
// place where it is not.
[[nodiscard]] bool check_text(std::string_view text, const LineIndex& lines, Report& report);

// A scalar as YAML means it. yaml-cpp 0.7 gives the escapes `\N` (next line, U+0085) and `\_` (no-break space, U+00A0)
// as one byte of Latin-1. In a text that check_text has passed no other byte stands alone, so each such byte becomes
// its character; UTF-8 stays as it is.
[[nodiscard]] std::string with_escapes_as_utf8(std::string_view scalar);

}  // namespace pinion::config
