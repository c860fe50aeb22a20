// SPDX-License-Identifier: Apache-2.0
#include "log/journal_stream.h"

#include <algorithm>

namespace pinion::log {

std::string journal_stream_header(std::string identifier, Priority priority) {
    std::ranges::replace(identifier, '\n', ' ');
    return identifier + "\n\n" + std::to_string(static_cast<int>(priority)) + "\n1\n0\n0\n0\n";
}

}  // namespace pinion::log
