// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_log.h"

#include <utility>

namespace pinion::daemon {

void JobLogs::add(JobId job, JobLogLine line) {
    auto& lines = lines_[job.value];
    if (lines.empty()) {
        order_.push_back(job);
        if (order_.size() > max_jobs) {
            lines_.erase(order_.front().value);
            order_.pop_front();
        }
    }
    lines.push_back(std::move(line));
    if (lines.size() > max_lines) lines.pop_front();
}

std::vector<JobLogLine> JobLogs::lines(JobId job) const {
    const auto found = lines_.find(job.value);
    if (found == lines_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

}  // namespace pinion::daemon
