// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_log.h"

#include <algorithm>
#include <utility>

namespace pinion::daemon {
namespace {

std::size_t cost(const JobLogLine& line) noexcept { return sizeof line + line.text.size(); }

}  // namespace

void JobLogs::add(JobId job, JobLogLine line) {
    Log& log = log_of(job);
    auto tail = std::ranges::find_if(log.attempts, [&](const Tail& t) { return t.front().attempt == line.attempt; });
    if (tail == log.attempts.end()) {
        if (log.attempts.size() == bounds_.attempts) drop_attempt(log);
        tail = log.attempts.emplace(log.attempts.end());
    }
    bytes_ += cost(line);
    tail->push_back(std::move(line));
    if (tail->size() > bounds_.lines) drop_line(*tail);
    while (logs_.size() > bounds_.jobs || (bytes_ > bounds_.bytes && logs_.size() > 1)) drop_job();
}

// The log of a job that writes now.
JobLogs::Log& JobLogs::log_of(JobId job) {
    const auto found = by_job_.find(job.value);
    if (found == by_job_.end()) {
        by_job_[job.value] = logs_.insert(logs_.end(), Log{job, {}});
    } else {
        logs_.splice(logs_.end(), logs_, found->second);
    }
    return logs_.back();
}

void JobLogs::drop_line(Tail& tail) {
    bytes_ -= cost(tail.front());
    tail.erase(tail.begin());
}

void JobLogs::drop_attempt(Log& log) {
    for (const JobLogLine& line : log.attempts.front()) bytes_ -= cost(line);
    log.attempts.erase(log.attempts.begin());
}

void JobLogs::drop_job() {
    while (!logs_.front().attempts.empty()) drop_attempt(logs_.front());
    by_job_.erase(logs_.front().job.value);
    logs_.pop_front();
}

std::vector<JobLogLine> JobLogs::lines(JobId job) const {
    const auto found = by_job_.find(job.value);
    std::vector<JobLogLine> all;
    if (found == by_job_.end()) return all;
    for (const Tail& tail : found->second->attempts) all.insert(all.end(), tail.begin(), tail.end());
    return all;
}

}  // namespace pinion::daemon
