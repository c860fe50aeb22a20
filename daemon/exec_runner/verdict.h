// SPDX-License-Identifier: Apache-2.0
// From how a job's process ended to the frame that says so. Pure. Whether an exit code means another attempt is the
// daemon's to judge (jobs::judge_exit): it is told the code.
#pragma once

#include <string>

#include "daemon/exec_runner/command.h"
#include "model/death.h"
#include "model/job_policy.h"

namespace pinion::exec_runner {

struct Ending {
    int start_error = 0;     // errno; then nothing was executed
    bool too_large = false;  // it wrote more than a result may have, and was killed
    Death death;             // without its last lines
    std::string output;      // what it wrote on standard output
};

// The result: standard output without one final newline. In a pool of JSON: as it stands where it is JSON, else as a
// JSON string.
[[nodiscard]] std::string result_of(std::string output, PayloadKind payload);

// The whole frame, result or error, that answers for `job`. `program` is named where it could not be started.
[[nodiscard]] std::string answer_frame(const Job& job, Ending ending, PayloadKind payload, const std::string& program);

// The frame for a job whose input can't be put into the command: permanent.
[[nodiscard]] std::string refusal_frame(const Job& job, const std::string& why);

}  // namespace pinion::exec_runner
