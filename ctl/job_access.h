// SPDX-License-Identifier: Apache-2.0
// The daemon's job socket as commands use it: a connection, its failures as exit codes, and inputs and results as a
// pool's payload wants them.
#pragma once

#include <pinion/job_client.h>

#include <deque>
#include <string>
#include <string_view>

#include "ctl/context.h"
#include "ctl/exit_code.h"

namespace pinion::ctl {

// Connects to jobs.sock in the runtime folder. Throws JobFailure.
// Waits for piniond's first word for `timeout`, or for so long as one that lives may need.
[[nodiscard]] JobClient connect_to_jobs(const Context& context, std::optional<Duration> timeout);
// The failure as people and scripts get it.
[[nodiscard]] Failure to_failure(const JobFailure& failure);

// What a person typed, for a pool: itself where the payload is raw or it is valid JSON, else a JSON string of it.
[[nodiscard]] std::string to_input(std::string_view text, bool raw_pool);
// A result as a line: `plain` takes the quotes off a JSON string.
[[nodiscard]] std::string to_line(std::string_view result, bool plain);
// {"index"?,"id","state","result"|"error","attempts"}
[[nodiscard]] std::string result_json(const JobResult& result, bool with_index, bool raw_pool);
// "job 12 failed: error: no such file".
[[nodiscard]] std::string failure_text(const JobResult& result);

// Inputs, one a line, from a file that is read as far as they are wanted.
class InputLines {
public:
    explicit InputLines(int fd) : fd_(fd) {}
    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
    [[nodiscard]] bool ended() const noexcept { return ended_ && lines_.empty(); }
    [[nodiscard]] bool wants_more() const noexcept { return !ended_ && lines_.empty(); }
    [[nodiscard]] std::string take();
    // Reads once; blocks where nothing is there.
    [[nodiscard]] Answer<void> read_some();

private:
    int fd_;
    std::string rest_;  // a line that has not ended yet
    std::deque<std::string> lines_;
    bool ended_ = false;
};

// Runs what talks to the socket; what it throws becomes the exit code.
template <class Body>
Exit with_jobs(const Context& context, Body&& body, std::optional<Duration> timeout = std::nullopt) {
    try {
        JobClient client = connect_to_jobs(context, timeout);
        return body(client);
    } catch (const JobFailure& failure) {
        return report(context, to_failure(failure));
    }
}

}  // namespace pinion::ctl
