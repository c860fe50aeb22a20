// SPDX-License-Identifier: Apache-2.0
// The drawing of a machine in a terminal, or a pipe: plain ASCII, so that it looks the same everywhere; where there is
// colour it repeats the pool's letter.
#pragma once

#include <string>

#include "ctl/machine_drawing.h"
#include "ctl/terminal.h"

namespace pinion::ctl {

// No line is wider than the terminal, or than 80 columns in a pipe. Each core is a pair of brackets with its threads:
// their numbers above, who has them within. A machine of more than 64 CPUs has a line a cache instead, with the numbers
// at its head; neighbours that look the same are one line.
[[nodiscard]] std::string drawing_text(const MachineDrawing& drawing, const TerminalTraits& traits);

}  // namespace pinion::ctl
