// SPDX-License-Identifier: Apache-2.0
// What cgroupfs and /proc say about cgroups, as text that becomes values. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process/mounts.h"

namespace pinion::process {

// The path after "0::" in /proc/PID/cgroup: the process's cgroup v2. Nothing where it has none.
[[nodiscard]] std::optional<std::string> parse_own_cgroup(std::string_view text);

// The folder of cgroup `path` below a cgroup2 mount of the table. Nothing where no mount shows it: none is there, it
// lies outside of what is mounted, or outside of our cgroup namespace ("/../..").
[[nodiscard]] std::optional<std::string> find_cgroup_folder(const std::vector<Mount>& mounts, std::string_view path);

// Whether a file such as cgroup.controllers names `controller`.
[[nodiscard]] bool lists_controller(std::string_view text, std::string_view controller);

// The number after `key` in a flat-keyed file such as cgroup.events or memory.events.
[[nodiscard]] std::optional<std::uint64_t> find_flat_value(std::string_view text, std::string_view key);

}  // namespace pinion::process
