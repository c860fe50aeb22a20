// SPDX-License-Identifier: Apache-2.0
// Reading single values from nodes: each function gives the value, or reports what was expected, what was found and,
// where it can be guessed, what was meant.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "config/document.h"
#include "config/report.h"
#include "model/restart_policy.h"

namespace pinion::config {

// What a reader knows beside the node: which key it reads (for messages), and where to report.
struct Reading {
    Report& report;
    std::string key;  // "restart.delay"

    // "'restart.delay': " + message.
    void error(const Node& node, std::string_view code, const std::string& message, std::string hint = {}) const;
    // "'restart.delay': expected `expected`, found a list".
    void expected(const Node& node, std::string_view expected, std::string hint = {}) const;
};

struct IntegerRange {
    long long least = 0;
    long long most = 0;
};

[[nodiscard]] std::optional<bool> read_boolean(const Reading& reading, const Node& node);
[[nodiscard]] std::optional<long long> read_integer(const Reading& reading, const Node& node, IntegerRange range);
[[nodiscard]] std::optional<double> read_decimal(const Reading& reading, const Node& node, double least, double most);
[[nodiscard]] std::optional<Duration> read_duration(const Reading& reading, const Node& node);
[[nodiscard]] std::optional<std::uint64_t> read_size(const Reading& reading, const Node& node);
// A fraction; at most 100 %.
[[nodiscard]] std::optional<double> read_percent(const Reading& reading, const Node& node);
// Any scalar, as it is written. NUL bytes are refused: no program could be given them.
[[nodiscard]] std::optional<std::string> read_text(const Reading& reading, const Node& node, std::string_view expected);
// The name of a pool.
[[nodiscard]] std::optional<std::string> read_name(const Reading& reading, const Node& node);
// The index of the word among `words`; another word is reported with the closest one.
[[nodiscard]] std::optional<std::size_t> read_word(const Reading& reading, const Node& node,
                                                   std::span<const std::string_view> words);
[[nodiscard]] std::optional<int> read_signal(const Reading& reading, const Node& node);
// An exit code 0–255, or a signal.
[[nodiscard]] std::optional<ExitPattern> read_exit_pattern(const Reading& reading, const Node& node);
// Octal digits: 022, "0022" or 0o22.
[[nodiscard]] std::optional<std::uint32_t> read_octal(const Reading& reading, const Node& node, std::uint32_t most);

// "did you mean 'x'?", or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);
// "a, b or c"
[[nodiscard]] std::string either(std::span<const std::string_view> words);

// The file's folder, absolute.
[[nodiscard]] std::string folder_of(const Place& place);
// `path`, taken from the folder of the file it is written in where it is relative.
[[nodiscard]] std::string absolute_path(const Place& place, std::string_view path);
// The same for a text with substitutions: the folder's own dollars are doubled.
[[nodiscard]] std::string absolute_template(const Place& place, std::string_view path);
[[nodiscard]] std::string escape_dollars(std::string_view text);

}  // namespace pinion::config
