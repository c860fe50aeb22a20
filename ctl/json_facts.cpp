// SPDX-License-Identifier: Apache-2.0
#include "ctl/json_facts.h"

#include "ctl/display.h"

namespace pinion::ctl {

std::string text_of(const wire::Json& object, const char* name) {
    const wire::Json* value = object.find(name);
    if (value == nullptr) return {};
    if (const std::string* text = value->as_string()) return harmless(*text);
    return harmless(value->dump());
}

std::uint64_t number_of(const wire::Json& object, const char* name) {
    const wire::Json* value = object.find(name);
    return value == nullptr ? 0 : value->as_uint().value_or(0);
}

std::optional<Duration> time_of(const wire::Json& object, const char* name) {
    const wire::Json* value = object.find(name);
    const auto number = value == nullptr ? std::nullopt : value->as_int();
    return number ? std::optional(Duration(*number)) : std::nullopt;
}

}  // namespace pinion::ctl
