// SPDX-License-Identifier: Apache-2.0
// A job queue in memory, without workers: a test ends jobs by hand. Answers come later, as the interface says: when
// `settle` runs them, or, with a loop, in a turn of their own.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "daemon/jobs/job_queue.h"

namespace pinion::daemon {

class FakeJobQueue : public JobQueue {
public:
    struct Map {
        jobs::StoredMap stored;
        JobPoolId pool;
        std::string name;
        bool cancelled = false;
        bool settled = false;
    };
    struct Job {
        jobs::StoredJob stored;
        std::string input;
        std::string error;
    };

    // --- What a test does

    JobPoolId declare(const std::string& name, AllowPolicy allow = {}, PayloadKind payload = PayloadKind::json) {
        auto spec = std::make_shared<PoolSpec>();
        spec->name = name;
        spec->kind = PoolKind::jobs;
        spec->jobs.emplace();
        spec->jobs->allow = std::move(allow);
        spec->jobs->payload = payload;
        const JobPoolId id{static_cast<std::uint32_t>(pools_.size() + 1)};
        pools_.push_back({id, spec});
        return id;
    }
    // Runs what was to come later, until nothing is.
    void settle() {
        while (run_one()) {
        }
    }
    bool run_one() {
        if (later_.empty()) return false;
        auto next = std::move(later_.front());
        later_.pop_front();
        next();
        return true;
    }
    void end(JobId id, const std::string& result, jobs::JobState state = jobs::JobState::done) {
        Job& job = jobs_.at(id);
        waiting_jobs_.erase(id);
        --unfinished_[job.stored.map];
        job.stored.state = state;
        job.stored.attempts = {{.number = 1, .outcome = jobs::Outcome::done}};
        if (state == jobs::JobState::done) job.stored.result = result;
        if (state == jobs::JobState::failed) {
            job.error = R"({"type":"error","message":")" + result + R"("})";
            job.stored.attempts[0] = {
                .number = 1, .outcome = jobs::Outcome::error, .detail = R"({"error":)" + job.error + "}"};
        }
        if (state == jobs::JobState::cancelled) {
            job.error = R"({"type":"cancelled","message":"it was cancelled"})";
            job.stored.attempts = {{.number = 0, .outcome = jobs::Outcome::cancelled}};
        }
        const JobEnd told{
            id, JobPoolId{}, job.stored.map, state, job.stored.attempts[0].number, job.stored.result, job.error};
        for (const auto& [listened, listener] : copy(job_listeners_))
            if (listened == id && listening(listener)) listener->job_ended(told);
        for (const auto& [listened, listener] : copy(map_listeners_))
            if (listened == job.stored.map && listening(listener)) listener->job_ended(told);
        settle_map(job.stored.map);
    }
    // The ids of all that are not at their end, by age.
    [[nodiscard]] std::vector<JobId> waiting() const {
        std::vector<JobId> ids(waiting_jobs_.begin(), waiting_jobs_.end());
        return ids;
    }
    [[nodiscard]] JobId item(std::uint64_t map, std::uint64_t index) const { return items_.at({MapId{map}, index}); }
    [[nodiscard]] const Job& job(std::uint64_t id) const { return jobs_.at(JobId{id}); }
    [[nodiscard]] const Map& map_of(std::uint64_t id) const { return maps_.at(MapId{id}); }

    bool room = true;
    bool admits = true;  // else submits that wait do so, and others are refused
    std::function<void()> on_room;
    std::function<void()> on_later;  // something was put off
    std::set<std::uint64_t> abandoned;
    std::vector<JobId> looked_up;
    std::vector<std::uint32_t> read_limits;
    std::vector<std::pair<JobPoolId, jobs::QueueMode>> modes;
    std::string steered_by;
    std::optional<std::string> why_stopped;
    std::optional<std::string> why_no_maps;  // to be opened; those that are there can be looked at
    std::optional<std::string> why_no_cancels;
    std::optional<std::string> why_no_modes;
    std::optional<std::string> why_no_seals;
    bool holds_seals = false;
    std::vector<std::move_only_function<void()>> held_seals;
    bool holds_cancels = false;
    std::vector<std::move_only_function<void()>> held_cancels;
    jobs::JobState end_of_cancelled = jobs::JobState::cancelled;  // of one that had an end on its way
    std::vector<JobLogLine> log_lines;
    std::map<JobId, RunningAttempt> running;
    Duration cpu_used{};
    std::size_t listeners() const { return job_listeners_.size() + map_listeners_.size(); }
    // The disk takes no more: everybody who waits is told.
    void stop(const std::string& why) {
        why_stopped = why;
        std::set<JobListener*> all;
        for (const auto& [id, listener] : map_listeners_) all.insert(listener);
        for (const auto& [id, listener] : job_listeners_) all.insert(listener);
        for (JobListener* listener : all) listener->store_stopped(why);
    }
    // Past its retention.
    void forget_item(std::uint64_t map, std::uint64_t index) {
        jobs_.erase(item(map, index));
        items_.erase({MapId{map}, index});
        --maps_.at(MapId{map}).stored.items;
    }
    // Those submits that wait for room are admitted.
    void admit() {
        admits = true;
        auto waiting = std::move(waiting_);
        waiting_.clear();
        for (auto& [ticket, order] : waiting)
            if (!abandoned.contains(ticket)) place(std::move(order.first), std::move(order.second));
    }

    // --- JobQueue

    std::optional<JobPool> find(const std::string& pool) const override {
        for (const auto& known : pools_)
            if (known.spec->name == pool) return known;
        return std::nullopt;
    }
    std::vector<JobPool> pools() const override { return pools_; }
    std::string name(JobPoolId pool) const override { return pools_.at(pool.value - 1).spec->name; }

    std::uint64_t submit(JobOrder order, Done<std::vector<jobs::PlacedJob>> done) override {
        const std::uint64_t ticket = ++tickets_;
        if (!admits && order.wait) {
            waiting_.emplace(ticket, std::pair(std::move(order), std::move(done)));
            return ticket;
        }
        if (!admits)
            put_off([done = std::move(done)]() mutable {
                done(std::unexpected(Refusal{Refusal::Kind::refused, "the queue is full"}));
            });
        else
            place(std::move(order), std::move(done));
        return ticket;
    }
    void abandon(std::uint64_t ticket) override { abandoned.insert(ticket); }
    void open_map(JobPoolId pool, std::string name, bool fail_fast, Done<jobs::StoredMap> done) override {
        if (why_no_maps)
            return put_off([done = std::move(done), why = *why_no_maps]() mutable {
                done(std::unexpected(Refusal{Refusal::Kind::refused, why}));
            });
        for (auto& [id, map] : maps_) {
            if (name.empty() || map.name != name || map.pool != pool) continue;
            jobs::StoredMap stored = map.stored;
            stored.existing = true;
            return put_off([done = std::move(done), stored]() mutable { done(stored); });
        }
        const MapId id{maps_.size() + 1};
        maps_[id] = {.stored = {.map = id, .fail_fast = fail_fast}, .pool = pool, .name = std::move(name)};
        put_off([done = std::move(done), stored = maps_[id].stored]() mutable { done(stored); });
    }
    void seal_map(MapId map, jobs::MapSeal seal = {}, Done<void> done = {}) override {
        maps_.at(map).stored.sealed = true;
        maps_.at(map).stored.given = std::max(seal.items, maps_.at(map).stored.items);
        settle_map(map);
        if (!done) return;
        std::move_only_function<void()> tell = [this, done = std::move(done)]() mutable {
            if (why_no_seals) return done(std::unexpected(Refusal{Refusal::Kind::refused, *why_no_seals}));
            done({});
        };
        holds_seals ? held_seals.push_back(std::move(tell)) : put_off(std::move(tell));
    }
    void begin_filling(MapId map) override { ++fillers_[map]; }
    void end_filling(MapId map) override {
        if (--fillers_[map] > 0) return;
        put_off([this, map] {
            for (const auto& [listened, listener] : copy(map_listeners_))
                if (listened == map && listening(listener)) listener->map_left();
        });
    }
    bool is_filled(MapId map) const override {
        const auto known = fillers_.find(map);
        return known != fillers_.end() && known->second > 0;
    }
    void find_map(std::string name, Done<std::map<JobPoolId, MapId>> done) override {
        std::map<JobPoolId, MapId> found;
        for (const auto& [id, map] : maps_)
            if (map.name == name) found.emplace(map.pool, id);
        put_off([done = std::move(done), found]() mutable { done(found); });
    }
    bool has_room() const override { return room; }
    std::optional<std::string> stopped() const override { return why_stopped; }
    void set_on_room(std::function<void()> function) override { on_room = std::move(function); }

    void listen(MapId map, JobListener& listener) override { map_listeners_.emplace_back(map, &listener); }
    void listen(JobId job, JobListener& listener) override { job_listeners_.emplace_back(job, &listener); }
    void forget(JobListener& listener) override {
        std::erase_if(map_listeners_, [&](const auto& entry) { return entry.second == &listener; });
        std::erase_if(job_listeners_, [&](const auto& entry) { return entry.second == &listener; });
    }

    void forget(JobId job, JobListener& listener) override {
        std::erase_if(job_listeners_,
                      [&](const auto& entry) { return entry.first == job && entry.second == &listener; });
    }

    void look_up(JobId job, Done<std::optional<jobs::StoredJob>> done) override {
        looked_up.push_back(job);
        std::optional<jobs::StoredJob> found;
        if (jobs_.contains(job)) found = jobs_.at(job).stored;
        put_off([done = std::move(done), found]() mutable { done(std::move(found)); });
    }
    void look_up(MapId map, Done<std::optional<jobs::StoredMap>> done) override {
        std::optional<jobs::StoredMap> found;
        if (maps_.contains(map)) found = maps_.at(map).stored;
        put_off([done = std::move(done), found]() mutable { done(found); });
    }
    void list(jobs::ListJobs query, Done<JobPage> done) override {
        JobPage page;
        for (const auto& [id, job] : jobs_) {
            const auto state = jobs::is_final(job.stored.state) ? job.stored.state : jobs::JobState::queued;
            const bool meant = id > query.after && (!query.map || *query.map == job.stored.map) &&
                               (!query.pool || name(*query.pool) == job.stored.pool) &&
                               (!query.state || *query.state == state);
            if (!meant) continue;
            if (page.jobs.size() == query.limit) {
                page.seen = page.jobs.back().id;
                break;
            }
            page.jobs.push_back(job.stored);
        }
        put_off([done = std::move(done), page]() mutable { done(std::move(page)); });
    }
    void read_items(MapId map, std::uint64_t from, std::uint32_t limit,
                    Done<std::vector<jobs::StoredJob>> done) override {
        read_limits.push_back(limit);
        std::vector<jobs::StoredJob> found;
        for (const auto& [id, job] : jobs_) {
            if (job.stored.map != map || job.stored.index < from) continue;
            if (found.size() == limit || job.stored.index != from + found.size()) break;
            if (!jobs::is_final(job.stored.state)) break;
            found.push_back(job.stored);
        }
        put_off([done = std::move(done), found]() mutable { done(std::move(found)); });
    }
    void payload(JobId job, Done<std::string> done) override {
        put_off([done = std::move(done), input = jobs_.at(job).input]() mutable { done(std::move(input)); });
    }
    void cancel(JobId job, Done<jobs::JobState> done) override {
        std::move_only_function<void()> end_it = [this, job, done = std::move(done)]() mutable {
            if (why_no_cancels) return done(std::unexpected(Refusal{Refusal::Kind::refused, *why_no_cancels}));
            if (!jobs::is_final(jobs_.at(job).stored.state)) end(job, "", end_of_cancelled);
            done(jobs_.at(job).stored.state);
        };
        if (holds_cancels) return held_cancels.push_back(std::move(end_it));
        put_off(std::move(end_it));
    }
    void cancel_map(MapId map, Done<bool> done) override {
        maps_.at(map).cancelled = true;
        put_off([this, map, done = std::move(done)]() mutable {
            if (done && why_no_cancels) return done(std::unexpected(Refusal{Refusal::Kind::refused, *why_no_cancels}));
            const bool there = !maps_.at(map).settled;
            for (const JobId id : waiting())
                if (jobs_.at(id).stored.map == map) end(id, "", jobs::JobState::cancelled);
            if (done) done(there);
        });
    }
    void set_mode(JobPoolId pool, jobs::QueueMode mode, const std::string& by, Done<void> done) override {
        modes.emplace_back(pool, mode);
        steered_by = by;
        put_off([this, done = std::move(done)]() mutable {
            if (why_no_modes) return done(std::unexpected(Refusal{Refusal::Kind::refused, *why_no_modes}));
            done({});
        });
    }
    std::optional<jobs::QueueView> queue(JobPoolId pool) const override {
        jobs::QueueView view{.pool = pool};
        view.ready = waiting().size();
        return view;
    }
    std::optional<jobs::MapView> map(MapId map) const override {
        const auto known = maps_.find(map);
        if (known == maps_.end() || known->second.settled) return std::nullopt;
        jobs::MapView view{.map = map, .sealed = known->second.stored.sealed};
        if (const auto left = unfinished_.find(map); left != unfinished_.end()) view.unfinished = left->second;
        return view;
    }
    std::optional<RunningAttempt> attempt(JobId job) const override {
        if (phase(job) != jobs::JobPhase::running) return std::nullopt;
        return running.at(job);
    }
    Duration cpu_time(JobPoolId) const override { return cpu_used; }
    jobs::JobPhase phase(JobId job) const override {
        const auto known = jobs_.find(job);
        const bool live = known != jobs_.end() && !jobs::is_final(known->second.stored.state);
        if (live && running.contains(job)) return jobs::JobPhase::running;
        return live ? jobs::JobPhase::ready : jobs::JobPhase::none;
    }
    std::string why(JobId) const override { return "no worker of the pool takes jobs"; }
    std::vector<JobLogLine> log(JobId) const override { return log_lines; }

private:
    template <class T>
    static T copy(const T& value) {
        return value;
    }
    bool listening(const JobListener* listener) const {
        const auto is_it = [&](const auto& entry) { return entry.second == listener; };
        return std::ranges::any_of(job_listeners_, is_it) || std::ranges::any_of(map_listeners_, is_it);
    }
    void put_off(std::move_only_function<void()> call) {
        later_.push_back(std::move(call));
        if (on_later) on_later();
    }
    void settle_map(MapId map) {
        const auto known = maps_.find(map);
        if (known == maps_.end() || !known->second.stored.sealed || known->second.settled) return;
        if (unfinished_[map] > 0) return;
        known->second.settled = true;
        put_off([this, map] {
            for (const auto& [listened, listener] : copy(map_listeners_))
                if (listened == map && listening(listener))
                    listener->map_settled({.map = map, .items = maps_.at(map).stored.given});
        });
    }
    void place(JobOrder order, Done<std::vector<jobs::PlacedJob>> done) {
        std::vector<jobs::PlacedJob> placed;
        for (std::size_t i = 0; i < order.inputs.size(); ++i) placed.push_back(place_one(order, i));
        if (maps_.contains(order.map)) {
            std::uint64_t& items = maps_.at(order.map).stored.items;
            items = std::max<std::uint64_t>(items, order.first_index + order.inputs.size());
        }
        put_off([done = std::move(done), placed]() mutable { done(std::move(placed)); });
    }
    jobs::PlacedJob place_one(const JobOrder& order, std::size_t i) {
        const std::uint64_t index = order.first_index + i;
        const std::string key = order.keys.empty() ? "" : order.keys[i];
        const auto item = items_.find({order.map, index});
        const auto keyed = keys_.find(key);
        if (order.map.value != 0 && item != items_.end())
            return {.id = item->second, .existing = true, .pool = order.pool, .map = order.map};
        if (!key.empty() && keyed != keys_.end()) return {.id = keyed->second, .existing = true, .pool = order.pool};
        const JobId id{++last_job_};
        items_[{order.map, index}] = id;
        keys_[key] = id;
        waiting_jobs_.insert(id);
        ++unfinished_[order.map];
        Job& job = jobs_[id];
        job.input = order.inputs[i];
        job.stored.id = id;
        job.stored.pool = name(order.pool);
        job.stored.map = order.map;
        job.stored.index = index;
        job.stored.priority = order.priority;
        job.stored.key = key;
        job.stored.retry_of = order.retry_of;
        job.stored.not_before = order.not_before;
        return {.id = id, .pool = order.pool, .map = order.map};
    }

    std::vector<JobPool> pools_;
    std::map<MapId, Map> maps_;
    std::map<JobId, Job> jobs_;
    std::set<JobId> waiting_jobs_;
    std::map<MapId, std::uint64_t> unfinished_;
    std::map<MapId, int> fillers_;
    std::map<std::pair<MapId, std::uint64_t>, JobId> items_;
    std::map<std::string, JobId> keys_;
    std::map<std::uint64_t, std::pair<JobOrder, Done<std::vector<jobs::PlacedJob>>>> waiting_;
    std::deque<std::move_only_function<void()>> later_;
    std::vector<std::pair<MapId, JobListener*>> map_listeners_;
    std::vector<std::pair<JobId, JobListener*>> job_listeners_;
    std::uint64_t tickets_ = 0;
    std::uint64_t last_job_ = 0;
};

}  // namespace pinion::daemon
