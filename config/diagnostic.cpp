// SPDX-License-Identifier: Apache-2.0
#include "config/diagnostic.h"

#include <algorithm>

namespace pinion::config {

std::string to_string(const Diagnostic& diagnostic) {
    std::string text = diagnostic.file;
    if (diagnostic.line > 0) {
        text += ":" + std::to_string(diagnostic.line);
        if (diagnostic.column > 0) text += ":" + std::to_string(diagnostic.column);
    }
    if (!text.empty()) text += ": ";
    text += diagnostic.severity == Severity::error ? "error: " : "warning: ";
    text += diagnostic.message;
    if (!diagnostic.hint.empty()) text += " (" + diagnostic.hint + ")";
    return text;
}

bool has_errors(std::span<const Diagnostic> diagnostics) noexcept {
    return std::ranges::any_of(diagnostics, [](const Diagnostic& d) { return d.severity == Severity::error; });
}

}  // namespace pinion::config
