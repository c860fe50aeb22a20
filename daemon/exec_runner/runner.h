// SPDX-License-Identifier: Apache-2.0
// The worker of a pool of `protocol: exec`: takes jobs from the daemon's socket one after another and runs a process
// for each. It ends when the daemon closes its side, or after SIGTERM with the job that is running.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/fd.h"
#include "daemon/exec_runner/command.h"
#include "daemon/exec_runner/job_process.h"
#include "daemon/exec_runner/oom_watch.h"
#include "daemon/exec_runner/signals.h"
#include "wire/frames.h"
#include "wire/limits.h"

namespace pinion::exec_runner {

struct RunnerOptions {
    PayloadKind payload = PayloadKind::json;
    std::vector<std::string> command;
};

class Runner {
public:
    Runner(UniqueFd socket, RunnerOptions options, const char* const* environment);

    // Until there is nothing more to do; an error where the daemon is not understood or can't be spoken to.
    [[nodiscard]] Result<void> run();

private:
    // Takes what has come; waits for a job if none is there. Whether there is one.
    [[nodiscard]] Result<bool> next_job();
    [[nodiscard]] Result<void> read_frames();
    [[nodiscard]] Result<void> take(const wire::FrameHeader& header, std::string_view payload);
    // The frame that answers; empty where the job is better left to another worker.
    [[nodiscard]] std::string execute(const Job& job);
    // The file of a program; an errno where there is none.
    [[nodiscard]] std::expected<std::string, int> look_up(const std::string& program);
    [[nodiscard]] Result<void> send(std::string_view frame);

    Signals signals_;
    UniqueFd socket_;
    PayloadKind payload_;
    Command command_;
    std::vector<std::string> environment_;
    std::string program_, file_;  // what was executed last, and where it was found
    OomWatch oom_;
    BeyondReach beyond_reach_;
    wire::FrameReader frames_{wire::limits::max_answer_bytes};
    std::deque<Job> jobs_;
    bool at_end_ = false;
};

}  // namespace pinion::exec_runner
