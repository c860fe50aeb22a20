// SPDX-License-Identifier: Apache-2.0
// The kernel's word that tasks had to wait for a CPU (PSI). It costs nothing while nobody has to.
#pragma once

#include <functional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "event/loop.h"

namespace pinion::event {

class CpuPressure {
public:
    // `pressed` is called once in ten seconds at most in which some task waited for a second in all. `file`:
    // cpu.pressure of a cgroup, or /proc/pressure/cpu. Fails where the kernel keeps no such account, or does not let us
    // ask.
    [[nodiscard]] static Result<CpuPressure> open(Loop& loop, const std::string& file,
                                                  std::move_only_function<void()> pressed);

private:
    CpuPressure(UniqueFd file, Source source) : file_(std::move(file)), source_(std::move(source)) {}
    UniqueFd file_;  // outlives its source
    Source source_;
};

}  // namespace pinion::event
