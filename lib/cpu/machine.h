// SPDX-License-Identifier: Apache-2.0
// What of this machine the process may use, read from the kernel: the shell's half of the universe.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cpu/topology.h"
#include "model/cpu_set.h"

namespace pinion::cpu {

struct MachineLimits {
    CpuSet allowed;               // this process's affinity mask (already within the effective cpuset)
    std::optional<double> quota;  // CPUs by cpu.max over all ancestors of the own cgroup v2, or cfs quota on v1
};

[[nodiscard]] Result<MachineLimits> read_limits();

// The mask in force for a thread. Fails with ESRCH when it is gone.
[[nodiscard]] Result<CpuSet> read_affinity(int tid);

// Sets the mask of every thread of the process and reads it back; a thread that ends meanwhile is no error.
[[nodiscard]] Result<void> pin_process(int pid, const CpuSet& mask);

}  // namespace pinion::cpu
