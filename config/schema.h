// SPDX-License-Identifier: Apache-2.0
// What the table of keys makes beside the reader: the JSON Schema (draft-07) that editors use, the reference in
// Markdown and for the manual, and the effective configuration as YAML.
#pragma once

#include <string>

#include "config/config.h"

namespace pinion::config {

[[nodiscard]] std::string json_schema();
// docs/keys.md: a table of every key with type, default, meaning and what a change of it does.
[[nodiscard]] std::string key_reference();
// The same for pinion.yaml(5), in scdoc: an entry for each key after a comment "; key NAME" (pools' keys without their
// section), and after "; later" the names of those that are still to come.
[[nodiscard]] std::string key_manual();
// `pinionctl cat`: the effective configuration; each value that is not a default carries "# file:line".
[[nodiscard]] std::string to_yaml(const Config& config);

}  // namespace pinion::config
