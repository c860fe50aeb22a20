// SPDX-License-Identifier: Apache-2.0
// What every public header begins with: the mark of exported names, the version, and how timeouts are given.
//
// The library throws: std::system_error where the system refuses, types of <pinion/errors.h> where a task or a process
// fails. A timeout that passes is no error: the call says so by its value. Everything is in an inline namespace, so
// that programs built against another major version don't link by accident.
#pragma once

#include <chrono>

#define PINION_API __attribute__((visibility("default")))

namespace pinion::inline v0 {

// How long to wait: any std::chrono duration; beyond what fits into 64 bits of nanoseconds (292 years), and
// `Timeout::forever`, for ever. Zero and less: not at all.
class Timeout {
public:
    template <class Rep, class Period>
    constexpr Timeout(std::chrono::duration<Rep, Period> span)  // NOLINT(google-explicit-constructor): 100ms is one
        : span_(fits(span) ? std::chrono::duration_cast<std::chrono::nanoseconds>(span) : forever.span_) {}

    static const Timeout forever;

    [[nodiscard]] constexpr bool is_forever() const noexcept { return span_ == std::chrono::nanoseconds::max(); }
    [[nodiscard]] constexpr std::chrono::nanoseconds span() const noexcept { return span_; }

private:
    struct Forever {};
    constexpr explicit Timeout(Forever) noexcept : span_(std::chrono::nanoseconds::max()) {}

    template <class Rep, class Period>
    static constexpr bool fits(std::chrono::duration<Rep, Period> span) {
        using Seconds = std::chrono::duration<long double>;
        return Seconds(span) < Seconds(std::chrono::nanoseconds::max());
    }

    std::chrono::nanoseconds span_;
};
inline constexpr Timeout Timeout::forever{Timeout::Forever{}};

}  // namespace pinion::inline v0
