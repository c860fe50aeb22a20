// SPDX-License-Identifier: Apache-2.0
// The drawing of a machine as a standalone SVG file, for a document or a web page.
#pragma once

#include <string>

#include "ctl/machine_drawing.h"

namespace pinion::ctl {

// A whole SVG document: frames within frames, a cell a hardware thread, a legend. All text is text, title and
// description say the same to who can't see it, and it has colours for light and for dark surroundings. `title` is what
// the picture is of.
[[nodiscard]] std::string drawing_svg(const MachineDrawing& drawing, const std::string& title);

}  // namespace pinion::ctl
