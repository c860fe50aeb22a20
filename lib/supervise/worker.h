// SPDX-License-Identifier: Apache-2.0
// One slot's life. A slot outlives its processes: it has one life (a process and its tree) after another, each with a
// generation of its own, and never two at a time.
//
//                start                its turn
//      Idle ---------------> Waiting ------------> Spawning
//       ^                     ^   ^                   | spawned; ready: notify, or exec
//       |                     |   |           .-------+---------.
//       |                     |   |           v      ready      v
//       |                     |   |        Starting -------> Running
//       |                     |   |           '-------+---------'
//       |                     |   |                   | stop, replace, kill, or not ready in time
//       |                     |   |                   v
//       |                     |   |                Stopping    (its timer: KillTree, and again)
//       |                     |   |                   | exited; so do Starting and Running by themselves
//       |                     |   |                   v
//       |                     |   |                Clearing    (its timer: KillTree, again)
//       |                     |   | replace,          | emptied: what was decided is carried out;
//       |   stopped           |   | restart at once   | Spawning comes here when it is answered by a failure
//       +---------------------|---+-------------------+----> Completed
//       |                     |                       +----> Failed
//       |               timer |       restart later   |
//       |                     '------- Backoff <------'
//       '-- stop, from Waiting, Backoff, Failed and Completed; start leads from Backoff, Failed, Completed to Waiting
//
// What is decided when a life ends, and by whom:
//  - It ended by itself, or was not ready in time: the restart policy, at the moment of the exit. The delay counts from
//    there, the decision is reported there, and it is carried out once the tree is known to be empty.
//  - It was told to end (Stopping.then): rest or replace. A wish may change while it is on its way: a start turns rest
//    into replace, a stop turns replace into rest. So an interrupted stop ends in a new life, never in a revived one.
//  - It could not be spawned: the restart policy; there is no tree to wait for.
//  - The scene is closing (shutdown, withdrawal): rest, whatever the policy says.
// Promises:
//  - Spawn is asked for only in `turn`, from Waiting, which no state with a process leads to before `emptied`.
//  - A Spawn is always answered, so Spawning waits for the answer whatever is wished meanwhile.
//  - Every state answers every input. What can't happen by the contract of event.h (an exit where nothing lives) and
//    what comes too late (READY=1 from a worker that is being stopped) changes nothing.
//  - Live keys are read from the spec in force (Scene.spec) at the moment they matter; a stop that is under way keeps
//    the deadline it began with. How a worker tells that it is ready is the spec's it was started with.
// Waiting is `idle` to people, Spawning `starting`, Clearing `stopping`; the other names are the product's.
// docs/state-machines.md holds the whole table, printed by a test.
#pragma once

#include <string>
#include <vector>

#include "supervise/outbox.h"
#include "supervise/restart_counter.h"
#include "supervise/worker_states.h"

namespace pinion::supervise {

// What a worker sees of its pool in one turn.
struct Scene {
    const std::string& pool;
    Slot slot;
    const SpecPtr& spec;    // in force for new lives
    const cpu::Seat& seat;  // the slot's
    std::uint64_t text;     // counts the pool's texts that workers can't take over live
    std::uint64_t seed;     // of the pool's jitter
    bool closing;           // no new life, whatever the policy says
    Turn turn;
};

class Worker {
public:
    // A slot without a life; its next generation is the one after `last`.
    explicit Worker(Generation last) : generation_(last) {}

    // Wishes. `start`: be up, with counters cleared, without waiting for a back-off. `turn`: its turn in the queue has
    // come. `replace`: as start, but a life that there is makes way for another. `kill`: as stop, by SIGKILL at once.
    void start(const Scene& scene);
    void turn(const Scene& scene);
    void stop(const Scene& scene, StopReason why);
    void replace(const Scene& scene, StopReason why);
    void kill(const Scene& scene, StopReason why);
    // A life that there is ends, and makes way for another unless the slot is to rest: not a failure.
    void make_way(const Scene& scene, StopReason why, bool by_kill);

    // Facts of the current generation; the caller drops those of others.
    void spawned(const Scene& scene);
    void not_spawned(const Scene& scene, const SpawnFailure& failure);
    void ready(const Scene& scene);
    void exited(const Scene& scene, const Death& death);
    void emptied(const Scene& scene);
    void timer(const Scene& scene);  // does nothing before deadline()
    void status(std::string text) { status_text_ = std::move(text); }

    // The pool changed. `seat_changed` and `spec_changed` reach a life that there is; `restart_changed` judges anew
    // what rests or waits because of the policy before: a worker in back-off gets the new delay, counted from its end;
    // a failed or completed one that the new policy restarts gets a new chance. `same_text`: the life, if any, runs
    // this spec now.
    void seat_changed(const Scene& scene);
    void spec_changed(const Scene& scene);
    void restart_changed(const Scene& scene);
    void same_text(const Scene& scene);

    // When `timer` would do something.
    [[nodiscard]] MonotonicTime deadline() const;
    [[nodiscard]] StateKind kind() const noexcept { return static_cast<StateKind>(state_.index()); }
    [[nodiscard]] Generation generation() const noexcept { return generation_; }
    // Whether there is a life that nobody told to end, and it was started from another text than `scene`'s.
    [[nodiscard]] bool is_outdated(const Scene& scene) const;
    // Whether there is a life that nobody told to end.
    [[nodiscard]] bool is_up() const;
    // Whether a signal would reach it.
    [[nodiscard]] bool is_alive() const;

    [[nodiscard]] const std::vector<PastLife>& history() const noexcept { return history_; }
    [[nodiscard]] WorkerView view(Slot slot, const cpu::Seat& seat) const;
    // Why it is in its state, in words that do not change with time; may be empty.
    [[nodiscard]] std::string note() const;

private:
    void become(State next, const Scene& scene);
    void begin_stop(Then then, StopReason why, bool by_kill, const Scene& scene);
    void end_spawning(state::Spawning& s, Then then, StopReason why, const Scene& scene);
    void enter_running(MonotonicTime since, const Scene& scene);
    void end(const Death& death, Phase phase, std::optional<MonotonicTime> ready, Decision decision,
             const Scene& scene);
    void follow(const Decision& decision, MonotonicTime ended, const Scene& scene);
    void remember(PastLife life);
    void kill_again(MonotonicTime& deadline, Duration& patience, const Scene& scene);
    [[nodiscard]] Decision decide(const Death* death, std::optional<Duration> uptime, const Scene& scene);
    [[nodiscard]] Decision decide_anew(const Scene& scene);
    [[nodiscard]] std::optional<MonotonicTime> ready_since() const;
    [[nodiscard]] WorkerId id(const Scene& scene) const { return {scene.pool, scene.slot, generation_}; }
    [[nodiscard]] std::uint64_t jitter_seed(const Scene& scene) const;

    State state_ = state::Idle{};
    Generation generation_;
    MonotonicTime since_{};   // in the visible state
    std::uint64_t text_ = 0;  // of the current or last life
    SpecPtr spec_;            // the same
    RestartCounter counter_;
    std::vector<PastLife> history_;  // newest last, at most limits::death_history
    bool last_start_timed_out_ = false;
    std::string status_text_;
};

}  // namespace pinion::supervise
