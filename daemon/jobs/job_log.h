// SPDX-License-Identifier: Apache-2.0
// What jobs' attempts wrote, for `pinionctl jobs log`: the tail of each attempt, of the jobs that wrote last. In
// memory, and bounded however many jobs, attempts and lines there are.
#pragma once

#include <cstdint>
#include <list>
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
    // What is kept, each bound by itself. Past one the oldest line of the attempt goes, the job's oldest attempt, or
    // the job that has been silent for longest.
    struct Bounds {
        std::size_t lines = 50;     // of an attempt
        std::size_t attempts = 10;  // of a job
        std::size_t jobs = 1024;
        std::size_t bytes = 8 << 20;  // of all, what each line costs beside its text included
    };
    JobLogs() = default;
    explicit JobLogs(Bounds bounds) : bounds_(bounds) {}

    void add(JobId job, JobLogLine line);
    // Of all its attempts, in the order in which they wrote.
    [[nodiscard]] std::vector<JobLogLine> lines(JobId job) const;
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    using Tail = std::vector<JobLogLine>;  // of one attempt; never empty. Few: most have one line, all at most 50
    struct Log {
        JobId job;
        std::vector<Tail> attempts;  // as they began to write
    };
    Log& log_of(JobId job);
    void drop_line(Tail& tail);
    void drop_attempt(Log& log);
    void drop_job();

    Bounds bounds_;
    std::list<Log> logs_;  // who wrote last comes last
    std::unordered_map<std::uint64_t, std::list<Log>::iterator> by_job_;
    std::size_t bytes_ = 0;
};

}  // namespace pinion::daemon
