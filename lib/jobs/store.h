// SPDX-License-Identifier: Apache-2.0
// Where jobs are kept: the interface of the engines (SQLite on disk, memory) and the words it is spoken to in.
//
// The deciding thread posts requests and takes answers; it never waits. An engine does the work in threads of its own
// and makes `answer_fd` readable when there are answers. A write is answered after it is as durable as its pool asks
// for; what was posted earlier is committed no later. Requests without an answer ride along and survive the daemon's
// death, though perhaps not the loss of power, once a later answer has come. What can go wrong: `full` (no room on the
// disk: submits are refused, ends of jobs are kept and tried again) and `stopped` (an fsync failed, the file is damaged
// or read-only: nothing is written any more until the daemon starts anew; what was answered is there). Changes of
// health come as answers, too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
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
struct NoteFinish {  // answered by Finished
    JobId job;
    JobPoolId pool;
    JobState state = JobState::done;
    AttemptRow attempt;
    std::string result;
    std::vector<NewJob> pushes;
};
struct OpenMap {  // answered by MapStored. With a name: the map of that name and pool, if there is one.
    std::uint64_t token = 0;
    JobPoolId pool;
    std::string name;
    bool fail_fast = false;
    bool only_existing = false;  // makes none: the answer's map is 0 where there is none of that name
};
struct SealMap {
    MapId map;
};
struct SetMode {
    JobPoolId pool;
    QueueMode mode = QueueMode::running;
};
// Forgets what finished longer ago than its pool's retention, in slices, when there is nothing else to do.
struct Expire {
    WallTime now{};
};
using WriteRequest =
    std::variant<Enqueue, NoteClaim, VoidClaim, NoteRetry, NoteFinish, OpenMap, SealMap, SetMode, Expire>;

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
using ReadRequest = std::variant<FetchPayload, LookUpJob, ListJobs, ReadItems>;

// Answers.
struct PlacedJob {
    JobId id;
    bool existing = false;  // it was known by its key or index; it may be at its end
    JobPoolId pool;
    MapId map;
    std::uint8_t priority = 0;
    std::uint32_t size = 0;
    WallTime not_before{};
};
struct Enqueued {
    std::uint64_t token = 0;
    Result<std::vector<PlacedJob>> jobs;  // in the order of the request
};
struct Claimed {
    std::uint64_t token = 0;
};
struct Finished {
    JobId job;
    std::vector<PlacedJob> pushed;
};
struct StoredMap {
    MapId map;
    bool existing = false;
    bool sealed = false;
    bool fail_fast = false;
    std::uint64_t items = 0;
};
struct MapStored {
    std::uint64_t token = 0;
    Result<StoredMap> map;
};
struct Fetched {
    std::uint64_t token = 0;
    Result<std::string> payload;
};
// A job as it is kept; `state` is queued for all that are not at their end.
struct StoredJob {
    JobId id;
    std::string pool;
    MapId map;
    std::uint64_t index = 0;
    std::uint8_t priority = 0;
    JobState state = JobState::queued;
    WallTime queued{};
    WallTime not_before{};
    WallTime ended{};
    JobId retry_of;
    std::string key;
    std::vector<AttemptRow> attempts;  // ListJobs gives the last only
    std::string result;                // ListJobs leaves it out
};
struct LookedUp {
    std::uint64_t token = 0;
    Result<std::optional<StoredJob>> job;
};
struct Listed {
    std::uint64_t token = 0;
    Result<std::vector<StoredJob>> jobs;
};
struct ItemsRead {
    std::uint64_t token = 0;
    Result<std::vector<StoredJob>> items;  // with results, by index
};
struct StoreHealth {
    enum class State : std::uint8_t { open, full, stopped };
    State state = State::open;
    std::string reason;  // a sentence where it is not open
};
using StoreAnswer =
    std::variant<Enqueued, Claimed, Finished, MapStored, Fetched, LookedUp, Listed, ItemsRead, StoreHealth>;

// What is found at start.
struct RecoveredJob {
    JobPoolId pool;
    JobId job;
    MapId map;
    std::uint32_t size = 0;
    std::uint32_t attempts = 0;
    std::uint8_t priority = 0;
    bool claimed = false;  // it was executing, or about to, when the daemon died
    WallTime not_before{};
};
struct RecoveredMap {
    JobPoolId pool;
    MapId map;
    std::string name;
    bool fail_fast = false;
    bool sealed = false;
};
struct RecoveredQueue {
    JobPoolId pool;
    QueueMode mode = QueueMode::running;
};
// Called in the order: queues, maps, jobs by id.
struct RecoveryVisitor {
    std::function<void(const RecoveredQueue&)> queue;
    std::function<void(const RecoveredMap&)> map;
    std::function<void(const RecoveredJob&)> job;
};

class Store {
public:
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    // Waits for what was posted, as far as it can still be written.
    virtual ~Store() = default;

    // Makes a pool known, or gives it another policy; before anything else about it.
    virtual void declare_pool(JobPoolId pool, const std::string& name, const QueuePolicy& policy) = 0;
    // Everything that waits, of the pools that are declared, or of one. Blocks; once at start, or when a pool comes
    // back.
    [[nodiscard]] virtual Result<void> recover(std::optional<JobPoolId> only, const RecoveryVisitor& visitor) = 0;

    virtual void post(WriteRequest request) = 0;
    virtual void post(ReadRequest request) = 0;
    // Whether more should be posted; if not, stop reading from clients. Ends of jobs are always taken.
    [[nodiscard]] virtual bool has_room() const = 0;
    [[nodiscard]] virtual std::vector<StoreAnswer> take_answers() = 0;
    [[nodiscard]] virtual int answer_fd() const = 0;
    [[nodiscard]] virtual StoreHealth health() const = 0;
};

}  // namespace pinion::jobs
