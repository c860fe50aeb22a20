// SPDX-License-Identifier: Apache-2.0
// Who listens to which jobs and maps, and is told what becomes of them: each once, however often it asked. Listeners
// may add and remove themselves and others while they are told, but none may go then.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/jobs/job_queue.h"

namespace pinion::daemon {

class JobListeners {
public:
    void add(MapId map, JobListener& listener) { by_map_.emplace(map.value, &listener); }
    void add(JobId job, JobListener& listener) { by_job_.emplace(job.value, &listener); }
    void remove(JobListener& listener);
    void remove(JobId job, JobListener& listener);

    // Those of the job and of its map; nothing more comes of the job.
    void tell_end(const JobEnd& end);
    void tell_progress(const JobProgress& progress) const;
    void tell_settled(const jobs::MapSettled& settled) const;
    void tell_left(MapId map) const;
    // Those of jobs and maps on disk, who would wait for ever.
    void tell_stopped(const std::string& why) const;

private:
    [[nodiscard]] std::vector<JobListener*> of(MapId map) const;

    std::multimap<std::uint64_t, JobListener*> by_map_;  // 0 is none
    std::multimap<std::uint64_t, JobListener*> by_job_;
    std::vector<JobListener*> told_;  // kept for its memory
};

}  // namespace pinion::daemon
