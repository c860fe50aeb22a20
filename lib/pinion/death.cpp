// SPDX-License-Identifier: Apache-2.0
#include <pinion/death.h>

#include "base/units.h"

namespace pinion::inline v0 {

std::string to_string(const Death& death) {
    std::string text;
    switch (death.cause) {
        case Death::Cause::exited: text = "exit " + std::to_string(death.status); break;
        case Death::Cause::signaled: text = signal_name(death.status); break;
        case Death::Cause::unknown: text = "ended, reaped by somebody else"; break;
    }
    if (death.core_dumped) text += " (core dumped)";
    if (!death.error.empty()) text += ": " + death.error;
    return text;
}

}  // namespace pinion::inline v0
