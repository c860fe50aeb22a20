// SPDX-License-Identifier: Apache-2.0
// The command line as text: what the library fills in (options.cpp), before it becomes values (options_settle.cpp).
#pragma once

#include <string>

#include "base/result.h"
#include "ctl/options.h"
#include "ctl/options_jobs.h"

namespace pinion::ctl {

struct Raw {
    GlobalOptions global;
    bool json = false;
    std::string output;
    std::string colour = "auto";
    StatusOptions status;
    std::string sort = "name";
    CheckOptions check;
    PlanOptions plan;
    ActOptions act;
    ScaleOptions scale;
    std::string count;
    bool no_wait = false;
    std::string timeout;
    KillOptions kill;
    std::string signal = "SIGTERM";
    WaitOptions wait;
    HealthOptions health;
    LogsOptions logs;
    EventsOptions events;
    std::string lines;
    ExplainOptions explain;
    ShowOptions show;
    SchemaOptions schema;
    WordsOptions words;
    RawJobs jobs;
};

// Fills in `raw.global`.
[[nodiscard]] Result<void> settle_global(Raw& raw);
// The command of that name, its values checked. Every name that the library lets pass is known.
[[nodiscard]] Result<Command> settle(const std::string& name, Raw& raw);

}  // namespace pinion::ctl
