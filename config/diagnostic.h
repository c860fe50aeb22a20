// SPDX-License-Identifier: Apache-2.0
// What is wrong with a configuration, each at its place. All of them are collected: nobody mends errors one a run.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pinion::config {

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
    std::string file;
    int line = 0;    // from 1; 0: the file as a whole
    int column = 0;  // from 1, in characters
    Severity severity = Severity::error;
    std::string code;     // stable, for programs: "unknown-key", "duplicate-key", "wrong-type", …
    std::string message;  // "unknown key 'comand'"
    std::string hint;     // "did you mean 'command'?"; may be empty

    bool operator==(const Diagnostic&) const = default;
};

// "pools.d/web.yaml:7:5: error: unknown key 'comand' (did you mean 'command'?)"
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

[[nodiscard]] bool has_errors(std::span<const Diagnostic> diagnostics) noexcept;

}  // namespace pinion::config
