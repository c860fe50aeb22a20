// SPDX-License-Identifier: Apache-2.0
// Reads a section of the configuration into a draft by the table of keys, and remembers where each key was written.
#pragma once

#include <map>
#include <string>

#include "config/document.h"
#include "config/draft.h"
#include "config/keys.h"

namespace pinion::config {

struct KeyPlace {
    Place place;
    bool inherited = false;  // written in `defaults`, or merged into the pool
    bool failed = false;     // its value was refused
};
// By path: "restart.delay", "env.MODE". Keys that are not written do not appear.
using KeyPlaces = std::map<std::string, KeyPlace>;

// Reads every key of `map`, in the order of the text. Unknown keys, those still to come and wrong values are reported;
// `draft` keeps what it had for them.
void read_section(Section section, const Node& map, Draft& draft, KeyPlaces& places, Report& report);

// What may have been meant by a key that a pool does not know: a key of another block, or another program's word for
// ours.
[[nodiscard]] std::string pool_key_hint(std::string_view key);

}  // namespace pinion::config
