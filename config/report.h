// SPDX-License-Identifier: Apache-2.0
// Where diagnostics are collected while a configuration is read: each once, bounded, handed out in the order of the
// text.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace pinion::config {

// A place in a file. The name of the file is owned by whoever reads the configuration and outlives every Place.
struct Place {
    const std::string* file = nullptr;
    int line = 0;    // from 1; 0: the file as a whole
    int column = 0;  // from 1, in characters
};
// "pools.d/web.yaml:7"
[[nodiscard]] std::string to_string(const Place& place);

// For a hint at `here`: "line 7", or with the file where that is another one.
[[nodiscard]] std::string seen_from(const Place& place, const Place& here);

// `text` in single quotes, fit for a terminal and of bounded length.
[[nodiscard]] std::string in_quotes(std::string_view text);

class Report {
public:
    // Adds a diagnostic unless the very same one is there. `code` is stable, for programs.
    void error(const Place& place, std::string_view code, std::string message, std::string hint = {});
    void warning(const Place& place, std::string_view code, std::string message, std::string hint = {});

    [[nodiscard]] bool has_errors() const noexcept { return errors_ > 0; }
    // How often `error` was called, for telling whether some step reported anything.
    [[nodiscard]] std::size_t error_calls() const noexcept { return error_calls_; }
    // Whether so much is wrong that looking for more is of no use to anybody.
    [[nodiscard]] bool full() const noexcept { return diagnostics_.size() >= max_kept; }

    // All of them by file, line and column; past limits::max_diagnostics the rest is cut, errors kept before warnings,
    // and the last one says how many more there are.
    [[nodiscard]] std::vector<Diagnostic> take();

private:
    static constexpr std::size_t max_kept = 1000;
    struct ByPlace {
        [[nodiscard]] bool operator()(const Diagnostic& a, const Diagnostic& b) const noexcept;
    };
    void add(Diagnostic diagnostic);

    std::set<Diagnostic, ByPlace> diagnostics_;
    std::size_t errors_ = 0;
    std::size_t dropped_ = 0;
    std::size_t error_calls_ = 0;
};

}  // namespace pinion::config
