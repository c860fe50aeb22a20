// SPDX-License-Identifier: Apache-2.0
// D-Bus values as JSON values: strings, numbers, booleans, arrays; dictionaries and structures nest.
#pragma once

#include "base/result.h"
#include "wire/json.h"

struct sd_bus_message;

namespace pinion::ctl {

// The next value of `message`, whatever its type: a variant gives what is in it, a dictionary an object, a structure an
// array, a descriptor null. Fails on a malformed message, and on nesting deeper than wire::Json::max_depth.
[[nodiscard]] Result<wire::Json> read_bus_value(sd_bus_message* message);

}  // namespace pinion::ctl
