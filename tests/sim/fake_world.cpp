// SPDX-License-Identifier: Apache-2.0
#include "fake_world.h"

#include <algorithm>
#include <csignal>

namespace pinion::sim {

void FakeWorld::send(const Event& event) {
    queue_.push(event);
    while (!queue_.empty()) {
        const Event next = std::move(queue_.front());
        queue_.pop();
        handle(next);
    }
}

void FakeWorld::handle(const Event& event) {
    ++events;
    if (watcher_) watcher_->before(event, *this);
    effects_.clear();
    supervisor.handle(event, now, effects_);
    // The watcher judges what was asked for against the world as it was.
    if (watcher_) watcher_->after(event, effects_, *this);
    const Effects todo = std::move(effects_);
    for (const auto& effect : todo) execute(effect, event);
    if (fail_effect == 0) check_owners(todo);
}

// Seats of their own are shared by nobody, at no time.
void FakeWorld::check_owners(const Effects& done) {
    const bool seated = std::ranges::any_of(done, [](const Effect& effect) {
        return std::holds_alternative<Spawn>(effect) || std::holds_alternative<Repin>(effect);
    });
    if (!seated) return;
    std::map<std::uint32_t, const Tree*> first;  // by CPU
    for (const auto& [key, tree] : trees_) {
        for (const std::uint32_t cpu : tree.seat.mask.members()) {
            const auto [there, fresh] = first.emplace(cpu, &tree);
            if (fresh || !(tree.seat.exclusive || there->second->seat.exclusive)) continue;
            const WorkerId& other = there->second->id;
            violations.push_back(slot_name(key.first, key.second) + " and " + slot_name(other.pool, other.slot) +
                                 " both sit on CPU " + std::to_string(cpu) + ", which one of them owns");
        }
    }
}

bool FakeWorld::advance(MonotonicTime until) {
    const auto own = scheduled_.empty() ? no_deadline : scheduled_.top().at;
    const auto timer = supervisor.next_deadline();
    if (std::min(own, timer) > until || std::min(own, timer) == no_deadline) return false;
    now = std::max(now, std::min(own, timer));
    if (own > timer) {
        send(TimerFired{});
        if (supervisor.next_deadline() <= now) violations.push_back("the timer fired, and is due again at once");
        return true;
    }
    const Happening next = scheduled_.top();
    scheduled_.pop();
    happen(next);
    return true;
}

void FakeWorld::run_for(Duration span) {
    const auto until = now + span;
    while (advance(until)) {
    }
    now = until;
}

void FakeWorld::happen(const Happening& happening) {
    Tree* tree = find(happening.id);
    if (tree == nullptr) return;
    switch (happening.kind) {
        case Happening::Kind::answer:
            if (tree->answered || tree->exited) return;
            tree->answered = tree->main = true;
            send(SpawnSucceeded{tree->id});
            return;
        case Happening::Kind::failure: {
            if (tree->answered) return;
            const WorkerId id = tree->id;
            trees_.erase({id.pool, id.slot});
            return send(SpawnFailed{id, {.stage = SpawnStage::exec, .error = 2, .object = "/bin/worker"}});
        }
        case Happening::Kind::ready:
            if (!tree->exited) send(WorkerReady{tree->id});
            return;
        case Happening::Kind::exit: {
            if (!tree->main) return;
            tree->main = false;
            const WorkerId id = tree->id;
            const bool empty = !tree->others;
            tree->exited = true;
            if (empty) schedule(Happening::Kind::emptied, id, 0us);
            return send(WorkerExited{id, happening.death});
        }
        case Happening::Kind::emptied: {
            const WorkerId id = tree->id;
            trees_.erase({id.pool, id.slot});
            return send(TreeEmptied{id});
        }
    }
}

void FakeWorld::execute(const Effect& effect, const Event& cause) {
    if (std::holds_alternative<Report>(effect)) return;
    ++effects_executed;
    const bool fails = effects_executed == fail_effect;
    if (const auto* to_spawn = std::get_if<Spawn>(&effect)) return spawn(*to_spawn, fails);
    if (const auto* to_kill = std::get_if<KillTree>(&effect)) return kill_tree(*to_kill, fails);
    if (const auto* to_move = std::get_if<Repin>(&effect)) {
        Tree* tree = find(to_move->worker);
        if (tree != nullptr && !fails) tree->seat = to_move->seat;
        return;
    }
    if (std::holds_alternative<ShutdownComplete>(effect)) ++shutdowns_completed;
    if (const auto* to_signal = std::get_if<Signal>(&effect)) {
        signal(*to_signal, std::holds_alternative<SignalRequested>(cause), fails);
    }
}

void FakeWorld::spawn(const Spawn& effect, bool fails) {
    const auto key = std::pair{effect.worker.pool, effect.worker.slot};
    const auto [place, fresh] = trees_.try_emplace(key);
    if (!fresh) {
        violations.push_back("a second tree in " + slot_name(effect.worker.pool, effect.worker.slot));
        return;
    }
    Tree& tree = place->second;
    tree.id = effect.worker;
    tree.spec = effect.spec;
    tree.seat = effect.seat;
    tree.spawned = now;
    tree.born = events;
    Duration delay = chance(faults.answer_late) ? random.up_to(20ms) : 0us;
    if (chance(faults.hangs_before_exec)) delay = random.up_to(5min);
    if (fails || chance(faults.spawn_fails)) return schedule(Happening::Kind::failure, tree.id, delay);
    schedule(Happening::Kind::answer, tree.id, delay);
    draw_fate(tree, delay);
}

void FakeWorld::draw_fate(Tree& tree, Duration answer) {
    const auto start = tree.spec->start;
    if (start.ready == StartPolicy::Ready::notify && !chance(faults.never_ready)) {
        schedule(Happening::Kind::ready, tree.id, faults.never_ready ? random.up_to(start.timeout * 5 / 4) : 1ms);
    }
    tree.ignores = chance(faults.ignores_signals);
    tree.others = chance(faults.leaves_others);
    tree.misses = tree.others && chance(faults.kill_misses) ? static_cast<int>(random.below(3)) : 0;
    const bool by_signal = random.one_in(4);
    const Death death{.cause = by_signal ? Death::Cause::signaled : Death::Cause::exited,
                      .status = by_signal ? SIGSEGV : random.pick({0, 0, 1, 1, 78})};
    // A process may be gone before its parent is told that it began; its exit is told afterwards.
    if (chance(faults.dies_at_once)) return schedule(Happening::Kind::exit, tree.id, answer, death);
    if (!chance(faults.dies_later)) return;
    schedule(Happening::Kind::exit, tree.id, answer + random.up_to(random.pick<Duration>({10ms, 1s, 20s})), death);
}

void FakeWorld::signal(const Signal& effect, bool by_operator, bool fails) {
    Tree* tree = find(effect.worker);
    if (tree == nullptr || !tree->main) return;
    if (!by_operator) tree->told_to_end = true;
    if (fails || (tree->ignores && effect.signal != SIGKILL)) return;
    schedule(Happening::Kind::exit, effect.worker, random.up_to(random.pick<Duration>({0us, 1ms, 2s})),
             {.cause = Death::Cause::signaled, .status = effect.signal});
}

void FakeWorld::kill_tree(const KillTree& effect, bool fails) {
    Tree* tree = find(effect.worker);
    if (tree == nullptr || fails) return;
    if (!tree->answered) {  // what was on its way gets no further, and its end is told like any other
        schedule(Happening::Kind::answer, effect.worker, 0us);
        schedule(Happening::Kind::exit, effect.worker, 1us, {.cause = Death::Cause::signaled, .status = SIGKILL});
        return;
    }
    if (tree->main) {
        tree->told_to_end = true;
        schedule(Happening::Kind::exit, effect.worker, random.up_to(1ms),
                 {.cause = Death::Cause::signaled, .status = SIGKILL});
    }
    if (!tree->others || tree->misses-- > 0) return;
    tree->others = false;
    if (!tree->main) schedule(Happening::Kind::emptied, effect.worker, random.up_to(5ms));
}

void FakeWorld::schedule(Happening::Kind kind, const WorkerId& id, Duration delay, Death death) {
    scheduled_.push({add_saturating(now, delay), ++order_, kind, id, std::move(death)});
}

Tree* FakeWorld::find(const WorkerId& id) {
    const auto found = trees_.find({id.pool, id.slot});
    return found == trees_.end() || found->second.id.generation != id.generation ? nullptr : &found->second;
}

const Tree* FakeWorld::tree(const std::string& pool, Slot slot) const {
    const auto found = trees_.find({pool, slot});
    return found == trees_.end() ? nullptr : &found->second;
}

}  // namespace pinion::sim
