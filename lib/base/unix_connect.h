// SPDX-License-Identifier: Apache-2.0
// Connecting to a Unix socket whose listener may hang: the kernel takes connections for it until its queue is full, and
// from then on lets everybody wait.
#pragma once

#include <sys/un.h>

#include "base/time.h"

namespace pinion {

// connect() of a blocking socket, for so long at most; that of other calls on it is not bounded. 0, or an errno:
// ETIMEDOUT where the time was over.
[[nodiscard]] int connect_within(int socket, const sockaddr_un& address, Duration patience) noexcept;

}  // namespace pinion
