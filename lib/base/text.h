// SPDX-License-Identifier: Apache-2.0
// Small pure functions on text.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pinion {

// "did you mean": the candidate with the smallest edit distance (Damerau-Levenshtein, adjacent transpositions count
// one) to `word`, if that is at most max(1, |word| / 3). Ties go to the earlier candidate.
[[nodiscard]] std::optional<std::string_view> closest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

// `text` fit for a terminal or a record: invalid UTF-8, control characters and escapes become \xNN; at most
// `max_bytes` of result, a cut marked by "…".
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes);

[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
[[nodiscard]] std::string join(std::span<const std::string> parts, std::string_view separator);

// A name of a pool, a semaphore or a segment: [a-z][a-z0-9_-]{0,62}.
[[nodiscard]] bool is_name(std::string_view text) noexcept;

// A decimal number, the whole text. Nothing on any other character, on an empty text and on overflow.
[[nodiscard]] std::optional<long long> parse_integer(std::string_view text) noexcept;

}  // namespace pinion
