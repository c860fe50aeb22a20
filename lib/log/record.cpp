// SPDX-License-Identifier: Apache-2.0
#include "log/record.h"

namespace pinion::log {

const char* to_string(Priority priority) noexcept {
    switch (priority) {
        case Priority::emerg: return "emerg";
        case Priority::alert: return "alert";
        case Priority::crit: return "crit";
        case Priority::err: return "err";
        case Priority::warning: return "warning";
        case Priority::notice: return "notice";
        case Priority::info: return "info";
        case Priority::debug: return "debug";
    }
    return "unknown";
}

PrefixedLine parse_prefix(std::string_view line, Priority otherwise) noexcept {
    const bool prefixed = line.size() >= 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>';
    if (!prefixed) return {otherwise, line};
    return {static_cast<Priority>(line[1] - '0'), line.substr(3)};
}

}  // namespace pinion::log
