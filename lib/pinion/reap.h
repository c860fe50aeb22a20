// SPDX-License-Identifier: Apache-2.0
// Waiting for children by their pidfds.
#pragma once

#include <pinion/death.h>

#include <optional>

#include "pinion/futex.h"

namespace pinion::inline v0 {

// Whether the process of `pidfd` ended before the deadline. It is not reaped.
[[nodiscard]] bool wait_for_end(int pidfd, const Deadline& deadline) noexcept;

// Reaps an ended child. Nothing while it runs. Where somebody else reaped it the cause is unknown.
[[nodiscard]] std::optional<Death> reap(int pidfd);

// One that is gone is left alone. Throws std::system_error.
void signal_process(int pidfd, int signal);
// SIGKILL. What can't be killed, since it has become another user's, is left alone.
void kill_quietly(int pidfd) noexcept;

}  // namespace pinion::inline v0
