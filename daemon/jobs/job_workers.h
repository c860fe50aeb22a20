// SPDX-License-Identifier: Apache-2.0
// What the processes behind job pools need beyond those of service pools: descriptors to be spoken to through, and
// somebody who is told of their lives. `Workers` calls it; the host of the queues is it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "supervise/event.h"

namespace pinion::daemon {

class JobWorkers {
public:
    virtual ~JobWorkers() = default;

    // What a worker is born with; the descriptors stay ours. -1: as any worker's.
    struct Birth {
        int stdin_fd = -1;
        int stdout_fd = -1;
        bool job_socket = false;          // stdin_fd is one
        std::vector<std::string> runner;  // stands before the command
    };
    [[nodiscard]] virtual Result<Birth> prepare(const WorkerId& worker, const supervise::SpecPtr& spec) = 0;
    // The child runs, or never will.
    [[nodiscard]] virtual Result<void> born(const WorkerId& worker, const std::string& cpus) = 0;
    virtual void not_born(const WorkerId& worker) = 0;
    // It takes jobs from here on.
    virtual void ready(const WorkerId& worker) = 0;
    // It was told to end: it is sent no more jobs, and may answer those it has.
    virtual void leaving(const WorkerId& worker) = 0;
    // Its main process has ended; what it has written is to be read. Called before its last lines are taken.
    virtual void drain(const WorkerId& worker) = 0;
    virtual void died(const WorkerId& worker, const Death& death) = 0;
    // Nothing of its tree is left.
    virtual void gone(const WorkerId& worker) = 0;
    // What those that are gone had goes to others now, not at the end of the turn: a start takes long.
    virtual void pass_on() = 0;
    // A line of its output, printable.
    virtual void wrote(const WorkerId& worker, std::string_view line) = 0;
};

}  // namespace pinion::daemon
