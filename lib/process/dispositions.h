// SPDX-License-Identifier: Apache-2.0
// Which signals this process ignores: the only dispositions that pass to a child which was born with its handlers
// cleared. Asking the kernel takes 62 calls, so it is asked once.
#pragma once

#include <cstdint>

namespace pinion::process {

// Bit n - 1 for signal n, as it was at the last `read_ignored_signals`, or at the first call.
[[nodiscard]] std::uint64_t ignored_signals() noexcept;
void read_ignored_signals() noexcept;

}  // namespace pinion::process
