// SPDX-License-Identifier: Apache-2.0
// `defaults` under a pool: block by block, where lists and scalars replace and null takes a default away.
#pragma once

#include "config/document.h"

namespace pinion::config {

// The pool as it counts, in `arena`. Entries that come from `defaults` are marked as inherited. Both nodes must be
// maps.
[[nodiscard]] const Node& merge_defaults(const Node& defaults, const Node& pool, Arena& arena);

}  // namespace pinion::config
