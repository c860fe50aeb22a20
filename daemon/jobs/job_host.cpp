// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_host.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "daemon/jobs/job_records.h"
#include "jobs/store_memory.h"
#include "log/messages.h"
#include "model/job_limits.h"

namespace pinion::daemon {

using namespace jobs;

namespace {

constexpr Duration first_expiry = 1min;
constexpr Duration expiry_period = 10min;
constexpr Duration shortest_expiry_period = 1s;
// At start a million jobs come: in slices, since an event is larger than what the scheduler keeps of it.
constexpr std::size_t recovery_slice = 8192;

// How often it is looked for what is past its retention: as often as the shortest one wants it.
Duration expiry_wait(const std::map<std::string, host::Pool>& pools) {
    Duration wait = expiry_period;
    for (const auto& [name, pool] : pools)
        if (pool.declared) wait = std::min(wait, pool.policy->queue.retention);
    return std::max(wait, shortest_expiry_period);
}

// Gives back what only a flood needed.
template <class T>
void keep_memory(std::vector<T>& used, std::vector<T>& spare) {
    used.clear();
    if (used.capacity() <= recovery_slice) spare = std::move(used);
}

}  // namespace

JobHost::JobHost(event::Loop& loop, JobServices services, std::uint64_t seed)
    : loop_(loop), services_(std::move(services)), scheduler_(seed) {}

JobHost::~JobHost() = default;

Result<void> JobHost::start() {
    PINION_TRY(turns, loop_.add_deferred(event::Priority::output, [this] { turn(); }));
    turn_source_ = std::move(turns);
    PINION_TRY(timer, loop_.add_timer(event::Priority::timer, [this] { post(TimerFired{}); }));
    timer_ = std::move(timer);
    PINION_TRY(expiry, loop_.add_timer(event::Priority::output, [this] {
        if (store_) store_->post(Expire{wall_now()});
        expires_at_ = no_deadline;
        expire_by(loop_.now() + expiry_wait(pools_));
    }));
    expire_timer_ = std::move(expiry);
    PINION_TRY(fetch, loop_.add_timer(event::Priority::output, [this] { fetch_again(); }));
    fetch_timer_ = std::move(fetch);
    return {};
}

// --- Turns

void JobHost::post(JobEvent event) {
    events_.push_back(std::move(event));
    arm();
}

// Never later than was said before: pools may change more often than anything expires.
void JobHost::expire_by(MonotonicTime at) {
    if (at >= expires_at_) return;
    expires_at_ = at;
    expire_timer_.arm(at);
}

void JobHost::note(JobEvent event) { events_.push_back(std::move(event)); }

void JobHost::arm() { turn_source_.enable(true); }

void JobHost::later(std::move_only_function<void()> call) {
    calls_.push_back(std::move(call));
    arm();
}

void JobHost::turn() {
    in_turn_ = true;
    for (auto& call : std::exchange(calls_, {})) call();
    auto events = std::exchange(events_, std::move(spare_events_));
    const auto later_evidence = first_evidence_ + evidence_.size();
    effects_.clear();
    scheduler_.handle(events, loop_.now(), effects_);
    execute_all();
    tell_refused();
    keep_memory(events, spare_events_);
    // The scheduler keeps none: what was not asked for in this turn never is.
    const auto old = std::max(later_evidence, first_evidence_) - first_evidence_;
    evidence_.erase(evidence_.begin(), evidence_.begin() + static_cast<std::ptrdiff_t>(old));
    first_evidence_ += old;
    for (const auto token : std::exchange(pending_.abandoned, {})) {
        const auto order = pending_.orders.find(token);
        if (order == pending_.orders.end() || order->second.admitted) continue;
        const MapId map = order->second.map;
        pending_.orders.erase(order);
        arrived(map);
    }
    timer_.arm(scheduler_.next_deadline());
    in_turn_ = false;
}

void JobHost::execute_all() {
    auto effects = std::exchange(effects_, {});
    for (const auto& effect : effects) execute(effect);
    keep_memory(effects, effects_);
}

void JobHost::finish() {
    // Ends of workers that came with the last of them.
    while (!events_.empty() || !calls_.empty()) turn();
    store_source_ = {};
    store_.reset();
    store_error_ = "the daemon stops";
}

// --- Pools

bool JobHost::open() {
    if (store_) return true;
    if (!store_error_.empty()) return false;
    auto opened = services_.open_store();
    if (!opened) {
        store_error_ = opened.error().message;
        services_.record(store_record(log::Priority::err, store_error_ +
                                                              "; no jobs are taken until the daemon starts anew. "
                                                              "Service pools go on"));
        return false;
    }
    store_ = std::move(*opened);
    auto source =
        loop_.add_io(store_->answer_fd(), EPOLLIN, event::Priority::output, [this](std::uint32_t) { take_answers(); });
    if (!source) {
        store_.reset();
        store_error_ = source.error().message;
        return false;
    }
    store_source_ = std::move(*source);
    return true;
}

void JobHost::declare(const SpecPtr& spec) {
    auto [place, is_new] = pools_.try_emplace(spec->name);
    Pool& pool = place->second;
    if (is_new) {
        pool.id = JobPoolId{next_pool_++};
        names_[pool.id.value] = spec->name;
    }
    const bool same_inputs = pool.policy && pool.policy->inputs == spec->jobs->inputs && pool.declared;
    const bool changed = !pool.policy || *pool.policy != *spec->jobs || !pool.declared;
    pool.spec = spec;
    pool.declared = true;
    if (!changed) return;
    pool.policy = std::make_shared<const JobPoolSpec>(*spec->jobs);
    const bool opened = open();
    if (opened) {
        store_->declare_pool(pool.id, spec->name, pool.policy->queue);
        expire_by(loop_.now() + std::min(first_expiry, expiry_wait(pools_)));
    }
    post(PoolDeclared{pool.id, pool.policy});
    if (!opened) return post(StoreChanged{false});
    if (is_new) recover(pool.id);
    if (!same_inputs && !pool.policy->inputs.empty()) make_inputs({pool.id, spec});
}

void JobHost::withdraw(const std::string& pool) {
    const auto found = pools_.find(pool);
    if (found == pools_.end() || !found->second.declared) return;
    found->second.declared = false;
    post(PoolWithdrawn{found->second.id});
}

void JobHost::declare_semaphores(const std::map<std::string, std::uint32_t>& permits) {
    post(SemaphoresDeclared{permits});
}

void JobHost::recover(std::optional<JobPoolId> only) {
    std::vector<MapSealed> sealed;
    std::unordered_set<MapId> cancelled, of_inputs;
    RecoveryVisitor visitor;
    visitor.queue = [this](const RecoveredQueue& queue) {
        post(QueueOrdered{queue.pool, queue.mode});
        note_mode(queue.pool, queue.by, queue.at);
    };
    visitor.map = [&](const RecoveredMap& map) {
        post(MapOpened{map.map, map.pool, map.fail_fast});
        // One without a name was its client's, which went with the last daemon, unless only the pool was away. Nobody
        // can come back to it.
        const bool left = map.name.empty() && !is_filled(map.map);
        const auto seal = map.seal.value_or(MapSeal{});
        if (map.name.starts_with(inputs_map_prefix)) of_inputs.insert(map.map);
        if (map.cancelled || (left && !seal.goes_on)) cancelled.insert(map.map);
        if (map.seal || left) sealed.push_back({map.map, seal.items});
    };
    visitor.job = [&](const RecoveredJob& job) {
        // One of which no job is left completed before, and has been recorded.
        if (of_inputs.contains(job.map)) input_maps_[job.map.value] = job.pool;
        post(JobQueued{.job = job.job,
                       .pool = job.pool,
                       .map = job.map,
                       .not_before = monotonic(job.not_before),
                       .size = job.size,
                       .attempts = static_cast<std::uint16_t>(job.attempts),
                       .priority = job.priority,
                       .interrupted = job.claimed,
                       .cancelled = cancelled.contains(job.map),
                       .on_disk = !is_in_memory(job.job)});
        if (events_.size() >= recovery_slice) turn();
    };
    if (auto recovered = store_->recover(only, visitor); !recovered) {
        // Most say it by their health. Maps are not known to be whole, so none is sealed.
        if (store_->health().state == StoreHealth::State::open)
            services_.record(store_record(log::Priority::err, recovered.error().message));
        return;
    }
    for (const auto& map : sealed) post(map);
}

const JobHost::Pool* JobHost::find_pool(JobPoolId id) const {
    const auto name = names_.find(id.value);
    if (name == names_.end()) return nullptr;
    const auto pool = pools_.find(name->second);
    return pool == pools_.end() || pool->second.id != id ? nullptr : &pool->second;
}

std::optional<JobPool> JobHost::find(const std::string& pool) const {
    const auto found = pools_.find(pool);
    if (found == pools_.end() || !found->second.declared) return std::nullopt;
    return JobPool{found->second.id, found->second.spec};
}

std::vector<JobPool> JobHost::pools() const {
    std::vector<JobPool> all;
    for (const auto& [name, pool] : pools_)
        if (pool.declared) all.push_back({pool.id, pool.spec});
    return all;
}

std::string JobHost::name(JobPoolId pool) const {
    const auto found = names_.find(pool.value);
    return found == names_.end() ? "?" : found->second;
}

// --- Time

WallTime JobHost::wall(MonotonicTime at) const { return wall_now() - (loop_.now() - at); }

MonotonicTime JobHost::monotonic(WallTime at) const {
    if (at == WallTime{}) return {};
    const auto now = wall_now();
    return at <= now ? MonotonicTime{} : add_saturating(loop_.now(), at - now);
}

}  // namespace pinion::daemon
