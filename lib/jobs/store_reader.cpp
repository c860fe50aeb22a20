// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_reader.h"

#include <limits>

#include "jobs/store_writer.h"

namespace pinion::jobs {
namespace {

// What every query about jobs selects, in the order in which read_job takes it.
#define PINION_JOB_COLUMNS                                                                                            \
    "SELECT i.id, p.name, i.map, i.item, i.priority, i.queued, i.retry_of, i.key, l.due, l.attempts, f.state, "       \
    "f.ended, "                                                                                                       \
    "f.number, f.outcome, f.slot, f.started, f.detail, f.file, f.result FROM inputs i JOIN pools p ON p.id = i.pool " \
    "LEFT JOIN live l ON l.id = i.id LEFT JOIN finished f ON f.id = i.id "

StoredJob read_job(const Statement& row) {
    StoredJob job{.id = JobId{row.number(0)},
                  .pool = std::string(row.bytes(1)),
                  .map = MapId{row.number(2)},
                  .index = row.number(3),
                  .priority = static_cast<std::uint8_t>(row.number(4))};
    job.queued = from_micros(row.signed_number(5));
    job.retry_of = JobId{row.number(6)};
    job.key = row.bytes(7);
    job.not_before = from_micros(row.signed_number(8));
    if (row.is_null(10)) return job;
    job.state = static_cast<JobState>(row.number(10));
    job.ended = from_micros(row.signed_number(11));
    if (row.number(12) == 0) return job;
    job.attempts.push_back({.number = static_cast<std::uint32_t>(row.number(12)),
                            .outcome = static_cast<Outcome>(row.number(13)),
                            .slot = static_cast<std::uint32_t>(row.number(14)),
                            .started = from_micros(row.signed_number(15)),
                            .ended = job.ended,
                            .detail = std::string(row.bytes(16))});
    return job;
}

}  // namespace

Result<std::unique_ptr<StoreReader>> StoreReader::open(const std::string& path, const std::string& vfs,
                                                       const Spool& spool) {
    std::unique_ptr<StoreReader> reader(new StoreReader(spool));
    PINION_TRY(database, Database::open(path, Database::Mode::read, vfs));
    reader->database_ = std::move(database);
    const std::pair<Statement*, const char*> all[] = {
        {&reader->payload_, "SELECT file, payload FROM inputs WHERE id = ?1"},
        {&reader->job_, PINION_JOB_COLUMNS "WHERE i.id = ?1"},
        {&reader->map_name_, "SELECT name FROM maps WHERE id = ?1 AND name IS NOT NULL"},
        {&reader->attempts_,
         "SELECT number, outcome, slot, started, ended, detail FROM attempts WHERE job = ?1 ORDER BY number"},
        {&reader->list_,
         PINION_JOB_COLUMNS "WHERE i.id > ?1 AND (?2 IS NULL OR p.name = ?2) AND (?3 IS NULL OR i.map = ?3)"
                            " AND (?4 IS NULL OR coalesce(f.state, 1) = ?4) AND i.id <= ?6 ORDER BY i.id LIMIT ?5"},
        {&reader->page_, "SELECT max(id), count(*) FROM (SELECT id FROM inputs WHERE id > ?1 ORDER BY id LIMIT ?2)"},
        {&reader->items_, PINION_JOB_COLUMNS "JOIN items t ON t.job = i.id WHERE t.map = ?1 AND t.item >= ?2"
                                             " ORDER BY t.item LIMIT ?3"},
        {&reader->map_traits_,
         "SELECT sealed, fail_fast, given, (SELECT count(*) FROM items WHERE map = ?1) FROM maps WHERE id = ?1"},
        {&reader->map_, "SELECT m.id FROM pools p JOIN maps m ON m.pool = p.id WHERE p.name = ?1 AND m.name = ?2"},
    };
    for (const auto& [statement, sql] : all) {
        auto prepared = reader->database_->prepare(sql);
        if (!prepared) return std::unexpected(std::move(prepared).error());
        *statement = std::move(*prepared);
    }
    return reader;
}

StoreAnswer StoreReader::answer(const ReadRequest& request, const std::map<JobPoolId, std::string>& names) {
    struct Answering {
        StoreReader& self;
        const std::map<JobPoolId, std::string>& names;
        StoreAnswer operator()(const FetchPayload& r) { return Fetched{r.token, self.fetch(r.job)}; }
        StoreAnswer operator()(const LookUpJob& r) { return LookedUp{r.token, self.look_up(r.job)}; }
        StoreAnswer operator()(const ListJobs& r) { return self.list(r, names); }
        StoreAnswer operator()(const ReadItems& r) { return ItemsRead{r.token, self.items(r)}; }
        StoreAnswer operator()(const FindMap& r) { return MapFound{r.token, self.find(r, names)}; }
        StoreAnswer operator()(const LookUpMap& r) { return MapLookedUp{r.token, self.look_up(r.map)}; }
    };
    return std::visit(Answering{*this, names}, request);
}

Result<std::string> StoreReader::contents(const Statement& row, int file, int bytes) const {
    if (row.is_null(file)) return std::string(row.bytes(bytes));
    return spool_->read(row.bytes(file));
}

Result<std::string> StoreReader::fetch(JobId job) {
    payload_.bind(1, job.value);
    PINION_TRY(found, payload_.row());
    if (!found) return fail("read input of job " + std::to_string(job.value) + ": there is no such job");
    auto payload = contents(payload_, 0, 1);
    payload_.reset();
    if (!payload) return in_context("read input of job " + std::to_string(job.value), std::move(payload).error());
    return payload;
}

Result<void> StoreReader::add_attempts(StoredJob& job) {
    std::vector<AttemptRow> all;
    attempts_.bind(1, job.id.value);
    for (;;) {
        PINION_TRY(more, attempts_.row());
        if (!more) break;
        all.push_back({.number = static_cast<std::uint32_t>(attempts_.number(0)),
                       .outcome = static_cast<Outcome>(attempts_.number(1)),
                       .slot = static_cast<std::uint32_t>(attempts_.number(2)),
                       .started = from_micros(attempts_.signed_number(3)),
                       .ended = from_micros(attempts_.signed_number(4)),
                       .detail = std::string(attempts_.bytes(5))});
    }
    all.insert(all.end(), job.attempts.begin(), job.attempts.end());
    job.attempts = std::move(all);
    return {};
}

Result<std::optional<StoredJob>> StoreReader::look_up(JobId id) {
    job_.bind(1, id.value);
    PINION_TRY(found, job_.row());
    if (!found) return std::optional<StoredJob>();
    StoredJob job = read_job(job_);
    auto result = contents(job_, 17, 18);
    job_.reset();
    if (!result) return in_context("read result of job " + std::to_string(id.value), std::move(result).error());
    job.result = std::move(*result);
    PINION_CHECK(add_attempts(job));
    map_name_.bind(1, job.map.value);
    PINION_TRY(named, map_name_.row());
    if (named) job.map_name = map_name_.bytes(0);
    map_name_.reset();
    return std::optional(std::move(job));
}

// Where a page of a list ends, however little of it is wanted; nothing where all that is left fits on it.
Result<std::optional<JobId>> StoreReader::end_of_page(JobId after) {
    page_.bind(1, after.value).bind(2, std::uint64_t{limits::list_disk_jobs});
    PINION_TRY(found, page_.row());
    const bool more = found && page_.number(1) == limits::list_disk_jobs;
    const JobId last{found ? page_.number(0) : 0};
    page_.reset();
    return more ? std::optional(last) : std::nullopt;
}

// Dispatches wait behind this for their payloads: it looks at so many jobs, whatever it finds.
Listed StoreReader::list(const ListJobs& request, const std::map<JobPoolId, std::string>& names) {
    std::optional<JobId> end;
    if (request.pool || request.map || request.state) {
        auto found = end_of_page(request.after);
        if (!found) return {request.token, std::unexpected(std::move(found).error()), {}};
        end = *found;
    }
    auto jobs = find(request, end.value_or(JobId{std::numeric_limits<std::int64_t>::max()}), names);
    JobId seen = end.value_or(JobId{});
    if (jobs && !jobs->empty() && jobs->size() == request.limit) seen = jobs->back().id;
    return {request.token, std::move(jobs), seen};
}

Result<std::vector<StoredJob>> StoreReader::find(const ListJobs& request, JobId last,
                                                 const std::map<JobPoolId, std::string>& names) {
    std::string name;
    list_.bind(1, request.after.value).bind(5, std::uint64_t{request.limit}).bind(6, last.value);
    if (request.pool) {
        if (const auto known = names.find(*request.pool); known != names.end()) name = known->second;
        list_.bind_text(2, name);
    } else {
        list_.bind_null(2);
    }
    request.map ? list_.bind(3, request.map->value) : list_.bind_null(3);
    if (request.state)
        list_.bind(4, static_cast<std::uint64_t>(is_final(*request.state) ? *request.state : JobState::queued));
    else
        list_.bind_null(4);
    std::vector<StoredJob> jobs;
    for (;;) {
        PINION_TRY(more, list_.row());
        if (!more) return jobs;
        jobs.push_back(read_job(list_));
    }
}

Result<MapId> StoreReader::find(const FindMap& request, const std::map<JobPoolId, std::string>& names) {
    const auto pool = names.find(request.pool);
    if (pool == names.end()) return MapId{};
    map_.bind_text(1, pool->second).bind_text(2, request.name);
    PINION_TRY(found, map_.row());
    if (!found) return MapId{};
    const MapId map{map_.number(0)};
    map_.reset();
    return map;
}

Result<std::optional<StoredMap>> StoreReader::look_up(MapId id) {
    map_traits_.bind(1, id.value);
    PINION_TRY(found, map_traits_.row());
    if (!found) return std::optional<StoredMap>();
    const StoredMap map{.map = id,
                        .existing = true,
                        .sealed = map_traits_.number(0) != 0,
                        .fail_fast = map_traits_.number(1) != 0,
                        .items = map_traits_.number(3),
                        .given = map_traits_.number(2)};
    map_traits_.reset();
    return std::optional(map);
}

Result<std::vector<StoredJob>> StoreReader::items(const ReadItems& request) {
    items_.bind(1, request.map.value).bind(2, request.from).bind(3, std::uint64_t{request.limit});
    std::vector<StoredJob> jobs;
    for (std::uint64_t next = request.from;; ++next) {
        PINION_TRY(more, items_.row());
        if (!more) break;
        StoredJob job = read_job(items_);
        if (job.index != next || !is_final(job.state)) {
            items_.reset();
            break;
        }
        auto result = contents(items_, 17, 18);
        if (!result) {
            items_.reset();
            return in_context("read result of job " + std::to_string(job.id.value), std::move(result).error());
        }
        job.result = std::move(*result);
        jobs.push_back(std::move(job));
    }
    for (StoredJob& job : jobs) PINION_CHECK(add_attempts(job));
    return jobs;
}

Result<void> StoreReader::recover(const std::map<std::string, JobPoolId>& pools, const RecoveryVisitor& visitor) {
    std::map<std::uint64_t, JobPoolId> numbers;
    PINION_TRY(queues, database_->prepare("SELECT id, name, mode, mode_by, mode_at FROM pools"));
    for (;;) {
        PINION_TRY(more, queues.row());
        if (!more) break;
        const auto known = pools.find(std::string(queues.bytes(1)));
        if (known == pools.end()) continue;
        numbers.emplace(queues.number(0), known->second);
        visitor.queue({.pool = known->second,
                       .mode = static_cast<QueueMode>(queues.number(2)),
                       .by = std::string(queues.bytes(3)),
                       .at = from_micros(queues.signed_number(4))});
    }
    PINION_TRY(maps,
               database_->prepare("SELECT id, pool, name, fail_fast, cancelled, sealed, given, goes_on FROM maps"));
    for (;;) {
        PINION_TRY(more, maps.row());
        if (!more) break;
        const auto pool = numbers.find(maps.number(1));
        if (pool == numbers.end()) continue;
        RecoveredMap map{.pool = pool->second,
                         .map = MapId{maps.number(0)},
                         .name = std::string(maps.bytes(2)),
                         .fail_fast = maps.number(3) != 0,
                         .cancelled = maps.number(4) != 0,
                         .seal = {}};
        if (maps.number(5) != 0) map.seal = MapSeal{.items = maps.number(6), .goes_on = maps.number(7) != 0};
        visitor.map(map);
    }
    PINION_TRY(
        jobs, database_->prepare("SELECT id, pool, map, priority, attempts, claimed, due, size FROM live ORDER BY id"));
    for (;;) {
        PINION_TRY(more, jobs.row());
        if (!more) return {};
        const auto pool = numbers.find(jobs.number(1));
        if (pool == numbers.end()) continue;
        visitor.job({.pool = pool->second,
                     .job = JobId{jobs.number(0)},
                     .map = MapId{jobs.number(2)},
                     .size = static_cast<std::uint32_t>(jobs.number(7)),
                     .attempts = static_cast<std::uint32_t>(jobs.number(4)),
                     .priority = static_cast<std::uint8_t>(jobs.number(3)),
                     .claimed = jobs.number(5) != 0,
                     .not_before = from_micros(jobs.signed_number(6))});
    }
}

}  // namespace pinion::jobs
