// SPDX-License-Identifier: Apache-2.0
// Members of the daemon's answers, for screens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "wire/json.h"

namespace pinion::ctl {

// As text that a terminal may show, a number or list as JSON; empty where it is not there.
[[nodiscard]] std::string text_of(const wire::Json& object, const char* name);
// 0 where it is not there, or no number.
[[nodiscard]] std::uint64_t number_of(const wire::Json& object, const char* name);
// Of a member in microseconds; nothing where it is not there, or no number.
[[nodiscard]] std::optional<Duration> time_of(const wire::Json& object, const char* name);

}  // namespace pinion::ctl
