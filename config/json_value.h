// SPDX-License-Identifier: Apache-2.0
// Values of the configuration that go to workers as JSON: from YAML to JSON text and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/scalar.h"

namespace pinion::config {

// The value as compact JSON: plain null, true, false and numbers as JSON has them, every other scalar a string. What
// YAML reads as a number or a truth and JSON does not (0x10, True) is reported, as is nesting deeper than
// limits::max_input_depth. Not much more than `max_bytes` are written: a longer text is cut.
[[nodiscard]] std::optional<std::string> read_json(const Reading& reading, const Node& node, std::size_t max_bytes);

// JSON text as YAML that reads back as the same JSON.
[[nodiscard]] std::string yaml_of_json(std::string_view json);

}  // namespace pinion::config
