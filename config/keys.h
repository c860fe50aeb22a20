// SPDX-License-Identifier: Apache-2.0
// The one table of keys. The reader, the difference between two configurations, the effective configuration as YAML,
// the JSON Schema and the reference are all made from it, so that none of them can know a key that the others don't.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/codec.h"
#include "config/draft.h"

namespace pinion::config {

enum class Section : std::uint8_t { daemon, machine, pool };
[[nodiscard]] std::string_view to_string(Section section) noexcept;

// What a change of the key does to running workers: nothing but what it says, or they roll.
enum class ChangeClass : std::uint8_t { live, respawn };

// Which part of the product brings the key. A key that is still to come is known, and refused.
enum class Stage : std::uint8_t { supported, placement, depth };

struct Key {
    Section section = Section::pool;
    std::string_view path;     // within its section: "restart.delay"
    std::string_view meaning;  // one sentence
    ChangeClass change = ChangeClass::live;
    Stage stage = Stage::supported;
    bool jobs_only = false;      // stands only in pools of kind jobs
    bool null_is_value = false;  // else null takes a default away

    // The rest is unset in keys that are still to come.
    std::string (*type)() = nullptr;
    std::string (*schema)() = nullptr;  // JSON text
    void (*read)(const Reading&, const Node&, Draft&) = nullptr;
    Printed (*print)(const Draft&) = nullptr;
    bool (*same)(const Draft&, const Draft&) = nullptr;
    // Whether this change of the key can be taken over by running workers; where unset, `change` decides. The text
    // tells people which changes can.
    bool (*applies_live)(const Draft&, const Draft&) = nullptr;
    std::string_view change_text;

    // What a change of it does to running workers, for people.
    [[nodiscard]] std::string_view change_words() const {
        if (applies_live != nullptr) return change_text;
        return change == ChangeClass::live ? "live" : "respawn";
    }
};

// In the order of the reference: daemon, machine, pools.
[[nodiscard]] std::span<const Key> all_keys();
// The key of that path; null where there is none.
[[nodiscard]] const Key* find_key(Section section, std::string_view path);
// Whether keys stand below `path`: "restart".
[[nodiscard]] bool is_block(Section section, std::string_view path);
// The names that can stand directly below `path` ("" is the section itself), each once, in the table's order. Those
// still to come are left out unless `later`.
[[nodiscard]] std::vector<std::string_view> names_below(Section section, std::string_view path, bool later);

}  // namespace pinion::config
