// SPDX-License-Identifier: Apache-2.0
// What is asked of a store of jobs: writes, and reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "jobs/job_event.h"
#include "jobs/outcome.h"
#include "model/job_ids.h"
#include "model/job_limits.h"
#include "model/job_policy.h"

namespace pinion::jobs {

struct NewJob {
    JobPoolId pool;
    MapId map;
    std::string payload;
    std::string key;          // of an idempotent submit; empty: none
    std::uint64_t index = 0;  // in its map
    std::uint8_t priority = limits::default_priority;
    WallTime not_before{};
    JobId retry_of;
};

// How an attempt ended, as it is kept. `detail` is JSON of the shell's making: the error, the death, the last lines.
struct AttemptRow {
    std::uint32_t number = 0;  // 0: the job was cancelled before any
    Outcome outcome = Outcome::done;
    std::uint32_t slot = 0;
    WallTime started{};
    WallTime ended{};
    std::string detail;
    bool operator==(const AttemptRow&) const = default;
};

// Writes. All or none of the jobs of one Enqueue are queued. A key, or an item of a named map, that is known already
// gives the job it has. Tokens are the caller's, below 2^63.
struct Enqueue {
    std::uint64_t token = 0;
    std::vector<NewJob> jobs;
};
struct NoteClaim {
    JobId job;
    JobPoolId pool;
    std::uint32_t number = 1;            // of the attempt
    std::optional<std::uint64_t> token;  // set: answered by Claimed
};
struct VoidClaim {
    JobId job;
};
struct NoteRetry {
    JobId job;
    AttemptRow attempt;
    WallTime due{};
};
struct NoteFinish {  // answered by Finished, or PushesRefused
    JobId job;
    JobPoolId pool;
    JobState state = JobState::done;
    AttemptRow attempt;
    std::string result;
    std::vector<NewJob> pushes;
    MapId cancels{};  // the map that its failure cancels; 0: none
};
struct OpenMap {  // answered by MapStored. With a name: the map of that name and pool, if there is one.
    std::uint64_t token = 0;
    JobPoolId pool;
    std::string name;
    bool fail_fast = false;
};
// What the name of a map of a pool's own `inputs` begins with. Sealed, it is remembered for good, after its items are
// forgotten too: they are done once, not once a retention.
inline constexpr std::string_view inputs_map_prefix = "inputs-";
struct SealMap {
    MapId map;
    MapSeal seal{};
    bool answer = false;  // by MapSealStored, once it survives the loss of power
};
// All of it has ended. Nobody can ask for it any more, if it has no name.
struct DropMap {
    MapId map;
};
// From now on the map is a cancelled one: jobs that are added to it are placed as such. Answered by MapCancelled.
struct CancelMap {
    std::uint64_t token = 0;
    MapId map;
    JobPoolId pool;
};
struct SetMode {
    std::optional<std::uint64_t> token;  // set: answered by ModeStored
    JobPoolId pool;
    QueueMode mode = QueueMode::running;
    std::string by{};  // who wants it so
    WallTime at{};     // since when
};
// Answered by Flushed, with the same number, once all that was posted before is written. A store that has stopped
// answers nothing.
struct Flush {
    JobPoolId pool;
    std::uint64_t number = 0;
};
// Forgets what finished longer ago than its pool's retention, in slices, when there is nothing else to do.
struct Expire {
    WallTime now{};
};
using WriteRequest = std::variant<Enqueue, NoteClaim, VoidClaim, NoteRetry, NoteFinish, OpenMap, SealMap, DropMap,
                                  CancelMap, SetMode, Flush, Expire>;

// Reads.
struct FetchPayload {
    std::uint64_t token = 0;
    JobId job;
};
struct LookUpJob {
    std::uint64_t token = 0;
    JobId job;
};
struct ListJobs {  // by id
    std::uint64_t token = 0;
    std::optional<JobPoolId> pool;
    std::optional<MapId> map;
    std::optional<JobState> state;  // queued stands for all that are not at their end
    JobId after;
    std::uint32_t limit = 1000;
};
struct ReadItems {  // of a named map, from an index on, those at their end only as far as there is no gap
    std::uint64_t token = 0;
    MapId map;
    std::uint64_t from = 0;
    std::uint32_t limit = 1000;
};
// The map of that name and pool, if there is one: answered though the disk takes nothing.
struct FindMap {
    std::uint64_t token = 0;
    JobPoolId pool;
    std::string name;
};
// A map as it stands there: what is on its way, its seal too, is not seen.
struct LookUpMap {
    std::uint64_t token = 0;
    MapId map;
};
using ReadRequest = std::variant<FetchPayload, LookUpJob, ListJobs, ReadItems, FindMap, LookUpMap>;

}  // namespace pinion::jobs
