// SPDX-License-Identifier: Apache-2.0
// What a reload means, pool by pool. Pools that are the same do not appear, and are not touched.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"

namespace pinion::config {

enum class ChangeKind : std::uint8_t {
    added,
    removed,
    resized,   // only `workers` differs
    replaced,  // a field that running workers can't take over: they roll
    tuned,     // only fields that apply live
};
[[nodiscard]] const char* to_string(ChangeKind kind) noexcept;

struct Change {
    ChangeKind kind = ChangeKind::added;
    std::string pool;
    std::vector<std::string> fields;  // keys that differ, as in the YAML: "restart.delay"; none for added, removed
    std::vector<std::string> respawn_fields;  // those of them that force a respawn
    bool operator==(const Change&) const = default;
};

// By pool name. `before` may be null: everything is added.
[[nodiscard]] std::vector<Change> diff(const Config* before, const Config& after);

// What differs between the named semaphores of two configurations, in words, by name.
[[nodiscard]] std::vector<std::string> semaphore_changes(const Config& before, const Config& after);

}  // namespace pinion::config
