// SPDX-License-Identifier: Apache-2.0
// What is asked of the store in memory: answered from its records, in the same words as from the disk.
#include "jobs/store_memory.h"

namespace pinion::jobs {

StoreAnswer MemoryStore::answer(const ReadRequest& request) {
    struct Answering {
        MemoryStore& self;
        StoreAnswer operator()(const FetchPayload& r) const { return Fetched{r.token, self.fetch(r.job)}; }
        StoreAnswer operator()(const LookUpJob& r) const { return LookedUp{r.token, self.look_up(r.job)}; }
        StoreAnswer operator()(const ListJobs& r) const { return self.list(r); }
        StoreAnswer operator()(const ReadItems& r) const { return ItemsRead{r.token, self.items(r)}; }
        StoreAnswer operator()(const FindMap& r) const { return MapFound{r.token, self.named(r)}; }
        StoreAnswer operator()(const LookUpMap& r) const { return MapLookedUp{r.token, self.look_up(r.map)}; }
    };
    return std::visit(Answering{*this}, request);
}

std::optional<std::string_view> MemoryStore::input_at_hand(JobId id) {
    const MemoryJob* job = jobs_.find(id);
    return job == nullptr ? std::nullopt : std::optional(job->input());
}

Result<std::string> MemoryStore::fetch(JobId id) {
    const MemoryJob* job = jobs_.find(id);
    if (job == nullptr) return fail("read input of job " + std::to_string(id.value) + ": there is no such job");
    return std::string(job->input());
}

// Of the attempts the last only, and no result.
StoredJob MemoryStore::describe(JobId id, const MemoryJob& job) const {
    StoredJob stored{
        .id = id, .map = id_of(job.map), .index = job.index, .priority = job.priority, .queued = job.queued};
    if (const auto pool = pools_.find(job.pool); pool != pools_.end()) stored.pool = pool->second.name;
    const MemoryExtra* extra = jobs_.find_extra(id);
    if (extra == nullptr) return stored;
    stored.key = extra->key;
    stored.retry_of = extra->retry_of;
    stored.not_before = extra->due;
    if (!extra->end) return stored;
    stored.state = extra->end->state;
    stored.ended = extra->end->attempt.ended;
    if (extra->end->attempt.number != 0) stored.attempts.push_back(extra->end->attempt);
    return stored;
}

std::vector<AttemptRow> MemoryStore::attempts(JobId id) const {
    const MemoryExtra* extra = jobs_.find_extra(id);
    if (extra == nullptr) return {};
    auto all = extra->attempts;
    if (extra->end && extra->end->attempt.number != 0) all.push_back(extra->end->attempt);
    return all;
}

std::optional<StoredJob> MemoryStore::look_up(JobId id) {
    const MemoryJob* job = jobs_.find(id);
    if (job == nullptr) return std::nullopt;
    StoredJob stored = describe(id, *job);
    stored.attempts = attempts(id);
    if (const Map* map = find_map(stored.map)) stored.map_name = map->name;
    if (const MemoryExtra* extra = jobs_.find_extra(id); extra != nullptr && extra->end)
        stored.result = extra->end->result;
    return stored;
}

// The deciding thread answers this: it looks at so many jobs, whatever it finds.
Listed MemoryStore::list(const ListJobs& request) {
    std::vector<StoredJob> found;
    std::size_t looked_at = 0;
    JobId last;
    JobId seen;
    jobs_.visit_after(request.after, [&](JobId id, const MemoryJob& job) {
        if (found.size() == request.limit || looked_at++ == limits::list_memory_jobs) {
            seen = last;
            return false;
        }
        last = id;
        if (request.pool && job.pool != own(*request.pool)) return true;
        if (request.map && id_of(job.map) != *request.map) return true;
        const bool wants_end = request.state && is_final(*request.state);
        if (request.state && job.is_live() == wants_end) return true;
        if (wants_end && jobs_.find_extra(id)->end->state != *request.state) return true;
        found.push_back(describe(id, job));
        return true;
    });
    return {request.token, std::move(found), seen};
}

MapId MemoryStore::named(const FindMap& request) {
    const auto found = map_names_.find({own(request.pool), request.name});
    return found == map_names_.end() ? MapId{} : id_of(found->second);
}

StoredMap MemoryStore::describe(MapId id, const Map& map) {
    return {.map = id,
            .existing = true,
            .sealed = map.seal.has_value(),
            .fail_fast = map.fail_fast,
            .items = map.items.size(),
            .given = map.seal ? map.seal->items : 0};
}

std::optional<StoredMap> MemoryStore::look_up(MapId id) {
    const Map* map = find_map(id);
    return map == nullptr ? std::nullopt : std::optional(describe(id, *map));
}

std::vector<StoredJob> MemoryStore::items(const ReadItems& request) {
    std::vector<StoredJob> found;
    const Map* map = find_map(request.map);
    if (map == nullptr) return found;
    auto next = request.from;
    for (auto item = map->items.find(next); item != map->items.end() && item->first == next; ++item, ++next) {
        if (found.size() == request.limit || is_live(item->second.first)) break;
        found.push_back(*look_up(item->second.first));
    }
    return found;
}

Result<void> MemoryStore::recover(std::optional<JobPoolId> only, const RecoveryVisitor& visitor) {
    const auto wanted = [&](JobPoolId pool) { return !only || own(*only) == pool; };
    for (const auto& [id, pool] : pools_)
        if (wanted(id)) visitor.queue({pool.id, pool.mode, pool.by, pool.at});
    std::map<std::uint32_t, const Map*> by_number;
    for (const auto& [number, map] : maps_)
        if (wanted(map.pool)) by_number.emplace(number, &map);
    for (const auto& [number, map] : by_number)
        visitor.map({pools_.at(map->pool).id, id_of(number), map->name, map->fail_fast, map->cancelled, map->seal});
    jobs_.visit_after(JobId{}, [&](JobId id, const MemoryJob& job) {
        if (!job.is_live() || !wanted(job.pool)) return true;
        const MemoryExtra* extra = jobs_.find_extra(id);
        visitor.job({.pool = pools_.at(job.pool).id,
                     .job = id,
                     .map = id_of(job.map),
                     .size = job.size,
                     .attempts = job.attempts,
                     .priority = job.priority,
                     .claimed = job.phase == MemoryJob::Phase::claimed,
                     .not_before = extra == nullptr ? WallTime{} : extra->due});
        return true;
    });
    return {};
}

}  // namespace pinion::jobs
