// SPDX-License-Identifier: Apache-2.0
// What a record looks like to a person at a terminal, and the sink that writes it to any file descriptor.
#pragma once

#include <memory>
#include <string>

#include "base/fd.h"
#include "log/record.h"
#include "log/sink.h"

namespace pinion::log {

// The line without its time and newline: "warning web/3: exit 1; restarting at once" for a lifecycle record,
// "info    web/3 | hello" for a worker's output. Control characters are escaped, tabs become blanks. The colour is the
// level word's alone, and only repeats it.
[[nodiscard]] std::string console_text(const Record& record, bool colour);

// On a terminal, unless $NO_COLOR is set and not empty, or $TERM is dumb or missing.
[[nodiscard]] bool wants_colour(bool terminal, const char* no_color, const char* term) noexcept;

// Writes "HH:MM:SS.mmm " in local time and the line above. A write that would block waits; a closed reader is an error,
// never a signal. Without a file descriptor every write fails.
[[nodiscard]] std::unique_ptr<Sink> make_console_sink(UniqueFd fd);

}  // namespace pinion::log
