// SPDX-License-Identifier: Apache-2.0
// What is executed for a job: the command with the job's input in it, and the environment. Pure but for the look into
// the folders of PATH.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/job_policy.h"

namespace pinion::exec_runner {

// A job as it came from the daemon.
struct Job {
    std::uint64_t attempt_id = 0;  // on the wire
    std::uint64_t job = 0;         // as people see it
    std::uint32_t attempt = 1;
    std::optional<WallTime> deadline;
    std::string input;  // JSON text, or raw
};

class Command {
public:
    // `argv` has `${input}` and `$$` in it, and nothing else to be replaced; it is not empty.
    Command(std::vector<std::string> argv, PayloadKind payload);

    // Whether the input stands in the arguments; then there is none on standard input.
    [[nodiscard]] bool takes_input() const noexcept { return takes_input_; }
    // The arguments for an input: of a JSON string its text, of other JSON the document as it stands, raw bytes as they
    // are. Fails where that has a NUL, which no argument can hold, or is malformed.
    [[nodiscard]] Result<std::vector<std::string>> arguments(std::string_view input) const;

private:
    std::vector<std::string> argv_;
    PayloadKind payload_;
    bool takes_input_ = false;
};

// `base` (NAME=value, each) without the variables that a job has of its own, and without PINION_FD.
[[nodiscard]] std::vector<std::string> inherited_environment(const char* const* base);
// The variables of a job: PINION_JOB, PINION_ATTEMPT and, where there is a timeout, PINION_DEADLINE: Unix time in whole
// seconds, rounded down, so that whoever keeps to it is in time.
[[nodiscard]] std::vector<std::string> job_environment(const Job& job);

// The file that `name` stands for: itself where it has a slash, else the first executable of that name in the folders
// of `path`, as PATH lists them. An errno where there is none: EACCES if one was there but may not be executed.
[[nodiscard]] std::expected<std::string, int> find_program(const std::string& name, std::string_view path);

// The value of PATH among `environment`; where it is not set, what the C library would take.
[[nodiscard]] std::string_view search_path(const std::vector<std::string>& environment);

}  // namespace pinion::exec_runner
