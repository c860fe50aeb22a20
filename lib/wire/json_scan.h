// SPDX-License-Identifier: Apache-2.0
// Finds the members of a JSON object without building it: their values stay the text they were, so that a result passes
// through unchanged, numbers of any size included. Strict: what it accepts is JSON (RFC 8259) in UTF-8.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pinion::wire {

struct RawMember {
    std::string name;        // unescaped
    std::string_view value;  // as it stands, without white space around it
};

// The members of the one object that `text` is, in order, duplicates included; nothing where it is not exactly that, is
// nested deeper than Json::max_depth, or has more than `max_members`.
[[nodiscard]] std::optional<std::vector<RawMember>> scan_object(std::string_view text, std::size_t max_members);

// The elements of the one array that `text` is, as they stand, under the same conditions.
[[nodiscard]] std::optional<std::vector<std::string_view>> scan_array(std::string_view text, std::size_t max_elements);

// Whether `text` is one JSON document, no deeper than Json::max_depth.
[[nodiscard]] bool is_json(std::string_view text);

// `text` as a JSON string, quotes included. Invalid UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace pinion::wire
