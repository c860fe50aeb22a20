// SPDX-License-Identifier: Apache-2.0
#include "process/dispositions.h"

#include <optional>

#include "process/child_steps.h"
#include "process/raw_syscall.h"

namespace pinion::process {
namespace {

constexpr unsigned long ignore = 1;  // SIG_IGN

std::optional<std::uint64_t>& known() noexcept {
    static std::optional<std::uint64_t> ignored;
    return ignored;
}

}  // namespace

void read_ignored_signals() noexcept {
    std::uint64_t ignored = 0;
    for (int number = 1; number <= last_signal; ++number) {
        // Raw: glibc hides its own signals (32, 33), which a posix_spawn that made us may have left ignored.
        unsigned long action[4] = {};  // the kernel's struct sigaction, the handler first
        if (raw_syscall(SYS_rt_sigaction, number, nullptr, &action[0], 8) < 0) continue;
        if (action[0] == ignore) ignored |= std::uint64_t{1} << (number - 1);
    }
    known() = ignored;
}

std::uint64_t ignored_signals() noexcept {
    if (!known()) read_ignored_signals();
    return *known();
}

}  // namespace pinion::process
