// SPDX-License-Identifier: Apache-2.0
// The scalars of the configuration as text: durations ("1m30s"), sizes ("512MiB"), percents ("10%").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace pinion {

// One or more of a number with a unit of `us ms s m h d`, largest unit first: "100ms", "1m30s", "1.5s"; and "0". A bare
// number other than 0 is an error that says so, as is a negative, an overflowing or an empty text.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);

// The usual text, which parses back to the same value: "1m30s", "1.5s", "100ms", "0s".
[[nodiscard]] std::string format_duration(Duration duration);

// For people, rounded down: the two largest units, whole ("3d4h", "2m02s", "3d"); below a minute one, with a decimal
// from 1 s to 10 s ("42s", "1.6s", "850ms").
[[nodiscard]] std::string format_duration_coarse(Duration duration);

// A number and one of `B KiB MiB GiB TiB` (powers of 1024) or `kB MB GB TB` (of 1000); "0" alone is allowed.
// A fraction ("1.5GiB") is rounded down to whole bytes.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

// The largest binary unit that divides evenly: "512MiB", "1000B".
[[nodiscard]] std::string format_size(std::uint64_t bytes);

// For people, at most 5 columns, in binary units: "412M", "1.4G", "932K", "17B".
[[nodiscard]] std::string format_size_coarse(std::uint64_t bytes);

// "10%" → 0.1. Negative values are errors.
[[nodiscard]] Result<double> parse_percent(std::string_view text);

// A signal's number from "SIGTERM", "TERM" or "SIGRTMIN+3". Nothing where there is no such signal.
[[nodiscard]] std::optional<int> parse_signal(std::string_view name);

// "SIGTERM"; "signal 99" where it has no name.
[[nodiscard]] std::string signal_name(int number);

}  // namespace pinion
