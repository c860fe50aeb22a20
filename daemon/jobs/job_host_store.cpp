// SPDX-License-Identifier: Apache-2.0
// The store's answers; and the maps that pools declare as `inputs`.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "daemon/jobs/channel_parts.h"
#include "daemon/jobs/job_host.h"
#include "daemon/jobs/job_records.h"

namespace pinion::daemon {

using namespace jobs;

namespace {

constexpr std::size_t inputs_at_once = 1000;

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
        auto order = host.orders_.extract(answer.token);
        if (!order) return;
        auto& [wish, done, pool, count, admitted] = order.mapped();
        if (answer.jobs)
            for (const auto& placed : *answer.jobs) host.queued(placed);
        host.post(SubmitSettled{pool, count});
        if (!done) return;
        if (answer.jobs) return done(std::move(*answer.jobs));
        done(std::unexpected(Refusal{Refusal::Kind::refused,
                                     fmt::format("submit to '{}': {}", host.name(pool), answer.jobs.error().message)}));
    }
    void operator()(Claimed& answer) const {
        if (const auto claim = host.claims_.extract(answer.token))
            host.post(ClaimPersisted{claim.mapped().first, claim.mapped().second});
    }
    void operator()(Finished& answer) const {
        for (const auto& placed : answer.pushed) host.queued(placed);
        host.post(FinishPersisted{answer.job});
        if (const auto ending = host.endings_.extract(answer.job.value)) host.announce(ending.mapped());
    }
    void operator()(MapStored& answer) const {
        auto opening = host.openings_.extract(answer.token);
        if (!opening) return;
        auto& [pool, fail_fast, done] = opening.mapped();
        if (!answer.map)
            return done(std::unexpected(Refusal{Refusal::Kind::refused, std::move(answer.map.error().message)}));
        // One that is complete is known to the store alone.
        if (!answer.map->sealed && answer.map->map.value != 0)
            host.post(MapOpened{answer.map->map, pool, answer.map->fail_fast});
        done(*answer.map);
    }
    void operator()(Fetched& answer) const {
        if (host.payloads_.contains(answer.token))
            return finish_call(host.payloads_, answer.token, std::move(answer.payload));
        auto sending = host.sendings_.extract(answer.token);
        if (!sending) return;
        auto& [worker, job] = sending.mapped();
        if (!answer.payload) {
            const auto evidence = host.keep({.error = error_json("unreadable", answer.payload.error().message)});
            return host.post(PayloadLost{worker, job.attempt, evidence});
        }
        WorkerLink* link = host.link(worker);
        if (link == nullptr || link->death) return;  // its end gives the job back
        job.payload = *answer.payload;
        link->send(job, host.loop_.now());
    }
    void operator()(LookedUp& answer) const { finish_call(host.look_ups_, answer.token, std::move(answer.job)); }
    void operator()(Listed& answer) const { finish_call(host.lists_, answer.token, std::move(answer.jobs)); }
    void operator()(ItemsRead& answer) const { finish_call(host.lists_, answer.token, std::move(answer.items)); }
    void operator()(StoreHealth& health) const {
        const bool open = health.state == StoreHealth::State::open;
        host.post(StoreChanged{open});
        if (open) return host.services_.record(store_record(log::Priority::notice, "the job store takes jobs again"));
        const bool full = health.state == StoreHealth::State::full;
        host.services_.record(store_record(
            log::Priority::err,
            fmt::format(
                "{}; {}", health.reason,
                full ? "submits are refused, and what has finished is kept and written when there is room"
                     : "no jobs are taken or handed out until the daemon starts anew; what was acknowledged is safe")));
    }
};

void JobHost::take_answers() {
    if (!store_) return;
    for (auto& answer : store_->take_answers()) std::visit(Take{*this}, answer);
    const bool room = store_->has_room();
    if (room && !std::exchange(had_room_, room) && on_room_) on_room_();
    had_room_ = room;
}

void JobHost::queued(const PlacedJob& placed) {
    if (placed.existing) return;
    post(JobQueued{.job = placed.id,
                   .pool = placed.pool,
                   .map = placed.map,
                   .not_before = monotonic(placed.not_before),
                   .size = placed.size,
                   .priority = placed.priority});
}

void JobHost::announce(const Ending& ending) {
    JobEnd end = ending.end;
    end.result = ending.result;
    end.error = ending.error;
    std::vector<JobListener*> listeners;
    const auto add = [&](auto range) {
        for (auto place = range.first; place != range.second; ++place)
            if (std::ranges::find(listeners, place->second) == listeners.end()) listeners.push_back(place->second);
    };
    if (end.map.value != 0) add(map_listeners_.equal_range(end.map.value));
    add(job_listeners_.equal_range(end.job.value));
    for (auto* listener : listeners) listener->job_ended(end);
    job_listeners_.erase(end.job.value);
}

// --- `inputs`

void JobHost::make_inputs(const JobPool& pool) {
    const auto& inputs = pool.spec->jobs->inputs;
    // Other inputs are another map: the name holds what they are.
    open_map(pool.id, fmt::format("inputs-{:016x}", hash_of(inputs)), false, [this, pool](Answer<StoredMap> map) {
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
    if (from == inputs.size()) return seal_map(map);
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
