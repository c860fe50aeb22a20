// SPDX-License-Identifier: Apache-2.0
#include "supervise/supervisor_impl.h"

#include <algorithm>
#include <utility>

#include "base/units.h"
#include "model/limits.h"

namespace pinion::supervise {
namespace {

// FNV-1a: the same on every machine, so that a recorded run repeats.
std::uint64_t hash(std::string_view text) {
    std::uint64_t value = 0xcbf29ce484222325U;
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return value;
}

StopReason reason_of(Unwanted why) {
    switch (why) {
        case Unwanted::timeout: return StopReason::job_timeout;
        case Unwanted::cancelled: return StopReason::job_cancelled;
        case Unwanted::protocol: return StopReason::protocol_broken;
        case Unwanted::recycled: break;
    }
    return StopReason::recycled;
}

}  // namespace

void Supervisor::Impl::handle(const Event& event, MonotonicTime now, Effects& effects) {
    const Turn turn{now, out_};
    std::visit([&](const auto& e) { on(e, turn); }, event);
    settle_changed(turn);
    complete_shutdown(turn);
    out_.flush(effects);
}

MonotonicTime Supervisor::Impl::next_deadline() const { return std::min(deadlines_.earliest(), shutdown_deadline_); }

// --- the configuration

void Supervisor::Impl::on(const PoolDeclared& event, const Turn& turn) {
    if (shutting_down_) return;
    const auto& name = event.spec->name;
    Entry* pool = entry(name);
    if (pool == nullptr) {
        Pool::Birth birth{name, next_serial_++, seed_ ^ hash(name), retired(name)};
        pool = &pools_.try_emplace(name, std::move(birth), deadlines_, occupied_).first->second;
    }
    const auto before = pool->pool.spec() ? pool->pool.spec()->start.after : std::vector<std::string>{};
    unlink(name, before);
    link(name, event.spec->start.after);
    pool->pool.declare(event, turn);
    mark(*pool);
    if (!pool->pool.gate_open()) {
        open_gate_if_ready(*pool);
        if (!pool->pool.gate_open()) turn.out.report(PoolWaits{name, unready(pool->pool)});
    }
    for (const auto& dependency : before) release_if_free(dependency, turn);
}

void Supervisor::Impl::on(const PoolWithdrawn& event, const Turn& turn) {
    Entry* pool = entry(event.pool);
    if (pool == nullptr) return;
    pool->pool.withdraw(turn);
    mark(*pool);
    release_if_free(event.pool, turn);
}

// --- facts about workers

template <class Input>
void Supervisor::Impl::deliver(const WorkerId& id, const Turn& turn, Input input) {
    Entry* pool = entry(id.pool);
    if (pool == nullptr) return;
    pool->pool.deliver(id, turn, input);
    mark(*pool);
}

void Supervisor::Impl::on(const SpawnSucceeded& event, const Turn& turn) {
    deliver(event.worker, turn, [](Worker& w, const Scene& s) { w.spawned(s); });
}

void Supervisor::Impl::on(const SpawnFailed& event, const Turn& turn) {
    deliver(event.worker, turn, [&](Worker& w, const Scene& s) { w.not_spawned(s, event.failure); });
}

void Supervisor::Impl::on(const WorkerReady& event, const Turn& turn) {
    deliver(event.worker, turn, [](Worker& w, const Scene& s) { w.ready(s); });
}

void Supervisor::Impl::on(const WorkerStatus& event, const Turn& turn) {
    deliver(event.worker, turn, [&](Worker& w, const Scene&) { w.status(event.text); });
}

void Supervisor::Impl::on(const WorkerExited& event, const Turn& turn) {
    deliver(event.worker, turn, [&](Worker& w, const Scene& s) { w.exited(s, event.death); });
}

void Supervisor::Impl::on(const TreeEmptied& event, const Turn& turn) {
    deliver(event.worker, turn, [](Worker& w, const Scene& s) { w.emptied(s); });
}

void Supervisor::Impl::on(const WorkerUnwanted& event, const Turn& turn) {
    deliver(event.worker, turn,
            [&](Worker& w, const Scene& s) { w.make_way(s, reason_of(event.why), event.why != Unwanted::recycled); });
}

void Supervisor::Impl::on(const TimerFired&, const Turn& turn) {
    while (deadlines_.earliest() <= turn.now) {
        const auto owner = deadlines_.earliest_owner();
        owner.pool->timer(owner.slot, turn);
        mark(*entry(owner.pool->name()));
    }
    if (shutdown_deadline_ > turn.now) return;
    shutdown_deadline_ = no_deadline;
    // A process that SIGKILL does not end, in a wait that nothing interrupts, keeps nobody from ending.
    if (std::exchange(killed_all_, true)) return end_shutdown(turn);
    shutdown_deadline_ = add_saturating(turn.now, limits::shutdown_patience);
    for (auto& [name, each] : pools_) {
        each.pool.kill_all(turn);
        mark(each);
    }
}

// --- operators

void Supervisor::Impl::on(const StartRequested& event, const Turn& turn) {
    Entry* pool = startable(event.pool);
    if (pool == nullptr) return;
    turn.out.report(OperatorActed{event.pool, event.slot, "start", event.by});
    pool->pool.start(event.slot, turn);
    mark(*pool);
}

void Supervisor::Impl::on(const StopRequested& event, const Turn& turn) {
    Entry* pool = entry(event.pool);
    if (pool == nullptr) return;
    turn.out.report(OperatorActed{event.pool, event.slot, "stop", event.by});
    pool->pool.stop(event.slot, turn);
    mark(*pool);
}

void Supervisor::Impl::on(const RestartRequested& event, const Turn& turn) {
    Entry* pool = startable(event.pool);
    if (pool == nullptr) return;
    turn.out.report(OperatorActed{event.pool, event.slot, "restart", event.by});
    pool->pool.restart(event.slot, turn);
    mark(*pool);
}

void Supervisor::Impl::on(const SignalRequested& event, const Turn& turn) {
    Entry* pool = entry(event.pool);
    if (pool == nullptr) return;
    turn.out.report(OperatorActed{event.pool, event.slot, "kill " + signal_name(event.signal), event.by});
    pool->pool.signal(event.slot, event.signal, turn);
}

void Supervisor::Impl::on(const ShutdownRequested& event, const Turn& turn) {
    const auto deadline = add_saturating(turn.now, event.timeout);
    if (shutting_down_) {
        // Asked again: the earlier deadline holds, unless everything was killed already.
        if (!killed_all_) shutdown_deadline_ = std::min(shutdown_deadline_, deadline);
        return;
    }
    shutting_down_ = true;
    shutdown_deadline_ = deadline;
    for (auto& [name, each] : pools_) {
        each.pool.shut_down(turn);
        mark(each);
    }
    for (auto& [name, each] : pools_) release_if_free(name, turn);
}

// --- the turn

void Supervisor::Impl::settle_changed(const Turn& turn) {
    while (!changed_.empty()) {
        Entry* next = changed_.back();
        changed_.pop_back();
        next->changed = false;
        settle(*next, turn);
    }
}

void Supervisor::Impl::settle(Entry& entry, const Turn& turn) {
    Pool& pool = entry.pool;
    note_left_behind(pool);
    pool.settle(turn);
    if (moving_.contains(pool.name())) note_left_behind(pool);
    if (pool.waits_for_cpus())
        waiting_for_cpus_.insert(pool.name());
    else
        waiting_for_cpus_.erase(pool.name());

    const bool became_ready = !std::exchange(entry.ready, pool.is_ready()) && entry.ready;
    if (became_ready) {
        if (const auto found = dependents_.find(pool.name()); found != dependents_.end()) {
            for (const auto& dependent : found->second) {
                if (Entry* waiting = this->entry(dependent)) open_gate_if_ready(*waiting);
            }
        }
    }
    const bool was_at_rest = std::exchange(entry.at_rest, pool.at_rest());
    if (was_at_rest && !entry.at_rest) ++busy_;
    if (!was_at_rest && entry.at_rest) {
        --busy_;
        for (const auto& dependency : pool.spec()->start.after) release_if_free(dependency, turn);
    }
    if (pool.withdrawn() && entry.at_rest) remove(entry, turn);
}

void Supervisor::Impl::note_left_behind(const Pool& pool) {
    const bool moved = pool.moves() ? moving_.insert(pool.name()).second : moving_.erase(pool.name()) > 0;
    Occupied left = pool.left_behind();
    const auto found = left_behind_.find(pool.name());
    const bool same = found == left_behind_.end() ? left.any.empty() : found->second == left;
    if (same && !moved && !pool.moves()) return;
    if (left.any.empty())
        left_behind_.erase(pool.name());
    else
        left_behind_[pool.name()] = std::move(left);
    find_occupied();
}

// Pools that wait for CPUs look again when others are occupied than before.
void Supervisor::Impl::find_occupied() {
    Occupied now;
    const auto add = [&](const Occupied& more) {
        now.any |= more.any;
        now.owned |= more.owned;
    };
    for (const auto& [name, left] : left_behind_) add(left);
    // Who can't move yet keeps others from its CPUs, who may be moving themselves, and so on: it ends, since it begins
    // with those who leave for good.
    Occupied before;
    do {
        before = now;
        for (const auto& name : moving_)
            if (const Pool* pool = find(name)) add(pool->held_back(before));
    } while (now != before);
    if (now == occupied_) return;
    occupied_ = std::move(now);
    for (const auto& waiting : waiting_for_cpus_)
        if (Entry* pool = entry(waiting)) mark(*pool);
}

void Supervisor::Impl::remove(Entry& entry, const Turn& turn) {
    entry.pool.remove(turn);
    const std::string name = entry.pool.name();
    waiting_for_cpus_.erase(name);
    moving_.erase(name);
    if (left_behind_.erase(name) > 0) find_occupied();
    const SpecPtr spec = entry.pool.spec();
    unlink(name, spec->start.after);
    retired_[name] = entry.pool.last_generation();
    if (retired_.size() > limits::max_pools) {
        for (const auto& [pool, last] : retired_) retired_floor_ = std::max(retired_floor_, last);
        retired_.clear();
    }
    std::erase(changed_, &entry);
    pools_.erase(name);
    for (const auto& dependency : spec->start.after) release_if_free(dependency, turn);
}

void Supervisor::Impl::complete_shutdown(const Turn& turn) {
    if (shutting_down_ && busy_ == 0) end_shutdown(turn);
}

void Supervisor::Impl::end_shutdown(const Turn& turn) {
    if (std::exchange(complete_, true)) return;
    shutdown_deadline_ = no_deadline;
    turn.out.close(ShutdownComplete{});
}

// --- what pools are to each other

void Supervisor::Impl::link(const std::string& name, const std::vector<std::string>& after) {
    for (const auto& dependency : after) {
        if (dependency != name) dependents_[dependency].insert(name);
    }
}

void Supervisor::Impl::unlink(const std::string& name, const std::vector<std::string>& after) {
    for (const auto& dependency : after) {
        const auto found = dependents_.find(dependency);
        if (found == dependents_.end()) continue;
        found->second.erase(name);
        if (found->second.empty()) dependents_.erase(found);
    }
}

std::vector<std::string> Supervisor::Impl::unready(const Pool& pool) const {
    std::vector<std::string> names;
    for (const auto& dependency : pool.spec()->start.after) {
        const Pool* other = find(dependency);
        if (dependency != pool.name() && (other == nullptr || !other->is_ready())) names.push_back(dependency);
    }
    return names;
}

void Supervisor::Impl::open_gate_if_ready(Entry& entry) {
    if (entry.pool.gate_open() || !unready(entry.pool).empty()) return;
    entry.pool.open_gate();
    mark(entry);
}

void Supervisor::Impl::release_if_free(std::string_view name, const Turn& turn) {
    Entry* pool = entry(name);
    if (pool == nullptr || !pool->pool.held()) return;
    if (const auto found = dependents_.find(name); found != dependents_.end()) {
        const bool needed = std::ranges::any_of(found->second, [&](const std::string& dependent) {
            const Pool* other = find(dependent);
            return other != nullptr && !other->at_rest();
        });
        if (needed) return;
    }
    pool->pool.release(turn);
    mark(*pool);
}

Generation Supervisor::Impl::retired(const std::string& name) const {
    const auto found = retired_.find(name);
    return found == retired_.end() ? retired_floor_ : std::max(found->second, retired_floor_);
}

// --- looking

Supervisor::Impl::Entry* Supervisor::Impl::entry(std::string_view name) {
    const auto found = pools_.find(name);
    return found == pools_.end() ? nullptr : &found->second;
}

Supervisor::Impl::Entry* Supervisor::Impl::startable(std::string_view name) {
    Entry* pool = entry(name);
    return pool && !pool->pool.leaving() ? pool : nullptr;
}

void Supervisor::Impl::mark(Entry& entry) {
    if (std::exchange(entry.changed, true)) return;
    changed_.push_back(&entry);
}

const Pool* Supervisor::Impl::find(std::string_view name) const {
    const auto found = pools_.find(name);
    return found == pools_.end() ? nullptr : &found->second.pool;
}

PoolView Supervisor::Impl::view(const Pool& pool) const {
    auto view = pool.view();
    if (pool.gate_open() || !view.note.empty()) return view;
    for (const auto& name : unready(pool)) {
        const Pool* other = find(name);
        view.note += view.note.empty() ? "waits for " : ", ";
        view.note += "'" + name + "' (" + (other ? to_string(other->state()) : "not there") + ")";
    }
    return view;
}

std::vector<PoolView> Supervisor::Impl::views() const {
    std::vector<PoolView> all;
    all.reserve(pools_.size());
    for (const auto& [name, entry] : pools_) all.push_back(view(entry.pool));
    return all;
}

}  // namespace pinion::supervise
