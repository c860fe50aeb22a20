// SPDX-License-Identifier: Apache-2.0
// The screens of `pinionctl status`, as functions of what the daemon told: rows in, text or a document out.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "ctl/rows.h"
#include "ctl/table.h"
#include "ctl/terminal.h"
#include "wire/json.h"

namespace pinion::ctl {

// What the user asked of the screen.
struct ScreenOptions {
    bool wide = false;
    std::string columns;       // "POOL,STATE"; empty: all
    std::size_t max_rows = 0;  // rows of the table at most, 0: all; what is left out is counted
};

// `now` is wall time, since the epoch.
[[nodiscard]] Table pool_table(std::span<const PoolRow> pools, Duration now);
[[nodiscard]] Table worker_table(std::span<const WorkerRow> workers, Duration now);

// A table as `options` want it. On a terminal `below` follows, a sentence or nothing, and the names of hidden columns.
[[nodiscard]] Answer<std::string> table_screen(Table table, const std::string& below, const ScreenOptions& options,
                                               const TerminalTraits& traits);

// The table of all pools. On a terminal totals follow, and the names of hidden columns.
[[nodiscard]] Answer<std::string> pools_screen(std::span<const PoolRow> pools, const ScreenOptions& options,
                                               const TerminalTraits& traits, Duration now);

// One pool's workers, and the last lines they wrote; no lines where columns were chosen.
[[nodiscard]] Answer<std::string> workers_screen(std::span<const WorkerRow> workers, std::span<const LogLine> lines,
                                                 const ScreenOptions& options, const TerminalTraits& traits,
                                                 Duration now);

// A line of a worker's output: "14:02:07 web/3 text", in local time. On a terminal cut to its width where `cut`.
[[nodiscard]] std::string log_line_text(const std::string& pool, const LogLine& line, const TerminalTraits& traits,
                                        bool cut);

// "14:02:07", local time; with the date in front where that is not today's.
[[nodiscard]] std::string clock_text(Duration at, Duration now);

// {"version":1,"pools":[{…,"workers":[…]}]}: every member the daemon sent, the documented ones first.
[[nodiscard]] wire::Json status_document(std::span<const PoolRow> pools, std::span<const WorkerRow> workers);

}  // namespace pinion::ctl
