// SPDX-License-Identifier: Apache-2.0
// One job's process from its start until nothing of it is left: feeds its input, collects its output, and ends what it
// leaves behind.
#pragma once

#include <sys/resource.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "daemon/exec_runner/oom_watch.h"
#include "daemon/exec_runner/signals.h"
#include "daemon/exec_runner/verdict.h"

namespace pinion::exec_runner {

struct ProcessPlan {
    std::string file;  // the program
    std::vector<std::string> argv;
    std::vector<std::string> env;
    std::string_view input;  // for its standard input; empty: that is ours, /dev/null
    std::size_t max_output = 0;
};

// Children that can't be killed: those that became another user's, or hang in the kernel. Left to end by themselves.
using BeyondReach = std::vector<pid_t>;

class JobProcess {
public:
    JobProcess(const Signals& signals, OomWatch& oom, BeyondReach& beyond_reach)
        : signals_(signals), oom_(oom), beyond_reach_(beyond_reach) {}

    // Runs it to its end. A SIGTERM that comes to us meanwhile goes to it, too.
    [[nodiscard]] Ending run(const ProcessPlan& plan);

private:
    // An errno, 0 on success.
    int start(const ProcessPlan& plan);
    int open_input(std::string_view input, UniqueFd& child_end);
    void follow(std::string_view input, std::size_t max_output);
    void write_input(std::string_view input);
    // Reads once; false where there is nothing more, or, past the end of the process, nothing now.
    bool read_output(std::size_t max_output);
    // Takes the children that have ended, ours among them; whether any is left.
    bool reap();
    void end_leftovers();

    const Signals& signals_;
    OomWatch& oom_;
    BeyondReach& beyond_reach_;
    pid_t pid_ = -1;
    bool ended_ = false;
    bool passed_on_ = false;  // SIGTERM
    int status_ = 0;          // as wait tells it
    rusage usage_{};          // of it and the children that it waited for
    std::size_t fed_ = 0;     // bytes of the input
    UniqueFd input_, output_;
    Ending ending_;
};

}  // namespace pinion::exec_runner
