// SPDX-License-Identifier: Apache-2.0
// One entry of the journal as a value: a priority, a sentence, fields, and a message id for lifecycle records.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace pinion::log {

// syslog's, as in <syslog.h>.
enum class Priority : std::uint8_t { emerg, alert, crit, err, warning, notice, info, debug };
[[nodiscard]] const char* to_string(Priority priority) noexcept;

// A kind of lifecycle record: its name (PINION_EVENT, "worker-died") and its 128-bit MESSAGE_ID in hex. The whole list
// stands in log/messages.h, and the journal's catalog is compared with it by a test.
struct MessageKind {
    std::string_view event;
    std::string_view message_id;
};

struct Record {
    Priority priority = Priority::info;
    std::string message;
    const MessageKind* kind = nullptr;  // null for a worker's output
    std::string identifier;             // SYSLOG_IDENTIFIER: "piniond", or the pool for a worker's output
    std::vector<std::pair<std::string, std::string>> fields;  // names in capitals, e.g. {"PINION_POOL", "web"}
    WallTime at{};                                            // when it happened; the writer fills it in where it is 0
};

// A worker's line may begin with "<N>" (sd-daemon(3)): the priority it names, and the rest. Nothing: the line as it is.
struct PrefixedLine {
    Priority priority;
    std::string_view text;
};
[[nodiscard]] PrefixedLine parse_prefix(std::string_view line, Priority otherwise) noexcept;

}  // namespace pinion::log
