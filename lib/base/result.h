// SPDX-License-Identifier: Apache-2.0
// How operating errors travel: a value or the sentence that says why there is none.
//
// Message grammar: lower case, what was attempted, the object in quotes, the cause, e.g.
// `load pool 'web': open '/etc/pinion/pools.d/web.yaml': no such file or directory`. Each layer adds its context
// once, in front, with `in_context`. Errors that a caller only passes on are returned unchanged.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace pinion {

// `code` is an errno value, or 0 where the failure has none. `message` is a whole sentence without a final stop.
struct Error {
    int code = 0;
    std::string message;

    bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;

// The unexpected half of a Result, from a sentence.
[[nodiscard]] std::unexpected<Error> fail(std::string message);

// The same from an errno value: `what` + ": " + the lower-case text of `code` (positive, or negative as libsystemd
// returns it).
[[nodiscard]] std::unexpected<Error> fail_errno(int code, std::string_view what);

// The same with the errno of the libc call that has just failed.
[[nodiscard]] std::unexpected<Error> fail_last(std::string_view what);

// `error` with `context` + ": " in front of its sentence.
[[nodiscard]] std::unexpected<Error> in_context(std::string_view context, Error error);

// The text of an errno value as our sentences spell it: "no such file or directory". Thread-safe.
[[nodiscard]] std::string errno_text(int code);

// The symbol of an errno value ("ENOENT"), or its number where it has none.
[[nodiscard]] std::string errno_name(int code);

}  // namespace pinion

// Evaluates `expression`, a Result; returns its error from the enclosing function, or defines `name` from its value.
#define PINION_TRY(name, expression)                                              \
    auto name##_result = (expression);                                            \
    if (!name##_result) return std::unexpected(std::move(name##_result).error()); \
    auto name = std::move(name##_result).value()

// The same for a Result<void>.
#define PINION_CHECK(expression) \
    if (auto check_result = (expression); !check_result) return std::unexpected(std::move(check_result).error())
