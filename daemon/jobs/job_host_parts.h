// SPDX-License-Identifier: Apache-2.0
// The parts of the host of job pools: what it asks of the daemon around it, what it knows of a pool, and what it holds
// about an attempt until its end is on record. What waits for the store is in job_host_pending.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/jobs/job_meter.h"
#include "daemon/jobs/job_queue.h"
#include "daemon/usage.h"
#include "daemon/views.h"
#include "jobs/scheduler.h"
#include "jobs/store.h"
#include "log/record.h"
#include "supervise/event.h"

namespace pinion::daemon {

// What the host asks of the daemon around it.
struct JobServices {
    std::function<void(const WorkerId&, supervise::Unwanted)> unwanted;
    std::function<void(const WorkerId&, std::string_view line)> log_line;  // of its output, as if it had come by a pipe
    std::function<void(const WorkerId&)> read_output;                      // what it has written until now
    std::function<std::optional<std::uint64_t>(const WorkerId&)> memory;   // bytes that its tree uses
    std::function<std::optional<Duration>(const WorkerId&)> cpu_time;      // since its beginning
    // Of the processes that it has started and not waited for.
    std::function<std::optional<TreeUsage>(const WorkerId&)> usage_below;
    std::function<void(log::Record)> record;
    std::function<Result<std::unique_ptr<jobs::Store>>()> open_store;  // when the first job pool is declared
    std::string runner;                                                // the program that runs `exec` jobs
};

namespace host {

// What is held about an attempt that ended, until its end is on record.
struct Evidence {
    std::string result;
    std::string error;   // JSON {"type","message"}
    std::string detail;  // JSON for the record of the attempt
    std::vector<jobs::NewJob> pushes;
    std::string line;     // for the log, of an answer that nobody waits for
    bool shared = false;  // a death may end several attempts
};

// As the scheduler knows it.
struct Pool {
    JobPoolId id;
    SpecPtr spec;
    jobs::JobPoolPtr policy;
    bool declared = true;
    JobMeter meter;
    std::uint64_t strays = 0;  // lines and frames of its workers that were no answers, nor taken for any
    Duration cpu_of_ended{};   // CPU time of workers that are gone
    std::string mode_by;  // who paused, drained or resumed its queue, and when; empty and 0 where that is not known
    WallTime mode_at{};
};

}  // namespace host

}  // namespace pinion::daemon
