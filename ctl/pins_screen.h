// SPDX-License-Identifier: Apache-2.0
// `status --pins`: where each worker is to sit, where it sits, and what the kernel really lets it use.
#pragma once

#include <span>
#include <string>

#include "ctl/rows.h"
#include "ctl/status_screen.h"
#include "ctl/table.h"
#include "ctl/terminal.h"

namespace pinion::ctl {

// What is wrong with the worker's pin, in words; empty where nothing is.
[[nodiscard]] std::string pin_trouble(const WorkerRow& worker);

// A row a worker. The mask is what the daemon read back from the kernel.
[[nodiscard]] Table pins_table(std::span<const WorkerRow> workers);

// The table; on a terminal a line of totals follows, and the names of hidden columns.
[[nodiscard]] Answer<std::string> pins_screen(std::span<const WorkerRow> workers, const ScreenOptions& options,
                                              const TerminalTraits& traits);

// {"version":1,"pins":[{"worker","pool","slot","home","seat","mask","allowed","nodes","straddles","exclusive","drifts",
// "contested","trouble"}]}
[[nodiscard]] wire::Json pins_document(std::span<const WorkerRow> workers);

}  // namespace pinion::ctl
