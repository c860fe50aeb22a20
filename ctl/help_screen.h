// SPDX-License-Identifier: Apache-2.0
// The help on a terminal: the command line library lays it out for 80 columns and more, this makes it fit.
#pragma once

#include <string>
#include <string_view>

#include "ctl/terminal.h"

namespace pinion::ctl {

// `help` with each line that is too wide wrapped: what describes a command or an option stays in its column where that
// leaves it room enough, else it goes below the name, for all of them. Unchanged where there is no terminal.
[[nodiscard]] std::string help_screen(std::string_view help, const TerminalTraits& traits);

}  // namespace pinion::ctl
