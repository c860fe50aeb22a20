// SPDX-License-Identifier: Apache-2.0
// Whether a path leads to a file system that may block, found without touching one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "process/mounts.h"

namespace pinion::process {

// Reads a symbolic link; nothing where there is none.
using LinkReader = std::function<std::optional<std::string>(const std::string&)>;

// Walks `path` name by name and follows links, asking `mounts` before each step and `read_link` only where the mount
// does not block. True as soon as a step would block, and after 40 links (a loop: exec will tell).
[[nodiscard]] bool leads_to_blocking(const std::vector<Mount>& mounts, const std::string& path,
                                     const LinkReader& read_link);

}  // namespace pinion::process
