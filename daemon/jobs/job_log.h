// SPDX-License-Identifier: Apache-2.0
// What jobs' attempts wrote, for `pinionctl jobs log`: the tail of each, of the jobs that wrote last.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "model/job_ids.h"

namespace pinion::daemon {

// One line of what a worker wrote while it executed an attempt.
struct JobLogLine {
    std::uint32_t attempt = 0;
    WallTime at{};
    std::string text;  // printable
};

class JobLogs {
public:
    void add(JobId job, JobLogLine line);
    [[nodiscard]] std::vector<JobLogLine> lines(JobId job) const;

    static constexpr std::size_t max_jobs = 1024;
    static constexpr std::size_t max_lines = 50;  // of one job

private:
    std::unordered_map<std::uint64_t, std::deque<JobLogLine>> lines_;
    std::deque<JobId> order_;  // as they began to write
};

}  // namespace pinion::daemon
