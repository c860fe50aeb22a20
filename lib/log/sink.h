// SPDX-License-Identifier: Apache-2.0
// Where records go. A sink may block (journald stalled, a terminal stopped with ^S): the writer thread calls it, never
// the loop.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "log/record.h"

namespace pinion::log {

class Sink {
public:
    virtual ~Sink() = default;
    // Writes one record; an error is the caller's to count, the record is lost.
    [[nodiscard]] virtual Result<void> write(const Record& record) = 0;
};

// Native journal records by sd_journal_sendv.
[[nodiscard]] std::unique_ptr<Sink> make_journal_sink();
// A line a record on stderr through spdlog: time, level, who, sentence; coloured on a terminal unless NO_COLOR or
// TERM=dumb.
[[nodiscard]] std::unique_ptr<Sink> make_console_sink();

// Whether stderr is connected to the journal ($JOURNAL_STREAM names its device and inode): what `--log auto` asks.
[[nodiscard]] bool stderr_is_journal();

}  // namespace pinion::log
