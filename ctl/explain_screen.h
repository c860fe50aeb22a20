// SPDX-License-Identifier: Apache-2.0
// The text of `pinionctl explain`, as a function of what Manager.Explain answered.
#pragma once

#include <span>
#include <string>

#include "base/time.h"
#include "ctl/terminal.h"
#include "wire/json.h"

namespace pinion::ctl {

// `seat`: why it has its seat, in sentences. `facts`: the members of a worker, `deaths` (oldest first), `curve` and
// `policy`. What is missing is left out; nothing is wider than a terminal. `now` is wall time, since the epoch.
[[nodiscard]] std::string explain_screen(const wire::Json& facts, std::span<const std::string> seat,
                                         const TerminalTraits& traits, Duration now);

}  // namespace pinion::ctl
