// SPDX-License-Identifier: Apache-2.0
// What a store of jobs answers, and what it tells of itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "jobs/outcome.h"
#include "jobs/store_request.h"
#include "model/job_ids.h"

namespace pinion::jobs {

struct PlacedJob {
    JobId id;
    bool existing = false;   // it was known by its key or index; it may be at its end
    bool cancelled = false;  // its map was, before
    bool fail_fast = false;  // its map is
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
// In place of Finished: of a job in memory that pushes to a disk that has stopped. Nothing of its end is there; it
// comes back without its pushes, to be told anew as a failure.
struct PushesRefused {
    NoteFinish finish;
    JobPoolId to;  // the first of them that is on disk
};
struct StoredMap {
    MapId map;
    bool existing = false;
    bool sealed = false;
    bool fail_fast = false;
    std::uint64_t items = 0;  // that are kept
    std::uint64_t given = 0;  // that a sealed one was given, those that are kept no longer too
};
struct MapCancelled {
    std::uint64_t token = 0;
};
struct ModeStored {
    std::uint64_t token = 0;
};
struct MapSealStored {
    MapId map;
};
struct Flushed {
    JobPoolId pool;
    std::uint64_t number = 0;
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
    std::string result;                // ListJobs leaves it out, and the next
    std::string map_name;              // empty where the map has none
};
struct LookedUp {
    std::uint64_t token = 0;
    Result<std::optional<StoredJob>> job;
};
struct Listed {
    std::uint64_t token = 0;
    Result<std::vector<StoredJob>> jobs;
    // Not 0: no job after this one was looked at, and the next request goes on there. An answer may be empty then.
    JobId seen{};
};
struct ItemsRead {
    std::uint64_t token = 0;
    Result<std::vector<StoredJob>> items;  // with results, by index
};
struct MapFound {
    std::uint64_t token = 0;
    Result<MapId> map;  // 0: there is none
};
struct MapLookedUp {
    std::uint64_t token = 0;
    Result<std::optional<StoredMap>> map;
};
struct StoreHealth {
    enum class State : std::uint8_t { open, full, stopped };
    State state = State::open;
    std::string reason;  // a sentence where it is not open
    int code = 0;        // an errno for what it is about: ENOSPC, EROFS, EUCLEAN (damaged), EMEDIUMTYPE (not ours), …
};
using StoreAnswer =
    std::variant<Enqueued, Claimed, Finished, PushesRefused, Flushed, MapStored, MapCancelled, ModeStored,
                 MapSealStored, Fetched, LookedUp, Listed, ItemsRead, MapFound, MapLookedUp, StoreHealth>;

}  // namespace pinion::jobs
