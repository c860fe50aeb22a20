// SPDX-License-Identifier: Apache-2.0
// Who waits to hear of a cancel, of the end of a map's items, or of a queue's pause. All are answered when they can't
// be lost any more: the cancel of a job with the job's end, whatever that is, what is said of a map or of a queue when
// the store has written it down. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/jobs/job_queue.h"

namespace pinion::daemon {

class JobCancels {
public:
    using JobDone = JobQueue::Done<jobs::JobState>;
    using MapDone = JobQueue::Done<bool>;
    using SealDone = JobQueue::Done<void>;
    using ModeDone = JobQueue::Done<void>;

    void add(JobId job, JobDone done) { jobs_[job].push_back(std::move(done)); }
    // Until the scheduler has said whether there is something to be kept.
    void add(MapId map, MapDone done) { maps_[map].push_back(std::move(done)); }

    // The job is at its end, and that is written.
    void ended(JobId job, jobs::JobState state);
    // The cancel of the map is on its way to the store, under this number; and is there.
    void posted(MapId map, std::uint64_t token);
    void written(std::uint64_t token);
    // Until the map's seal is written.
    void add_seal(MapId map, SealDone done) { seals_[map].push_back(std::move(done)); }
    [[nodiscard]] bool waits_for_seal(MapId map) const { return seals_.contains(map); }
    void sealed(MapId map);
    // Until the mode of a queue is written, under this number; `what` was asked for: "pause the queue of 'thumbs'".
    struct Mode {
        std::string what;
        bool on_disk = false;  // it is the disk's word that is waited for
        ModeDone done;
    };
    void add_mode(std::uint64_t token, Mode mode) { modes_.emplace(token, std::move(mode)); }
    void mode_written(std::uint64_t token);
    // Those who are to hear something else.
    [[nodiscard]] std::vector<JobDone> take(JobId job);
    [[nodiscard]] std::vector<MapDone> take(MapId map);
    // The disk takes nothing for now, or no more: all that wait for it are told so.
    void refuse_on_disk(const std::string& why);

private:
    struct Written {
        MapId map;
        std::vector<MapDone> waiting;
    };
    void refuse_seals(const std::string& why);
    void refuse_modes(const std::string& why);

    std::unordered_map<JobId, std::vector<JobDone>> jobs_;
    std::unordered_map<MapId, std::vector<MapDone>> maps_;
    std::unordered_map<std::uint64_t, Written> written_;  // by token
    std::unordered_map<MapId, std::vector<SealDone>> seals_;
    std::map<std::uint64_t, Mode> modes_;  // by token, and so in their order
};

// "cancel job 17: …".
[[nodiscard]] Refusal cancel_refusal(JobId job, const std::string& why);

}  // namespace pinion::daemon
