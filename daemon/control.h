// SPDX-License-Identifier: Apache-2.0
// The words between an operator and the daemon: targets, refusals and the outcome of a reload.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace pinion::daemon {

// "web" or "web/3".
struct Target {
    std::string pool;
    std::optional<Slot> slot;
    bool operator==(const Target&) const = default;
};

// Why the daemon does not do what was asked; the sentence is shown as it is.
struct Refusal {
    enum class Kind : std::uint8_t { not_found, invalid, refused };
    Kind kind = Kind::refused;
    std::string message;
};
template <class T>
using Answer = std::expected<T, Refusal>;

[[nodiscard]] Answer<Target> parse_target(std::string_view text);

struct ReloadOutcome {
    bool accepted = false;
    bool changed = false;
    // What changed, or every reason for the refusal; a line each.
    std::vector<std::string> messages;
};

}  // namespace pinion::daemon
