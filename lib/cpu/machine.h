// SPDX-License-Identifier: Apache-2.0
// What of this machine the process may use, read from the kernel: the shell's half of the universe.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cpu/plan.h"
#include "cpu/topology.h"
#include "model/cpu_set.h"

namespace pinion::cpu {

struct MachineLimits {
    CpuSet inherited;             // this process's affinity mask; empty: it bounds nothing
    CpuSet effective;             // cpuset of the own cgroup; empty: no cgroup says so
    CpuSet isolated;              // by the kernel's command line
    std::optional<double> quota;  // CPUs by cpu.max over all ancestors of the own cgroup v2, or cfs quota on v1
    bool operator==(const MachineLimits&) const = default;
};

[[nodiscard]] Result<MachineLimits> read_limits();

// What `machine` makes of these limits. An inherited mask leaves isolated CPUs out, unless someone set it: where they
// are asked for they are added to it.
[[nodiscard]] Universe universe_of(const MachineLimits& limits, const Topology& topology, const MachineSpec& machine);

// What bounds pools of the mask that this process was started with: nothing where it leaves out no CPU that the rest
// allows, so that CPUs which come later are ours too.
[[nodiscard]] CpuSet bounding_mask(const MachineLimits& limits, const CpuSet& online);

// The mask of a thread of the process that is not within `permitted`, if there is one.
[[nodiscard]] Result<std::optional<CpuSet>> find_drift(int pid, const CpuSet& permitted);

// How many threads of the process run or wait to run just now.
[[nodiscard]] Result<std::uint32_t> runnable_threads(int pid);

// The mask in force for a thread. Fails with ESRCH when it is gone.
[[nodiscard]] Result<CpuSet> read_affinity(int tid);

// Sets the mask of every thread of the process and reads it back; a thread that ends meanwhile is no error, nor is a
// CPU of it that is offline just now, as long as another is not.
[[nodiscard]] Result<void> pin_process(int pid, const CpuSet& mask);

}  // namespace pinion::cpu
