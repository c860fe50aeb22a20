// SPDX-License-Identifier: Apache-2.0
// Who calls over the message bus, by the bus's own word.
#pragma once

#include <systemd/sd-bus.h>

#include <optional>

#include "daemon/access.h"

namespace pinion::daemon {

// The sender's uid and groups, as they were when it connected to the bus. Nothing when the bus does not tell (the
// sender is gone, or the bus says nothing for a second).
[[nodiscard]] std::optional<Caller> sender_of(sd_bus_message* message);

}  // namespace pinion::daemon
