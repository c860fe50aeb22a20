// SPDX-License-Identifier: Apache-2.0
// Turns what a failed child tells into what a person reads: the object that the stage acted on.
#pragma once

#include "process/child_steps.h"

namespace pinion::process {

// The whole failure of a child of `image`. `cgroup_fd` as it was given to the spawn.
[[nodiscard]] SpawnFailure describe(const StepFailure& failure, const ChildImage& image, int cgroup_fd);

// Whether clone3 blames `error` on the cgroup that the child was to be born in.
[[nodiscard]] bool is_cgroup_error(int error) noexcept;

}  // namespace pinion::process
