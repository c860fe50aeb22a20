// SPDX-License-Identifier: Apache-2.0
// Finds the members of a JSON object without building it: their values stay the text they were, so that a result passes
// through unchanged, numbers of any size included. Strict: what it accepts is JSON (RFC 8259) in UTF-8.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "wire/json_scanner.h"

namespace pinion::wire {

// A member's name without its quotes, which `held` keeps where it has escapes; nothing where those make no text.
[[nodiscard]] std::optional<std::string_view> member_name(std::string_view quoted, std::string& held);

// Calls `visit(std::string_view name, std::string_view value)` for each member of the one object that `text` is, in
// order, duplicates included: the name unescaped, the value as it stands, without white space around it. False where
// the text is not exactly that, is nested deeper than Json::max_depth, or where `visit` gave false; members before that
// place were visited.
template <class Visit>
[[nodiscard]] bool visit_members(std::string_view text, Visit&& visit) {
    if (!is_valid_utf8(text)) return false;
    JsonScanner scanner(text);
    std::string held;
    return scanner.document('{', '}', [&] {
        const auto name_at = scanner.position();
        if (!scanner.string()) return false;
        const auto name = member_name(scanner.since(name_at), held);
        if (!name || !scanner.colon()) return false;
        const auto value_at = scanner.position();
        return scanner.value(1) && visit(*name, scanner.since(value_at));
    });
}

// The same for `visit(std::string_view element)` and the elements of an array.
template <class Visit>
[[nodiscard]] bool visit_elements(std::string_view text, Visit&& visit) {
    if (!is_valid_utf8(text)) return false;
    JsonScanner scanner(text);
    return scanner.document('[', ']', [&] {
        const auto from = scanner.position();
        return scanner.value(1) && visit(scanner.since(from));
    });
}

struct RawMember {
    std::string name;        // unescaped
    std::string_view value;  // as it stands, without white space around it
};

// All of them; nothing where visit_members would give false, or where there are more than `max_members`.
[[nodiscard]] std::optional<std::vector<RawMember>> scan_object(std::string_view text, std::size_t max_members);

// The elements of the one array that `text` is, as they stand, under the same conditions.
[[nodiscard]] std::optional<std::vector<std::string_view>> scan_array(std::string_view text, std::size_t max_elements);

// Whether `text` is one JSON document, no deeper than Json::max_depth.
[[nodiscard]] bool is_json(std::string_view text);

// `text` as a JSON string, quotes included. Invalid UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace pinion::wire
