// SPDX-License-Identifier: Apache-2.0
#include "checker.h"

#include <algorithm>
#include <cmath>

namespace pinion::sim {
namespace {

std::string text(const WorkerId& id) {
    return slot_name(id.pool, id.slot) + " generation " + std::to_string(id.generation.value);
}

bool in(const std::vector<ExitPattern>& patterns, const Death& death) {
    const auto kind = death.cause == Death::Cause::exited ? ExitPattern::Kind::code : ExitPattern::Kind::signal;
    return std::ranges::count(patterns, ExitPattern{kind, death.status}) > 0;
}

// supervision.md: the first failure restarts at once; the n-th waits min(max_delay, delay × 2^(n−2)).
double delay_of(const RestartPolicy& policy, std::uint32_t n) {
    if (n <= 1) return 0;
    const double grown = static_cast<double>(policy.delay.count()) * std::pow(policy.factor, n - 2);
    return std::min(static_cast<double>(policy.max_delay.count()), grown);
}

}  // namespace

void Checker::before(const Event& event, const FakeWorld& world) {
    const auto number = world.events;
    exit_expected_ = false;
    if (const auto* e = std::get_if<PoolDeclared>(&event); e && !shutdown_) declared(*e, number);
    if (const auto* e = std::get_if<PoolWithdrawn>(&event)) {
        pools_[e->pool].withdrawn = true;
        pools_[e->pool].cause = number;
    }
    if (const auto* e = std::get_if<StartRequested>(&event)) told(e->pool, e->slot, false, number);
    if (const auto* e = std::get_if<RestartRequested>(&event)) told(e->pool, e->slot, false, number);
    if (const auto* e = std::get_if<StopRequested>(&event)) told(e->pool, e->slot, true, number);
    if (std::holds_alternative<ShutdownRequested>(event)) {
        shutdown_ = true;
        for (auto& [name, pool] : pools_) pool.cause = number;
    }
    if (const auto* e = std::get_if<WorkerExited>(&event)) {
        const Tree* tree = world.tree(e->worker.pool, e->worker.slot);
        exit_expected_ = tree && tree->id == e->worker;
    }
}

void Checker::declared(const PoolDeclared& event, std::uint64_t number) {
    auto& pool = pools_[event.spec->name];
    const bool anew = pool.spec == nullptr || pool.withdrawn;
    const auto old_count = static_cast<std::uint32_t>(pool.seats.size());
    const auto count = static_cast<std::uint32_t>(event.seats.size());
    if (anew) {
        pool.stopped = pool.withdrawn = pool.gate_open = false;
        pool.cause = number;
    }
    const bool new_policy = !anew && pool.spec->restart != event.spec->restart;
    const bool unlinked = !anew && pool.spec->start.after != event.spec->start.after;
    // Pools that this one named may stop now, if they are leaving: they have a cause of their own.
    static_cast<void>(unlinked);
    for (std::uint32_t slot = 0; slot < std::max(old_count, count); ++slot) {
        auto& model = pool.slots[slot];
        if (anew || slot >= old_count || slot >= count) {
            model.stopped = model.past_gate = false;
            model.cause = number;
        }
        if (anew || event.respawn || slot >= old_count) clear(model);
        if (new_policy) {
            model.not_before = {};
            model.by_policy = false;
            model.restarts.clear();
            model.in_row_known = false;
        }
    }
    if (event.respawn) pool.cause = number;
    pool.spec = event.spec;
    pool.seats = event.seats;
}

void Checker::clear(SlotModel& slot) {
    slot.in_row_known = false;
    slot.not_before = {};
    slot.by_policy = false;
    slot.restarts.clear();
}

void Checker::told(const std::string& name, std::optional<Slot> slot, bool stop, std::uint64_t number) {
    auto& pool = pools_[name];
    if (!stop && leaving(pool)) return;
    if (!slot) {
        pool.stopped = stop;
        pool.cause = number;
        if (!stop) pool.gate_open = true;
        for (auto& [key, model] : pool.slots) {
            if (stop) continue;
            model.stopped = false;
            clear(model);
        }
        return;
    }
    for (auto& [key, model] : pool.slots) {
        const bool concerned = key == slot->value;
        if (!stop && !concerned && pool.stopped) model.stopped = true;
        if (!concerned) continue;
        model.stopped = stop;
        model.cause = number;
        if (stop) continue;
        model.past_gate = true;
        clear(model);
    }
    if (!stop) pool.stopped = false;
}

bool Checker::is_wanted(const PoolModel& pool, Slot slot) const {
    if (leaving(pool) || pool.stopped || slot.value >= pool.seats.size()) return false;
    const auto found = pool.slots.find(slot.value);
    return found == pool.slots.end() || !found->second.stopped;
}

void Checker::after(const Event& event, const Effects& effects, const FakeWorld& world) {
    check_order(effects);
    open_gates(world);
    std::size_t died = 0;
    for (const auto& effect : effects) {
        if (const auto* e = std::get_if<Spawn>(&effect)) on_spawn(*e, event, world);
        if (const auto* e = std::get_if<KillTree>(&effect)) {
            const Tree* tree = world.tree(e->worker.pool, e->worker.slot);
            on_end_signal(e->worker, world, tree && tree->main);
        }
        if (const auto* e = std::get_if<Signal>(&effect); e && !std::holds_alternative<SignalRequested>(event)) {
            on_end_signal(e->worker, world, true);
        }
        if (const auto* e = std::get_if<SlotRemoved>(&effect)) {
            if (world.tree(e->pool, e->slot) && !std::holds_alternative<TreeEmptied>(event) &&
                !std::holds_alternative<SpawnFailed>(event)) {
                complain("removed " + slot_name(e->pool, e->slot) + " with a process in it");
            }
        }
        if (const auto* e = std::get_if<PoolRemoved>(&effect)) pools_.erase(e->pool);
        if (std::holds_alternative<ShutdownComplete>(effect)) {
            if (complete_) complain("completed the shutdown twice");
            if (!world.trees().empty()) complain("completed the shutdown with processes left");
            complete_ = true;
        }
        const auto* report = std::get_if<Report>(&effect);
        if (report == nullptr) continue;
        if (const auto* fact = std::get_if<WorkerDied>(&report->fact)) {
            ++died;
            on_death(*fact, world);
        }
        if (const auto* fact = std::get_if<WorkerNotSpawned>(&report->fact)) on_failed_spawn(*fact, world);
        if (const auto* fact = std::get_if<WorkerStopping>(&report->fact)) on_stopping(*fact, event, world);
    }
    if (died != (exit_expected_ ? 1U : 0U)) {
        complain("an exit was accounted for " + std::to_string(died) + " times");
    }
    if (const auto* e = std::get_if<SpawnSucceeded>(&event)) {
        const Tree* tree = world.tree(e->worker.pool, e->worker.slot);
        const bool stopped_at_once = std::ranges::any_of(effects, [&](const Effect& effect) {
            const auto* signal = std::get_if<Signal>(&effect);
            const auto* kill = std::get_if<KillTree>(&effect);
            return (signal && signal->worker == e->worker) || (kill && kill->worker == e->worker);
        });
        auto& slot = pools_[e->worker.pool].slots[e->worker.slot.value];
        const bool is_exec = tree && tree->spec->start.ready == StartPolicy::Ready::exec;
        // One that is stopped with the same event was running for no time, or never.
        slot.ready_unknown = is_exec && stopped_at_once;
        if (is_exec && !stopped_at_once) slot.ready = world.now;
    }
    for (const auto& effect : effects) {
        const auto* report = std::get_if<Report>(&effect);
        const auto* fact = report ? std::get_if<WorkerIsReady>(&report->fact) : nullptr;
        if (fact) pools_[fact->worker.pool].slots[fact->worker.slot.value].ready = world.now;
    }
}

void Checker::check_order(const Effects& effects) {
    int stage = 0;
    for (const auto& effect : effects) {
        const bool closing = std::holds_alternative<SlotRemoved>(effect) ||
                             std::holds_alternative<PoolRemoved>(effect) ||
                             std::holds_alternative<ShutdownComplete>(effect);
        const int own = closing ? 2 : std::holds_alternative<Report>(effect) ? 1 : 0;
        if (own < stage) complain("what touches processes came after a report, or a report after an end");
        stage = std::max(stage, own);
    }
}

void Checker::on_spawn(const Spawn& spawn, const Event& event, const FakeWorld& world) {
    ++spawns_;
    const auto& id = spawn.worker;
    if (!pools_.contains(id.pool)) return complain("spawned in a pool that is not there: " + text(id));
    auto& pool = pools_[id.pool];
    auto& slot = pool.slots[id.slot.value];
    if (complete_ || shutdown_) complain("spawned after the shutdown was asked for: " + text(id));
    if (!is_wanted(pool, id.slot)) complain("spawned what is not wanted: " + text(id));
    if (spawn.spec != pool.spec) complain("spawned an old text: " + text(id));
    if (id.slot.value < pool.seats.size() && spawn.seat != pool.seats[id.slot.value]) {
        complain("spawned on an old seat: " + text(id));
    }
    auto& last = generations_[{id.pool, id.slot}];
    if (id.generation <= last) complain("used a generation twice: " + text(id));
    last = id.generation;
    if (world.now < slot.not_before) complain("spawned before the back-off was over: " + text(id));
    const auto& limit = pool.spec->restart.limit;
    if (slot.by_policy && limit) {
        slot.restarts.push_back(world.now);
        const auto recent =
            std::ranges::count_if(slot.restarts, [&](MonotonicTime at) { return world.now - at < limit->within; });
        if (recent > static_cast<long>(limit->count)) complain("restarted more often than the limit: " + text(id));
        if (slot.restarts.size() > 64) slot.restarts.pop_front();
    }
    const auto* start = std::get_if<StartRequested>(&event);
    const auto* restart = std::get_if<RestartRequested>(&event);
    const bool by_hand = (start && start->slot) || (restart && restart->slot);
    if (!by_hand) {
        if (!pool.gate_open && !slot.past_gate) complain("started before others were ready: " + text(id));
        if (pool.last_spawn && world.now - *pool.last_spawn < pool.spec->start.stagger) {
            complain("spawned sooner than start.stagger after the one before: " + text(id));
        }
    }
    pool.last_spawn = world.now;
    slot.past_gate = true;
    slot.by_policy = false;
    slot.not_before = {};
    slot.ready = {};
}

void Checker::open_gates(const FakeWorld& world) {
    for (auto& [name, pool] : pools_) {
        if (pool.gate_open || pool.spec == nullptr) continue;
        pool.gate_open = std::ranges::all_of(pool.spec->start.after, [&](const std::string& other) {
            const auto view = world.supervisor.pool(other);
            return view && (view->state == PoolState::running || view->state == PoolState::completed);
        });
    }
}

void Checker::on_end_signal(const WorkerId& id, const FakeWorld& world, bool of_life) {
    const Tree* tree = world.tree(id.pool, id.slot);
    if (tree == nullptr || tree->id != id) return complain("signalled what is not there: " + text(id));
    if (!of_life || tree->told_to_end) return;
    const auto& pool = pools_[id.pool];
    const auto slot = pool.slots.find(id.slot.value);
    const auto cause = std::max(pool.cause, slot == pool.slots.end() ? 0 : slot->second.cause);
    const bool late = tree->spec->start.ready == StartPolicy::Ready::notify &&
                      (slot == pool.slots.end() || slot->second.ready == MonotonicTime{});
    if (cause <= tree->born && !late) complain("told to end for no reason: " + text(id));
}

void Checker::on_death(const WorkerDied& fact, const FakeWorld& world) {
    ++deaths_;
    const auto& id = fact.worker;
    const Tree* tree = world.tree(id.pool, id.slot);
    if (tree == nullptr || tree->id != id) return complain("reported the death of a stranger: " + text(id));
    auto& slot = pools_[id.pool].slots[id.slot.value];
    const auto uptime = slot.ready == MonotonicTime{} ? std::nullopt : std::optional(world.now - slot.ready);
    if (!slot.ready_unknown && fact.uptime != uptime.value_or(Duration::zero()))
        complain("reported a wrong uptime: " + text(id));
    if (!tree->told_to_end) return on_decision(id, fact.decision, &fact.death, uptime, world.now);
    // It was told to end. Whatever was decided must be about that, or about a start that took too long.
    slot.in_row_known = false;
    slot.by_policy = fact.decision.kind == Decision::Kind::restart;
    if (slot.by_policy) slot.not_before = add_saturating(world.now, fact.decision.delay);
    if (slot.by_policy && uptime) complain("judged a worker that was told to end: " + text(id));
}

void Checker::on_failed_spawn(const WorkerNotSpawned& fact, const FakeWorld& world) {
    if (fact.decision.kind == Decision::Kind::stopped || fact.decision.kind == Decision::Kind::replace) return;
    on_decision(fact.worker, fact.decision, nullptr, std::nullopt, world.now);
}

void Checker::on_decision(const WorkerId& id, const Decision& decision, const Death* death,
                          std::optional<Duration> uptime, MonotonicTime now) {
    auto& pool = pools_[id.pool];
    auto& slot = pool.slots[id.slot.value];
    const auto& policy = pool.spec->restart;
    using Kind = Decision::Kind;
    if (leaving(pool)) {
        if (decision.kind != Kind::stopped) complain("went on with a worker of a pool that leaves: " + text(id));
        return;
    }
    Kind expected = Kind::restart;
    if (death && in(policy.fatal, *death)) {
        expected = Kind::give_up_fatal;
    } else if (policy.policy != RestartWhen::always && death && in(policy.success, *death)) {
        expected = Kind::complete;
    } else if (policy.policy == RestartWhen::never) {
        expected = Kind::give_up_policy;
    }
    const bool as_expected = decision.kind == expected || (expected == Kind::restart && policy.limit.has_value() &&
                                                           decision.kind == Kind::give_up_limit);
    if (!as_expected) complain("decided against the policy: " + text(id));

    if (uptime && *uptime >= policy.reset_after) slot.in_row = 0;
    if (uptime && *uptime >= policy.reset_after) slot.in_row_known = true;
    slot.in_row = expected == Kind::complete ? 0 : slot.in_row + 1;
    if (!slot.in_row_known) slot.in_row = decision.failures_in_row;
    slot.in_row_known = true;
    if (decision.failures_in_row != slot.in_row) complain("miscounted the ends in a row: " + text(id));

    slot.by_policy = decision.kind == Kind::restart;
    if (!slot.by_policy) return;
    const auto delay = static_cast<double>(decision.delay.count());
    const double nominal = delay_of(policy, slot.in_row);
    if (delay < nominal * (1 - policy.jitter) - 1 || delay > nominal * (1 + policy.jitter) + 1) {
        complain("a back-off outside the policy: " + text(id));
    }
    slot.not_before = add_saturating(now, decision.delay);
}

void Checker::on_stopping(const WorkerStopping& fact, const Event& event, const FakeWorld& world) {
    const bool of_leaving = leaving(pools_[fact.worker.pool]);
    // One that was being spawned when its pool began to leave serves nobody yet, and ends at once; one that is not
    // ready in time ends for that.
    if (!of_leaving || std::holds_alternative<SpawnSucceeded>(event) || fact.reason == "not ready in time") return;
    for (const auto& [name, other] : pools_) {
        if (name == fact.worker.pool || other.spec == nullptr) continue;
        if (std::ranges::count(other.spec->start.after, fact.worker.pool) == 0) continue;
        for (const auto& [key, tree] : world.trees()) {
            const bool leaves_now =
                std::holds_alternative<TreeEmptied>(event) || std::holds_alternative<SpawnFailed>(event);
            if (key.first == name && !leaves_now) complain("stopped '" + fact.worker.pool + "' before '" + name + "'");
        }
    }
}

void Checker::check_views(const FakeWorld& world) {
    const auto views = world.supervisor.pools();
    if (views.size() != pools_.size()) complain("there are more or fewer pools than were declared");
    for (const auto& view : views) {
        std::uint32_t running = 0;
        std::uint32_t wanted = 0;
        const auto& pool = pools_[view.name];
        for (const auto& worker : world.supervisor.workers(view.name)) {
            if (worker.state == WorkerState::running) ++running;
            if (is_wanted(pool, worker.slot) && worker.state != WorkerState::completed) ++wanted;
            const Tree* tree = world.tree(view.name, worker.slot);
            const bool has_tree = worker.state == WorkerState::starting || worker.state == WorkerState::running ||
                                  worker.state == WorkerState::stopping;
            if (has_tree != (tree != nullptr)) complain("'" + view.name + "' shows a state without its process");
        }
        if (running != view.running) complain("'" + view.name + "' miscounts those that run");
        if (wanted != view.wanted) complain("'" + view.name + "' miscounts those wanted");
    }
}

void Checker::check_all_running(const FakeWorld& world) {
    for (const auto& view : world.supervisor.pools()) {
        const auto& pool = pools_[view.name];
        for (std::uint32_t slot = 0; slot < pool.seats.size(); ++slot) {
            const Tree* tree = world.tree(view.name, Slot{slot});
            if (tree == nullptr || !tree->main) complain("no worker in " + slot_name(view.name, Slot{slot}));
        }
        if (world.supervisor.workers(view.name).size() != pool.seats.size())
            complain("too many workers in " + view.name);
        if (view.state != PoolState::running) {
            complain("'" + view.name + "' is " + to_string(view.state) + " although all is calm: " + view.note);
        }
    }
}

void Checker::check_recovered(const FakeWorld& world) {
    for (const auto& view : world.supervisor.pools()) {
        const auto& pool = pools_[view.name];
        const auto& policy = pool.spec->restart;
        const bool sure = policy.policy == RestartWhen::always && !policy.limit && policy.fatal.empty() &&
                          pool.gate_open && !leaving(pool);
        if (!sure) continue;
        for (std::uint32_t slot = 0; slot < pool.seats.size(); ++slot) {
            if (!is_wanted(pool, Slot{slot})) continue;
            const Tree* tree = world.tree(view.name, Slot{slot});
            if (tree == nullptr || !tree->main) {
                complain(slot_name(view.name, Slot{slot}) + " did not recover by itself: " + view.note);
            }
        }
    }
}

}  // namespace pinion::sim
