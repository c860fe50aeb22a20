// SPDX-License-Identifier: Apache-2.0
// The two ways behind `spawn`, each by itself, so that the tests reach the one that this kernel does not need.
#pragma once

#include <optional>

#include "process/spawn.h"

namespace pinion::process {

// By clone3. Nothing where the kernel, the architecture or a system call filter has no clone3 that can do it, and where
// the child was killed at its birth (it is reaped then): some kernels (seen on 6.18) do so to whoever is born by
// CLONE_INTO_CGROUP in a cgroup that cgroup.kill was used on before.
[[nodiscard]] std::optional<std::expected<Child, SpawnFailure>> spawn_by_clone(const ChildImage& image, int cgroup_fd);

// By vfork: the child moves itself into the cgroup, and its pidfd is opened after it began.
[[nodiscard]] std::expected<Child, SpawnFailure> spawn_by_vfork(const ChildImage& image, int cgroup_fd);

}  // namespace pinion::process
