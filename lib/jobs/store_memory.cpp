// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_memory.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "jobs/store_writer.h"

namespace pinion::jobs {
namespace {

// What a finished job takes beside its bytes: its record, what lies beside it, its place in the order of ends.
constexpr std::size_t finished_overhead = sizeof(MemoryJob) + sizeof(MemoryExtra) + 128;

}  // namespace

Result<std::unique_ptr<MemoryStore>> MemoryStore::open(const MemoryStoreOptions& options) {
    UniqueFd ready(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!ready) return fail_last("make an eventfd for the store in memory");
    return std::unique_ptr<MemoryStore>(new MemoryStore(options, std::move(ready)));
}

MemoryStore::MemoryStore(const MemoryStoreOptions& options, UniqueFd ready)
    : ready_(std::move(ready)),
      jobs_(JobId{first_memory_id + static_cast<std::uint64_t>(std::max<std::int64_t>(0, to_micros(options.started)))}),
      first_map_(first_memory_id + static_cast<std::uint64_t>(std::max<std::int64_t>(0, to_micros(options.started)))),
      max_finished_bytes_(options.finished_bytes) {}

void MemoryStore::declare_pool(JobPoolId pool, const std::string& name, const QueuePolicy& policy) {
    const auto same = std::ranges::find(pools_, name, [](const auto& entry) { return entry.second.name; });
    const JobPoolId first = same == pools_.end() ? pool : same->first;
    numbers_[pool] = first;
    Pool& known = pools_[first];
    known.id = pool;
    known.name = name;
    known.retention = policy.retention;
}

void MemoryStore::answer_with(StoreAnswer answer) {
    if (answers_.empty()) (void)::eventfd_write(ready_.fd(), 1);
    answers_.push_back(std::move(answer));
}

std::vector<StoreAnswer> MemoryStore::take_answers() {
    eventfd_t count = 0;
    (void)::eventfd_read(ready_.fd(), &count);
    expire_slice();
    return std::exchange(answers_, {});
}

void MemoryStore::post(WriteRequest request) {
    std::visit([this](auto& r) { on(std::move(r)); }, request);
}

void MemoryStore::post(ReadRequest request) { answer_with(answer(request)); }

MapId MemoryStore::id_of(std::uint32_t map) const noexcept { return MapId{map == 0 ? 0 : first_map_ + map}; }

MemoryStore::Map* MemoryStore::find_map(MapId map) noexcept {
    if (map.value <= first_map_ || map.value > first_map_ + last_map_) return nullptr;
    const auto found = maps_.find(static_cast<std::uint32_t>(map.value - first_map_));
    return found == maps_.end() ? nullptr : &found->second;
}

JobPoolId MemoryStore::own(JobPoolId pool) const noexcept {
    const auto known = numbers_.find(pool);
    return known == numbers_.end() ? pool : known->second;
}

bool MemoryStore::is_live(JobId job) {
    const MemoryJob* found = jobs_.find(job);
    return found != nullptr && found->is_live();
}

std::optional<JobId> MemoryStore::known(const NewJob& job) {
    const Map* map = find_map(job.map);
    if (map != nullptr && !map->name.empty()) {
        const auto item = map->items.find(job.index);
        return item == map->items.end() ? std::nullopt : std::optional(item->second.first);
    }
    if (job.key.empty()) return std::nullopt;
    const auto found = keys_.find({own(job.pool), job.key});
    return found == keys_.end() ? std::nullopt : std::optional(found->second);
}

PlacedJob MemoryStore::place(NewJob job) {
    PlacedJob placed{.pool = job.pool,
                     .map = job.map,
                     .priority = job.priority,
                     .size = static_cast<std::uint32_t>(job.payload.size()),
                     .not_before = job.not_before};
    if (const auto there = known(job)) {
        placed.id = *there;
        placed.existing = true;
        return placed;
    }
    const auto [id, record] = jobs_.add();
    placed.id = id;
    record->phase = MemoryJob::Phase::waiting;
    record->pool = own(job.pool);
    record->priority = job.priority;
    record->index = job.index;
    record->queued = wall_now();
    record->set_input(job.payload);
    if (Map* map = find_map(job.map)) {
        record->map = static_cast<std::uint32_t>(job.map.value - first_map_);
        ++map->live;
        placed.cancelled = map->cancelled;
        placed.fail_fast = map->fail_fast;
        if (!map->name.empty()) map->items[job.index] = {id, input_hash(job.payload)};
    }
    if (!job.key.empty() || job.retry_of.value != 0 || job.not_before != WallTime{}) {
        MemoryExtra& extra = jobs_.extra(id);
        extra.retry_of = job.retry_of;
        extra.due = job.not_before;
        if (!job.key.empty()) keys_[{own(job.pool), job.key}] = id;
        extra.key = std::move(job.key);
    }
    return placed;
}

// An item that is there with another input makes the whole request wrong, before anything of it is applied.
void MemoryStore::on(Enqueue request) {
    for (const NewJob& job : request.jobs) {
        const Map* map = find_map(job.map);
        if (map == nullptr) continue;
        const auto item = map->items.find(job.index);
        if (item != map->items.end() && item->second.second != input_hash(job.payload))
            return answer_with(Enqueued{request.token, fail("submit: the map has other inputs: item " +
                                                            std::to_string(job.index) + " differs")});
    }
    std::vector<PlacedJob> placed;
    placed.reserve(request.jobs.size());
    for (NewJob& job : request.jobs) placed.push_back(place(std::move(job)));
    answer_with(Enqueued{request.token, std::move(placed)});
}

void MemoryStore::on(const NoteClaim& request) {
    if (MemoryJob* job = jobs_.find(request.job); job != nullptr && job->is_live())
        job->phase = MemoryJob::Phase::claimed;
    if (request.token) answer_with(Claimed{*request.token});
}

void MemoryStore::on(const VoidClaim& request) {
    if (MemoryJob* job = jobs_.find(request.job); job != nullptr && job->is_live())
        job->phase = MemoryJob::Phase::waiting;
}

void MemoryStore::on(NoteRetry request) {
    MemoryJob* job = jobs_.find(request.job);
    if (job == nullptr || !job->is_live()) return;
    job->phase = MemoryJob::Phase::waiting;
    job->attempts = static_cast<std::uint16_t>(request.attempt.number);
    MemoryExtra& extra = jobs_.extra(request.job);
    extra.due = request.due;
    const auto at = std::ranges::lower_bound(extra.attempts, request.attempt.number, {}, &AttemptRow::number);
    if (at != extra.attempts.end() && at->number == request.attempt.number)
        *at = std::move(request.attempt);
    else
        extra.attempts.insert(at, std::move(request.attempt));
}

void MemoryStore::on(NoteFinish request) { answer_with(finish(std::move(request))); }

Finished MemoryStore::finish(NoteFinish request) {
    Finished answer{request.job, {}};
    MemoryJob* job = jobs_.find(request.job);
    if (job == nullptr || !job->is_live()) return answer;  // it has its end already, and keeps it
    job->phase = MemoryJob::Phase::ended;
    MemoryExtra& extra = jobs_.extra(request.job);
    extra.due = {};
    extra.end.emplace(request.state, std::move(request.attempt), std::move(request.result));
    const WallTime now = wall_now();
    extra.end->attempt.ended = now;
    Pool& pool = pools_[job->pool];
    // The clock may go back; the order of ends does not.
    pool.ended.emplace_back(request.job, pool.ended.empty() ? now : std::max(now, pool.ended.back().second));
    finished_bytes_ += weight(request.job, *job);
    const std::uint32_t map = job->map;
    for (NewJob& push : request.pushes) answer.pushed.push_back(place(std::move(push)));
    if (Map* of = find_map(id_of(map))) {
        --of->live;
        of->cancelled = of->cancelled || request.cancels.value != 0;
    }
    drop_map_if_done(map);
    while (finished_bytes_ > max_finished_bytes_) forget_oldest();
    return answer;
}

void MemoryStore::on(const OpenMap& request) {
    StoredMap stored{.fail_fast = request.fail_fast};
    if (!request.name.empty()) {
        if (const auto named = map_names_.find({own(request.pool), request.name}); named != map_names_.end())
            stored = describe(id_of(named->second), maps_.at(named->second));
    }
    if (!stored.existing) {
        ASSERT(last_map_ < std::numeric_limits<std::uint32_t>::max());
        maps_[++last_map_] = {
            .pool = own(request.pool), .name = request.name, .fail_fast = request.fail_fast, .items = {}};
        if (!request.name.empty()) map_names_[{own(request.pool), request.name}] = last_map_;
        stored.map = id_of(last_map_);
    }
    answer_with(MapStored{request.token, stored});
}

void MemoryStore::on(const SealMap& request) {
    if (request.answer) answer_with(MapSealStored{request.map});
    Map* map = find_map(request.map);
    if (map == nullptr) return;
    map->seal = {.items = std::max(request.seal.items, map->seal ? map->seal->items : 0),
                 .goes_on = request.seal.goes_on};
    drop_map_if_done(static_cast<std::uint32_t>(request.map.value - first_map_));
}

void MemoryStore::on(const CancelMap& request) {
    if (Map* map = find_map(request.map)) map->cancelled = true;
    answer_with(MapCancelled{request.token});
}

void MemoryStore::on(const SetMode& request) {
    Pool& pool = pools_[own(request.pool)];
    pool.mode = request.mode;
    pool.by = request.by;
    pool.at = request.at;
    if (request.token) answer_with(ModeStored{*request.token});
}

// Nobody asks for a map without a name once its jobs have their ends; a named one is kept as long as an item of it is.
void MemoryStore::drop_map_if_done(std::uint32_t number) {
    const auto found = maps_.find(number);
    if (found == maps_.end()) return;
    const Map& map = found->second;
    const bool closed = map.seal || (map.cancelled && !map.name.empty());
    if (!closed || map.live > 0 || !map.items.empty() || map.name.starts_with(inputs_map_prefix)) return;
    if (!map.name.empty()) map_names_.erase({map.pool, map.name});
    maps_.erase(found);
}

void MemoryStore::on(const Expire& request) {
    expire_before_ = request.now;
    expire_slice();
}

// As many as one turn may forget; the rest comes with the next turn, which is asked for here.
void MemoryStore::expire_slice() {
    if (!expire_before_) return;
    std::uint64_t left = limits::expire_rows;
    for (auto& [unused, pool] : pools_) {
        while (!pool.ended.empty() && pool.ended.front().second < *expire_before_ - pool.retention) {
            if (left-- == 0) return (void)::eventfd_write(ready_.fd(), 1);
            const JobId job = pool.ended.front().first;
            pool.ended.pop_front();
            forget(job);
        }
    }
    expire_before_.reset();
}

void MemoryStore::forget_oldest() {
    Pool* oldest = nullptr;
    for (auto& [unused, pool] : pools_)
        if (!pool.ended.empty() && (oldest == nullptr || pool.ended.front().second < oldest->ended.front().second))
            oldest = &pool;
    ASSERT(oldest != nullptr);
    const JobId job = oldest->ended.front().first;
    oldest->ended.pop_front();
    forget(job);
}

std::size_t MemoryStore::weight(JobId id, const MemoryJob& job) const noexcept {
    std::size_t bytes = finished_overhead + job.size;
    const MemoryExtra* extra = jobs_.find_extra(id);
    if (extra == nullptr) return bytes;
    bytes += 2 * extra->key.size();
    for (const AttemptRow& attempt : extra->attempts) bytes += sizeof attempt + attempt.detail.size();
    if (extra->end) bytes += extra->end->result.size() + extra->end->attempt.detail.size();
    return bytes;
}

void MemoryStore::forget(JobId id) {
    const MemoryJob* job = jobs_.find(id);
    ASSERT(job != nullptr);
    finished_bytes_ -= weight(id, *job);
    const std::uint32_t number = job->map;
    if (Map* map = find_map(id_of(number)))
        if (const auto item = map->items.find(job->index); item != map->items.end() && item->second.first == id)
            map->items.erase(item);
    const MemoryExtra* extra = jobs_.find_extra(id);
    if (extra != nullptr && !extra->key.empty())
        if (const auto key = keys_.find({job->pool, extra->key}); key != keys_.end() && key->second == id)
            keys_.erase(key);
    jobs_.remove(id);
    drop_map_if_done(number);
}

}  // namespace pinion::jobs
