// SPDX-License-Identifier: Apache-2.0
// How a stream to journald begins. The child connects it itself (lib/process): journald takes whoever connects for the
// author of every line.
#pragma once

#include <string>

#include "log/record.h"

namespace pinion::log {

inline constexpr const char* journal_stream_socket = "/run/systemd/journal/stdout";

// What journald expects first, a line each: identifier, unit, priority, whether "<N>" prefixes count, and whether to
// forward to syslog, the kernel's log and the console.
[[nodiscard]] std::string journal_stream_header(std::string identifier, Priority priority);

}  // namespace pinion::log
