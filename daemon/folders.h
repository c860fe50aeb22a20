// SPDX-License-Identifier: Apache-2.0
// The daemon's folders: made if missing, and locked, so that two daemons never share one.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace pinion::daemon {

// Held for the daemon's life.
struct FolderLocks {
    std::vector<UniqueFd> locks;
};

// Makes `runtime_dir` (mode 0755, so that clients reach the socket; access is judged by credentials) with an empty
// `notify` in it, and `state_dir` (0750), and locks both. Refuses with the other's pid where one is locked. A stale
// file of a dead predecessor is no obstacle.
[[nodiscard]] Result<FolderLocks> take_folders(const std::string& runtime_dir, const std::string& state_dir);

}  // namespace pinion::daemon
