// SPDX-License-Identifier: Apache-2.0
// The store's answers; and the maps that pools declare as `inputs`.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "daemon/jobs/channel_parts.h"
#include "daemon/jobs/job_host.h"
#include "daemon/jobs/job_records.h"
#include "jobs/outcome.h"
#include "jobs/store_memory.h"
#include "model/job_limits.h"

namespace pinion::daemon {

using namespace jobs;

namespace {

constexpr std::size_t inputs_at_once = 1000;
constexpr Duration fetch_pause = 100ms;

// Of a payload that can't be read: it is there all the same.
bool will_pass(int code) { return code == EMFILE || code == ENFILE || code == ENOMEM; }

// FNV-1a: the same on every machine and in every build, since it names a map on disk.
std::uint64_t hash_of(const std::vector<std::string>& texts) {
    std::uint64_t value = 0xcbf29ce484222325U;
    const auto add = [&](unsigned char c) { value = (value ^ c) * 0x100000001b3U; };
    for (const auto& text : texts) {
        for (const char c : text) add(static_cast<unsigned char>(c));
        add('\n');
    }
    return value;
}

template <class Map, class T>
void finish_call(Map& calls, std::uint64_t token, Result<T>&& result) {
    const auto call = calls.extract(token);
    if (!call) return;
    if (result) return call.mapped()(std::move(*result));
    call.mapped()(std::unexpected(Refusal{Refusal::Kind::refused, std::move(result.error().message)}));
}

}  // namespace

struct JobHost::Take {
    JobHost& host;

    void operator()(Enqueued& answer) const {
        auto order = host.pending_.orders.extract(answer.token);
        if (!order) return;
        auto& [wish, done, pool, map, count, admitted] = order.mapped();
        if (answer.jobs)
            for (const auto& placed : *answer.jobs) host.queued(placed);
        host.post(SubmitSettled{pool, count});
        host.arrived(map);
        if (!done) return;
        if (answer.jobs) return done(std::move(*answer.jobs));
        std::string_view why = answer.jobs.error().message;
        if (why.starts_with("submit: ")) why.remove_prefix(8);
        const auto health = host.store_->health();
        const bool advise = answer.jobs.error().code != 0 && health.state != StoreHealth::State::open;
        done(std::unexpected(Refusal{Refusal::Kind::refused, fmt::format("submit to '{}': {}{}", host.name(pool), why,
                                                                         advise ? "; " + store_advice(health) : "")}));
    }
    void operator()(Claimed& answer) const {
        if (const auto claim = host.pending_.claims.extract(answer.token))
            host.post(ClaimPersisted{claim.mapped().first, claim.mapped().second});
    }
    void operator()(Finished& answer) const {
        for (auto& placed : answer.pushed) {
            // A pool may leave and come back under another number while a push to it is written.
            const auto now = host.find_pool(placed.pool) == nullptr ? host.find(host.name(placed.pool)) : std::nullopt;
            if (now) placed.pool = now->id;
            host.queued(placed);
        }
        host.post(FinishPersisted{answer.job});
        host.end_written(answer.job);
    }
    void operator()(PushesRefused& answer) const {
        NoteFinish& finish = answer.finish;
        std::string error = error_json(to_string(Outcome::refused_push),
                                       fmt::format("push to '{}': {}", host.name(answer.to), host.no_store().message));
        if (const auto ending = host.pending_.endings.find(finish.job.value); ending != host.pending_.endings.end()) {
            ending->second.end.state = JobState::failed;
            ending->second.result.clear();
            ending->second.error = error;
        }
        finish.state = JobState::failed;
        finish.result.clear();
        finish.attempt.outcome = Outcome::refused_push;
        finish.attempt.detail = std::move(error);
        host.post(PushesFailed{finish.job});
        host.store_->post(WriteRequest{std::move(finish)});
    }
    void operator()(const Flushed& answer) const { host.post(PoolFlushed{answer.pool, answer.number}); }
    void operator()(MapStored& answer) const {
        auto opening = host.pending_.openings.extract(answer.token);
        if (!opening) return;
        auto& [pool, fail_fast, done] = opening.mapped();
        if (!answer.map)
            return done(std::unexpected(Refusal{Refusal::Kind::refused, std::move(answer.map.error().message)}));
        // One that is complete is known to the store alone.
        if (!answer.map->sealed) host.post(MapOpened{answer.map->map, pool, answer.map->fail_fast});
        done(*answer.map);
    }
    void operator()(const MapCancelled& answer) const { host.cancels_.written(answer.token); }
    void operator()(const ModeStored& answer) const { host.cancels_.mode_written(answer.token); }
    void operator()(const MapSealStored& answer) const { host.cancels_.sealed(answer.map); }
    void operator()(Fetched& answer) const {
        if (host.pending_.payloads.contains(answer.token))
            return finish_call(host.pending_.payloads, answer.token, std::move(answer.payload));
        const auto sending = host.pending_.sendings.find(answer.token);
        if (sending == host.pending_.sendings.end()) return;  // its worker is gone
        auto& [worker, job, payload, claims] = sending->second;
        if (!answer.payload && will_pass(answer.payload.error().code)) {
            host.pending_.unfetched.push_back(answer.token);
            return host.fetch_timer_.arm(host.loop_.now() + fetch_pause);
        }
        WorkerLink* const link = host.link(worker);
        if (answer.payload) {
            payload = std::move(*answer.payload);
        } else {
            const auto evidence = host.keep({.error = error_json("unreadable", answer.payload.error().message)});
            host.post(PayloadLost{worker, job.attempt, evidence});
            std::erase(link->awaited, answer.token);
            host.pending_.sendings.erase(sending);
        }
        host.send_fetched(*link);
    }
    void operator()(LookedUp& answer) const {
        finish_call(host.pending_.look_ups, answer.token, std::move(answer.job));
    }
    void operator()(MapLookedUp& answer) const {
        // What the scheduler has forgotten is complete, though the seal may wait for room on the disk.
        const bool waits = host.store_->health().state == StoreHealth::State::full;
        if (waits && answer.map && *answer.map && !host.scheduler_.map((*answer.map)->map))
            (*answer.map)->sealed = true;
        finish_call(host.pending_.map_look_ups, answer.token, std::move(answer.map));
    }
    void operator()(Listed& answer) const {
        Result<JobPage> page = answer.jobs ? Result<JobPage>(JobPage{std::move(*answer.jobs), answer.seen})
                                           : std::unexpected(std::move(answer.jobs).error());
        finish_call(host.pending_.lists, answer.token, std::move(page));
    }
    void operator()(ItemsRead& answer) const {
        finish_call(host.pending_.items, answer.token, std::move(answer.items));
    }
    void operator()(MapFound& answer) const { finish_call(host.pending_.finds, answer.token, std::move(answer.map)); }
    void operator()(const StoreHealth& health) const {
        host.post(StoreChanged{health.state == StoreHealth::State::open});
        host.services_.record(health_record(health));
        if (health.state == StoreHealth::State::stopped) host.listeners_.tell_stopped(host.no_store().message);
    }
};

void JobHost::take_answers() {
    if (!store_) return;
    for (auto& answer : store_->take_answers()) std::visit(Take{*this}, answer);
    const bool room = store_->has_room();
    if (room && !std::exchange(had_room_, room) && on_room_) on_room_();
    had_room_ = room;
}

void JobHost::fetch_again() {
    for (const auto token : std::exchange(pending_.unfetched, {}))
        if (const auto sending = pending_.sendings.find(token); sending != pending_.sendings.end())
            store_->post(ReadRequest{FetchPayload{token, sending->second.job.job}});
}

void JobHost::queued(const PlacedJob& placed) {
    if (placed.existing) return;
    post(JobQueued{.job = placed.id,
                   .pool = placed.pool,
                   .map = placed.map,
                   .not_before = monotonic(placed.not_before),
                   .size = placed.size,
                   .priority = placed.priority,
                   .cancelled = placed.cancelled,
                   .fail_fast = placed.fail_fast,
                   .on_disk = !is_in_memory(placed.id)});
}

// Results may come faster than the disk takes them. No more jobs are started then; those that run go on, and end.
void JobHost::add_ending(Ending ending) {
    if (!is_in_memory(ending.end.job)) pending_.unwritten += ending.bytes();
    pending_.endings.emplace(ending.end.job.value, std::move(ending));
    if (!pending_.store_behind && pending_.unwritten > limits::unwritten_bytes)
        post(StoreBehind{pending_.store_behind = true});
}

void JobHost::end_written(JobId job) {
    const auto ending = pending_.endings.extract(job.value);
    if (!ending) return;
    if (!is_in_memory(job)) pending_.unwritten -= ending.mapped().bytes();
    if (pending_.store_behind && pending_.unwritten <= limits::unwritten_bytes / 2)
        post(StoreBehind{pending_.store_behind = false});
    announce(ending.mapped());
    cancels_.ended(job, ending.mapped().end.state);
}

void JobHost::announce(const Ending& ending) {
    JobEnd end = ending.end;
    end.result = ending.result;
    end.error = ending.error;
    listeners_.tell_end(end);
}

// --- `inputs`

void JobHost::make_inputs(const JobPool& pool) {
    const auto& inputs = pool.spec->jobs->inputs;
    // Other inputs are another map: the name holds what they are.
    open_map(pool.id, fmt::format("{}{:016x}", inputs_map_prefix, hash_of(inputs)), false,
             [this, pool](Answer<StoredMap> map) {
                 if (!map)
                     return services_.record(store_record(
                         log::Priority::err, fmt::format("{}: its inputs: {}", pool.spec->name, map.error().message)));
                 if (map->sealed) return;
                 input_maps_[map->map.value] = pool.id;
                 add_inputs(pool, map->map, 0);
             });
}

void JobHost::add_inputs(const JobPool& pool, MapId map, std::size_t from) {
    const auto& inputs = pool.spec->jobs->inputs;
    if (from == inputs.size()) return seal_map(map, {.items = inputs.size()});
    const auto until = std::min(from + inputs_at_once, inputs.size());
    JobOrder order{.pool = pool.id, .map = map, .first_index = from, .wait = true};
    order.inputs.assign(inputs.begin() + static_cast<std::ptrdiff_t>(from),
                        inputs.begin() + static_cast<std::ptrdiff_t>(until));
    submit(std::move(order), [this, pool, map, until](const Answer<std::vector<PlacedJob>>& placed) {
        if (placed) return add_inputs(pool, map, until);
        services_.record(
            store_record(log::Priority::err, fmt::format("{}: its inputs: {}; they are tried again at the next start",
                                                         pool.spec->name, placed.error().message)));
    });
}

}  // namespace pinion::daemon
