// SPDX-License-Identifier: Apache-2.0
// Every command, one file each (cmd_NAME.cpp). A command prints its answer to the context's streams and returns the
// tool's exit code; it never ends the process.
#pragma once

#include "ctl/context.h"
#include "ctl/exit_code.h"
#include "ctl/options.h"

namespace pinion::ctl {

Exit run(const StatusOptions& options, Context& context);
Exit run(const CheckOptions& options, Context& context);
Exit run(const PlanOptions& options, Context& context);
Exit run(const ReloadOptions& options, Context& context);
Exit run(const RebalanceOptions& options, Context& context);
Exit run(const ActOptions& options, Context& context);
Exit run(const ScaleOptions& options, Context& context);
Exit run(const KillOptions& options, Context& context);
Exit run(const WaitOptions& options, Context& context);
Exit run(const HealthOptions& options, Context& context);
Exit run(const LogsOptions& options, Context& context);
Exit run(const EventsOptions& options, Context& context);
Exit run(const ExplainOptions& options, Context& context);
Exit run(const ShowOptions& options, Context& context);
Exit run(const CatOptions& options, Context& context);
Exit run(const SchemaOptions& options, Context& context);
Exit run(const WordsOptions& options, Context& context);
Exit run(const MapJobsOptions& options, Context& context);
Exit run(const SubmitJobsOptions& options, Context& context);
Exit run(const ResultOptions& options, Context& context);
Exit run(const WaitJobsOptions& options, Context& context);
Exit run(const JobsOptions& options, Context& context);
Exit run(const QueueOptions& options, Context& context);
Exit run(const WhyOptions& options, Context& context);

}  // namespace pinion::ctl
