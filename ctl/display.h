// SPDX-License-Identifier: Apache-2.0
// How wide a text is on a terminal, and how it is made fit for one: no byte that a terminal obeys, no column too many.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pinion::ctl {

// The columns that a terminal needs for `text`, valid UTF-8: combining marks take none, East Asian wide characters and
// emoji two. An invalid byte counts one, a colour's escape sequence none.
[[nodiscard]] std::size_t display_width(std::string_view text) noexcept;

// `text` cut to at most `columns`, the cut marked by `ellipsis` ("…" or "..."), or by nothing where even that is too
// wide. A text that fits is returned unchanged.
[[nodiscard]] std::string cut_to_width(std::string_view text, std::size_t columns, std::string_view ellipsis);

// `text` with everything that could move the cursor or reorder a line made visible as \xNN (see printable), uncut.
[[nodiscard]] std::string harmless(std::string_view text);

// `text` for a terminal without UTF-8: the product's own characters by their ASCII twins ("…" → "...", "×" → "x"),
// every other one as "?".
[[nodiscard]] std::string to_ascii(std::string_view text);

// `text` broken at spaces into lines of at most `columns`, the first with the indent that it has, the others indented
// by `indent`. A word wider than a line is broken. Each line ends in a newline.
[[nodiscard]] std::string wrap(std::string_view text, std::size_t columns, std::size_t indent);

}  // namespace pinion::ctl
