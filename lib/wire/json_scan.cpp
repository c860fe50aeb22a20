// SPDX-License-Identifier: Apache-2.0
#include "wire/json_scan.h"

#include "base/text.h"
#include "wire/json.h"

namespace pinion::wire {

std::optional<std::string_view> member_name(std::string_view quoted, std::string& held) {
    if (quoted.find('\\') == std::string_view::npos) return quoted.substr(1, quoted.size() - 2);
    auto value = Json::parse(quoted);
    // A lone surrogate is no text.
    if (!value || value->as_string() == nullptr) return std::nullopt;
    held = *value->as_string();
    return held;
}

std::optional<std::vector<RawMember>> scan_object(std::string_view text, std::size_t max_members) {
    std::vector<RawMember> members;
    const bool whole = visit_members(text, [&](std::string_view name, std::string_view value) {
        if (members.size() == max_members) return false;
        members.push_back({std::string(name), value});
        return true;
    });
    if (!whole) return std::nullopt;
    return members;
}

std::optional<std::vector<std::string_view>> scan_array(std::string_view text, std::size_t max_elements) {
    std::vector<std::string_view> elements;
    const bool whole = visit_elements(text, [&](std::string_view element) {
        if (elements.size() == max_elements) return false;
        elements.push_back(element);
        return true;
    });
    if (!whole) return std::nullopt;
    return elements;
}

bool is_json(std::string_view text) {
    if (!is_valid_utf8(text)) return false;
    JsonScanner scanner(text);
    scanner.space();
    if (!scanner.value(0)) return false;
    scanner.space();
    return scanner.done();
}

std::string json_string(std::string_view text) { return Json(text).dump(); }

}  // namespace pinion::wire
