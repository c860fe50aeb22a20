// SPDX-License-Identifier: Apache-2.0
// Switching a controller on for the children of a cgroup.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace pinion::process {

inline constexpr std::string_view cpuset_controller = "cpuset";
inline constexpr std::string_view memory_controller = "memory";

// The children of `folder` have `controller`'s files afterwards; whether that had to be switched on. Fails, with
// nothing changed, where `folder` itself was not given the controller, where it is not ours to write, or where
// processes are in the folder itself (EBUSY).
[[nodiscard]] Result<bool> switch_controller_on(const std::string& folder, std::string_view controller);

}  // namespace pinion::process
