// SPDX-License-Identifier: Apache-2.0
// A Unix socket that others connect to by its path.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace pinion {

// Listens at `path`, in place of whatever is there: the caller has the folder to itself. Everybody may connect; what
// they may do is for the caller to judge by their credentials, so that a stranger gets a reason. Non-blocking.
[[nodiscard]] Result<UniqueFd> listen_at(const std::string& path, int backlog);

}  // namespace pinion
