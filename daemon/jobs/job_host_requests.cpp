// SPDX-License-Identifier: Apache-2.0
// What clients ask, on its way to the scheduler and the store.
#include <fmt/format.h>

#include <utility>

#include "daemon/jobs/job_host.h"
#include "daemon/jobs/job_records.h"

namespace pinion::daemon {

using namespace jobs;

namespace {

const char* order_for(QueueMode mode) {
    switch (mode) {
        case QueueMode::paused: return "pause";
        case QueueMode::draining: return "drain";
        case QueueMode::running: break;
    }
    return "resume";
}

}  // namespace

std::uint64_t JobHost::submit(JobOrder order, Done<std::vector<PlacedJob>> done) {
    const auto token = pending_.next_token++;
    if (!store_) {
        later([this, done = std::move(done)]() mutable { done(std::unexpected(no_store())); });
        return token;
    }
    const auto pool = order.pool;
    const auto map = order.map;
    const auto count = static_cast<std::uint32_t>(order.inputs.size());
    const bool wait = order.wait;
    pending_.orders.emplace(token, Order{std::move(order), std::move(done), pool, map, count});
    arriving_.began(map);
    post(SubmitRequested{token, pool, count, wait});
    return token;
}

void JobHost::abandon(std::uint64_t ticket) {
    const auto order = pending_.orders.find(ticket);
    if (order == pending_.orders.end()) return;
    order->second.done = nullptr;
    if (order->second.admitted) return;
    pending_.abandoned.push_back(ticket);
    post(SubmitAbandoned{ticket, order->second.pool});
}

void JobHost::open_map(JobPoolId pool, std::string name, bool fail_fast, Done<StoredMap> done) {
    if (!store_) return later([this, done = std::move(done)]() mutable { done(std::unexpected(no_store())); });
    const auto token = pending_.next_token++;
    pending_.openings.emplace(token, Opening{pool, fail_fast, std::move(done)});
    store_->post(WriteRequest{OpenMap{token, pool, std::move(name), fail_fast}});
}

void JobHost::seal_map(MapId map, MapSeal seal, Done<void> done) {
    if (!store_) {
        if (done) later([this, done = std::move(done)]() mutable { done(std::unexpected(no_store())); });
        return;
    }
    if (done) cancels_.add_seal(map, std::move(done));
    if (!arriving_.may_seal(map, seal)) return;
    store_->post(WriteRequest{SealMap{map, seal, cancels_.waits_for_seal(map)}});
    post(MapSealed{map, seal.items});
}

void JobHost::end_filling(MapId map) {
    const auto filled = fillers_.find(map.value);
    if (filled == fillers_.end() || --filled->second > 0) return;
    fillers_.erase(filled);
    later([this, map] { listeners_.tell_left(map); });
}

// `inputs` are given by ourselves.
bool JobHost::is_filled(MapId map) const { return fillers_.contains(map.value) || input_maps_.contains(map.value); }

// Jobs of the map, if it is one, are where they will be.
void JobHost::arrived(MapId map) {
    if (const auto seal = arriving_.ended(map)) seal_map(map, *seal);
}

void JobHost::find_map(std::string name, Done<std::map<JobPoolId, MapId>> done) {
    const auto asked = pools();
    if (!store_ || asked.empty())
        return later([done = std::move(done)]() mutable { done(std::map<JobPoolId, MapId>{}); });
    struct Search {
        std::map<JobPoolId, MapId> found;
        std::size_t left = 0;
        Done<std::map<JobPoolId, MapId>> done;
        std::optional<Refusal> refusal;  // of a pool that could not be asked

        void answer(JobPoolId pool, const Answer<MapId>& map) {
            if (!map) refusal = map.error();
            if (map && map->value != 0) found.emplace(pool, *map);
            if (--left > 0) return;
            // Found elsewhere, it is the one that is meant; found nowhere, it may be there all the same.
            if (found.empty() && refusal) return done(std::unexpected(std::move(*refusal)));
            done(std::move(found));
        }
    };
    auto search = std::make_shared<Search>();
    search->left = asked.size();
    search->done = std::move(done);
    for (const auto& pool : asked) {
        const auto token = pending_.next_token++;
        pending_.finds.emplace(token,
                               [search, pool = pool.id](const Answer<MapId>& map) { search->answer(pool, map); });
        store_->post(ReadRequest{FindMap{token, pool.id, name}});
    }
}

bool JobHost::has_room() const { return !store_ || store_->has_room(); }

std::optional<std::string> JobHost::stopped() const {
    if (store_ && store_->health().state != StoreHealth::State::stopped) return std::nullopt;
    return no_store().message;
}

void JobHost::look_up(JobId job, Done<std::optional<StoredJob>> done) {
    if (!store_) return later([this, done = std::move(done)]() mutable { done(std::unexpected(no_store())); });
    const auto token = pending_.next_token++;
    pending_.look_ups.emplace(token, std::move(done));
    store_->post(ReadRequest{LookUpJob{token, job}});
}

void JobHost::look_up(MapId map, Done<std::optional<StoredMap>> done) {
    if (!store_) return later([this, done = std::move(done)]() mutable { done(std::unexpected(no_store())); });
    const auto token = pending_.next_token++;
    pending_.map_look_ups.emplace(token, std::move(done));
    store_->post(ReadRequest{LookUpMap{token, map}});
}

void JobHost::list(ListJobs query, Done<JobPage> done) {
    if (!store_) return later([this, done = std::move(done)]() mutable { done(std::unexpected(no_store())); });
    query.token = pending_.next_token++;
    pending_.lists.emplace(query.token, std::move(done));
    store_->post(ReadRequest{query});
}

void JobHost::read_items(MapId map, std::uint64_t from, std::uint32_t limit, Done<std::vector<StoredJob>> done) {
    if (!store_) return later([this, done = std::move(done)]() mutable { done(std::unexpected(no_store())); });
    const auto token = pending_.next_token++;
    pending_.items.emplace(token, std::move(done));
    store_->post(ReadRequest{ReadItems{token, map, from, limit}});
}

void JobHost::payload(JobId job, Done<std::string> done) {
    if (!store_) return later([this, done = std::move(done)]() mutable { done(std::unexpected(no_store())); });
    const auto token = pending_.next_token++;
    pending_.payloads.emplace(token, std::move(done));
    store_->post(ReadRequest{FetchPayload{token, job}});
}

// An end that was announced is an end, though the scheduler hears of it with the next turn only.
JobPhase JobHost::phase(JobId job) const {
    const auto phase = scheduler_.phase(job);
    return phase == JobPhase::finishing && !pending_.endings.contains(job.value) ? JobPhase::none : phase;
}

// In the journal it stands when it is known whether it is kept.
void JobHost::set_mode(JobPoolId pool, QueueMode mode, const std::string& by, Done<void> done) {
    if (!store_) return later([this, done = std::move(done)]() mutable { done(std::unexpected(no_store())); });
    const auto token = pending_.next_token++;
    const Pool* known = find_pool(pool);
    const bool on_disk = known != nullptr && known->policy->queue.durability != Durability::memory;
    cancels_.add_mode(token, {.what = fmt::format("{} the queue of '{}'", order_for(mode), name(pool)),
                              .on_disk = on_disk,
                              .done = [this, pool, mode, by, done = std::move(done)](const Answer<void>& kept) mutable {
                                  services_.record(queue_record(name(pool), mode, by, kept.has_value()));
                                  done(kept);
                              }});
    const auto now = wall_now();
    store_->post(WriteRequest{SetMode{token, pool, mode, by, now}});
    post(QueueOrdered{pool, mode});
    note_mode(pool, by, now);
}

void JobHost::note_mode(JobPoolId pool, const std::string& by, WallTime at) {
    const auto found = pools_.find(name(pool));
    if (found == pools_.end()) return;
    found->second.mode_by = by;
    found->second.mode_at = at;
}

std::optional<JobFigures> JobHost::figures(const std::string& pool) const {
    const auto found = pools_.find(pool);
    if (found == pools_.end()) return std::nullopt;
    const auto view = scheduler_.queue(found->second.id);
    if (!view) return std::nullopt;
    JobFigures figures{.mode_by = found->second.mode_by,
                       .mode_at = found->second.mode_at,
                       .running = view->running,
                       .ready = view->ready + view->sent,
                       .delayed = view->delayed,
                       .done = view->done,
                       .failed = view->failed,
                       .cancelled = view->cancelled,
                       .strays = view->strays + found->second.strays,
                       .oldest_ready = {},
                       .rate = found->second.meter.rate(loop_.now()),
                       .p95 = found->second.meter.p95()};
    if (view->mode == QueueMode::paused) figures.mode = "paused";
    if (view->mode == QueueMode::draining) figures.mode = "draining";
    if (view->oldest_ready) figures.oldest_ready = wall(*view->oldest_ready);
    return figures;
}

std::optional<RunningAttempt> JobHost::attempt(JobId job) const {
    const auto phase = scheduler_.phase(job);
    if (phase != JobPhase::running && phase != JobPhase::ending) return std::nullopt;
    const auto why = scheduler_.why(job);
    const auto found = links_.find({name(why.worker.pool), why.worker.slot.value});
    if (found == links_.end() || found->second->ref() != why.worker) return std::nullopt;
    const auto* sent = found->second->find_job(job);
    if (sent == nullptr) return std::nullopt;
    RunningAttempt attempt{.number = sent->number,
                           .slot = why.worker.slot,
                           .seat = found->second->cpus,
                           .started = wall(why.since),
                           .deadline = {},
                           .progress = {},
                           .note = {}};
    // Of one look at the clock, or the two would differ by more than the timeout.
    if (why.deadline != no_deadline) attempt.deadline = attempt.started + (why.deadline - why.since);
    if (const auto* said = found->second->progress(sent->attempt)) {
        attempt.progress = said->fraction;
        attempt.note = said->note;
    }
    return attempt;
}

Duration JobHost::cpu_time(JobPoolId id) const {
    const Pool* pool = find_pool(id);
    if (pool == nullptr) return {};
    Duration sum = pool->cpu_of_ended;
    for (const auto& [place, link] : links_)
        if (place.first == pool->spec->name && !link->death)
            sum += services_.cpu_time(link->worker()).value_or(Duration::zero());
    return sum;
}

JobId JobHost::job_of(const WorkerId& worker) const {
    const auto found = links_.find({worker.pool, worker.slot.value});
    if (found == links_.end() || found->second->worker() != worker) return {};
    const auto* oldest = found->second->oldest();
    return oldest == nullptr ? JobId{} : oldest->job;
}

std::string JobHost::why(JobId job) const {
    return to_string(scheduler_.why(job), loop_.now(), [this](JobPoolId pool) { return name(pool); });
}

}  // namespace pinion::daemon
