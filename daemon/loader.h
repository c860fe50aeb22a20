// SPDX-License-Identifier: Apache-2.0
// Loads configurations, and what they meet on this machine, off the deciding thread.
#pragma once

#include <expected>
#include <vector>

#include "config/config.h"
#include "daemon/off_thread.h"
#include "daemon/placement.h"

namespace pinion::daemon {

// What one load found. `machine` is read even where the text is refused.
struct Loaded {
    std::expected<config::Config, std::vector<config::Diagnostic>> config;
    Result<Machine> machine;
};

// Reads, validates and probes, in the calling thread.
[[nodiscard]] Loaded load_now(const config::LoadOptions& options);

// Adds those processes of others that are pinned, where the configuration wants to know. Not before a dead
// predecessor's workers are gone, since they would be taken for such.
void look_for_strangers(Loaded& loaded);

using Loader = OffThread<Loaded>;
// The machine alone, where its CPUs changed.
using MachineReader = OffThread<Result<Machine>>;

}  // namespace pinion::daemon
