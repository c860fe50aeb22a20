// SPDX-License-Identifier: Apache-2.0
#include "config/report.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

Diagnostic make(const Place& place, Severity severity, std::string_view code, std::string message) {
    return {.file = place.file == nullptr ? std::string() : *place.file,
            .line = place.line,
            .column = place.column,
            .severity = severity,
            .code = std::string(code),
            .message = std::move(message),
            .hint = {}};
}

}  // namespace

std::string to_string(const Place& place) {
    return (place.file == nullptr ? std::string() : *place.file) + ":" + std::to_string(place.line);
}

std::string seen_from(const Place& place, const Place& here) {
    const bool same = place.file != nullptr && here.file != nullptr && *place.file == *here.file;
    return same ? "line " + std::to_string(place.line) : to_string(place);
}

std::string in_quotes(std::string_view text) { return "'" + printable(text, 100) + "'"; }

bool Report::ByPlace::operator()(const Diagnostic& a, const Diagnostic& b) const noexcept {
    return std::tie(a.file, a.line, a.column, a.severity, a.code, a.message, a.hint) <
           std::tie(b.file, b.line, b.column, b.severity, b.code, b.message, b.hint);
}

void Report::add(Diagnostic diagnostic) {
    const bool is_error = diagnostic.severity == Severity::error;
    // An error is never lost for warnings: has_errors must hold even where the list is full.
    if (full() && !(is_error && errors_ == 0)) {
        ++dropped_;
        return;
    }
    if (diagnostics_.insert(std::move(diagnostic)).second && is_error) ++errors_;
}

void Report::error(const Place& place, std::string_view code, std::string message, std::string hint) {
    ++error_calls_;
    auto diagnostic = make(place, Severity::error, code, std::move(message));
    diagnostic.hint = std::move(hint);
    add(std::move(diagnostic));
}

void Report::warning(const Place& place, std::string_view code, std::string message, std::string hint) {
    auto diagnostic = make(place, Severity::warning, code, std::move(message));
    diagnostic.hint = std::move(hint);
    add(std::move(diagnostic));
}

std::vector<Diagnostic> Report::take() {
    std::vector<Diagnostic> result(diagnostics_.begin(), diagnostics_.end());
    const std::size_t all = result.size() + dropped_;
    if (all <= limits::max_diagnostics) return result;
    const std::size_t kept = limits::max_diagnostics - 1;
    std::ranges::sort(result, [](const Diagnostic& a, const Diagnostic& b) {
        return a.severity != b.severity ? a.severity < b.severity : ByPlace{}(a, b);
    });
    result.resize(std::min(kept, result.size()));
    std::ranges::sort(result, ByPlace{});
    const Severity severity = config::has_errors(result) ? Severity::error : Severity::warning;
    result.push_back({.severity = severity,
                      .code = "too-many",
                      .message = std::to_string(all - result.size()) + " more diagnostics are not shown"});
    return result;
}

}  // namespace pinion::config
