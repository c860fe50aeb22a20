// SPDX-License-Identifier: Apache-2.0
// How much CPU time, and which CPUs, the cgroups around this process allow. The parts that read kernel text are pure;
// only read_quota and read_effective_cpus open files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/cpu_set.h"

namespace pinion::cpu {

// This process's place in the cgroup hierarchies, from /proc/self/cgroup.
struct CgroupPlace {
    std::optional<std::string> unified;  // cgroup v2
    std::optional<std::string> cpu_v1;   // the v1 hierarchy with the controller asked for
    bool operator==(const CgroupPlace&) const = default;
};
[[nodiscard]] CgroupPlace parse_self_cgroup(std::string_view text, std::string_view controller = "cpu");

// One mounted cgroup hierarchy, from /proc/self/mountinfo.
struct CgroupMount {
    bool unified = false;  // else v1 with the controller asked for; other v1 hierarchies are left out
    std::string root;      // the cgroup that is mounted
    std::string folder;    // where
    bool operator==(const CgroupMount&) const = default;
};
[[nodiscard]] std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo,
                                                           std::string_view controller = "cpu");

// The folders of the cgroup `path` and its ancestors as far as they are mounted, own first. Where the mount does not
// show the cgroup (a container's own view), only the mount's root.
[[nodiscard]] std::vector<std::string> cgroup_folders(const CgroupMount& mount, const std::string& path);

// "250000 100000" → 2.5; nothing for "max 100000" and for what is not understood.
[[nodiscard]] std::optional<double> parse_cpu_max(std::string_view text);
// cpu.cfs_quota_us and cpu.cfs_period_us; nothing where the quota is -1.
[[nodiscard]] std::optional<double> parse_cfs_quota(std::string_view quota, std::string_view period);

// The smallest quota, in CPUs, over the own cgroups and their ancestors, v1 and v2; nothing where there is none, as on
// a system without cgroups. `prefix` stands before every path: empty but in tests. Fails where /proc can't be read.
[[nodiscard]] Result<std::optional<double>> read_quota(const std::string& prefix);

// The effective cpuset of the own cgroup, v1 and v2: where the cgroup itself has no such file, its nearest ancestor's.
// Nothing where there is none; fails where a file of that name holds no list of CPUs.
// `process`: a pid, for the cgroup of another.
[[nodiscard]] Result<std::optional<CpuSet>> read_effective_cpus(const std::string& prefix,
                                                                const std::string& process = "self");

// The files whose change may change that: cpuset.cpus of the own cgroup and its ancestors, and on v2 what switches the
// controller on. Those that are not there are named too, since they may come.
[[nodiscard]] std::vector<std::string> cpuset_files(const std::string& prefix);

}  // namespace pinion::cpu
