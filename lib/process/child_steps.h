// SPDX-License-Identifier: Apache-2.0
// What a child does between its birth and its program: plain steps, one for each SpawnStage, by raw system calls only.
// The child may share its parent's memory (all of it, the stack too) and file table, so a step writes nothing but its
// own stack and the failure.
#pragma once

#include <cstdint>

#include "model/death.h"
#include "process/child_image.h"

namespace pinion::process {

// What a failed child tells. `detail` narrows the stage: which limit, which of the three standard descriptors, which
// candidate of the program, or which of the scheduler's three calls.
struct StepFailure {
    SpawnStage stage = SpawnStage::fork;
    int error = 0;  // errno; 0: none
    int detail = 0;
};

inline constexpr int last_signal = 64;

// The first descriptor that an unshared file table does not keep; see `own_file_table` in the source.
inline constexpr int first_dropped_fd = 32;

// `detail` of SpawnStage::stdio where the file table itself could not be made.
inline constexpr int detail_file_table = 3;
// `detail` of SpawnStage::scheduler.
inline constexpr int detail_policy = 0;
inline constexpr int detail_nice = 1;
inline constexpr int detail_io = 2;

struct ChildRun {
    const ChildImage* image = nullptr;
    int stdio[3] = {-1, -1, -1};  // -1: /dev/null. Below `first_dropped_fd` where `shares_files`.
    int cgroup_fd = -1;           // to move into; -1: born where it belongs
    int status_fd = -1;           // CLOEXEC, above 2; a failure is also written here. -1: the parent sees `failure`
    std::uint64_t signals_to_reset = ~std::uint64_t{0};  // bit n - 1 for signal n: not known to be default already
    bool shares_files = false;                           // the file table is the parent's (CLONE_FILES)
    bool begun = false;                                  // set by the child's first instruction
    StepFailure failure;
};

// Becomes the program of `run` (a ChildRun*) or ends with status 127 and the failure told. Never returns.
void run_child(void* run) noexcept;

}  // namespace pinion::process
