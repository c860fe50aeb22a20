// SPDX-License-Identifier: Apache-2.0
// The slots of one declared pool, and what concerns them together: how many there are, who starts when, who rolls, and
// what the pool is called as a whole.
//
//  - A slot is *wanted* when it is declared, no operator stopped it, and the pool is not leaving.
//  - Every start goes through the pool's queue, first come first served: it opens once the gate is open (the pools of
//    start.after were all ready at one moment; an operator's start opens it at once), and lets a worker pass at most
//    every start.stagger. An operator's start of one slot passes by gate and queue.
//  - A new text that workers can't take over live (`respawn`) makes a *roll*: those that are up are replaced one at a
//    time, each after the one before is running again (or completed, or not wanted any more). One that fails halts the
//    roll until a new text or an operator lets it go on. Those that rest or wait take the new text at once, with their
//    counters cleared. A worker that runs the newest text already, or an equal one, is not replaced.
//  - A pool that leaves (withdrawn, shutdown) first closes: nothing is started any more, what waits is dropped, what
//    runs goes on until the supervisor says that its dependents are at rest. Then everything is told to stop.
//  - Slots above the declared count stop; each is removed when it is at rest. One that is declared again before goes on
//    as a new life, with a later generation.
//
// Counts per state are kept with every step, so that nothing here looks at all workers for one worker's event.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervise/deadlines.h"
#include "supervise/event.h"
#include "supervise/occupied.h"
#include "supervise/pool_place.h"
#include "supervise/pool_state.h"
#include "supervise/roll.h"
#include "supervise/worker.h"

namespace pinion::supervise {

class Pool {
public:
    // `last`: the generations up to it were used in an earlier pool of this name. `deadlines` and `occupied` must
    // outlive the pool.
    struct Birth {
        std::string name;
        std::uint64_t serial = 0;  // unique
        std::uint64_t seed = 0;    // of its jitter
        Generation last;
    };
    Pool(Birth birth, Deadlines& deadlines, const Occupied& occupied);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // The configuration. `declare` also takes back a withdrawal; the gate is then closed again.
    void declare(const PoolDeclared& event, const Turn& turn);
    void withdraw(const Turn& turn);
    void shut_down(const Turn& turn);
    void open_gate() {
        gate_open_ = true;
        queue_.merge(gated_);
    }
    // A withdrawn pool at rest says goodbye: its slots, then itself.
    void remove(const Turn& turn);
    // What runs of a leaving pool is told to stop; once.
    void release(const Turn& turn);
    void kill_all(const Turn& turn);

    // Operators' words. `slot` absent: the whole pool. Nothing is started while the pool leaves.
    void start(std::optional<Slot> slot, const Turn& turn);
    void stop(std::optional<Slot> slot, const Turn& turn);
    void restart(std::optional<Slot> slot, const Turn& turn);
    void signal(std::optional<Slot> slot, int number, const Turn& turn);

    // Passes a fact to the worker it is about: input(worker, scene). Dropped where the generation is not the slot's.
    template <class Input>
    void deliver(const WorkerId& id, const Turn& turn, Input input) {
        if (Place* place = find(id.slot); place && place->worker.generation() == id.generation) {
            step(*place, turn, input);
        }
    }
    // The deadline of `slot` (or of the pool: Deadlines::whole_pool) has come.
    void timer(std::uint32_t slot, const Turn& turn);

    // After everything that happened in a turn: goes on with the roll, starts whose turn it is, and names the state.
    void settle(const Turn& turn);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const SpecPtr& spec() const noexcept { return spec_; }
    [[nodiscard]] PoolState state() const noexcept { return state_; }
    // What others wait for in start.after: everything wanted runs or has completed.
    [[nodiscard]] bool is_ready() const { return state_ == PoolState::running || state_ == PoolState::completed; }
    [[nodiscard]] bool at_rest() const noexcept { return processes() == 0; }
    [[nodiscard]] bool gate_open() const noexcept { return gate_open_; }
    [[nodiscard]] bool leaving() const noexcept { return withdrawn_ || shutting_down_; }
    [[nodiscard]] bool withdrawn() const noexcept { return withdrawn_; }
    // Leaving, and not told to stop yet.
    [[nodiscard]] bool held() const noexcept { return leaving() && !released_; }
    // What workers of this pool still use who are to leave.
    [[nodiscard]] Occupied left_behind() const;
    // Whether somebody lives who is to move, and what of those still use who can't while `occupied` is.
    [[nodiscard]] bool moves() const noexcept { return moving_ > 0; }
    [[nodiscard]] Occupied held_back(const Occupied& occupied) const;
    // Whether somebody's start or move waits for others to leave.
    [[nodiscard]] bool waits_for_cpus() const;
    // The highest generation that a slot of this pool ever had.
    [[nodiscard]] Generation last_generation() const;

    [[nodiscard]] bool has_slot(Slot slot) const;
    [[nodiscard]] PoolView view() const;
    [[nodiscard]] std::vector<WorkerView> workers() const;
    [[nodiscard]] std::vector<PastLife> history(Slot slot) const;

private:
    // The one way in which a worker changes: keeps the counts, the queue and the deadlines true.
    template <class Input>
    void step(Place& place, const Turn& turn, Input input) {
        const auto kind = place.worker.kind();
        const auto deadline = place.worker.deadline();
        input(place.worker, scene(place, turn));
        note_step(place, kind, deadline, turn);
    }
    void note_step(Place& place, StateKind before, MonotonicTime deadline, const Turn& turn);
    [[nodiscard]] Scene scene(const Place& place, const Turn& turn) const;
    [[nodiscard]] Place* find(Slot slot);
    [[nodiscard]] const Place* find(Slot slot) const;

    void resize(const std::vector<cpu::Seat>& seats, const Turn& turn);
    void reseat(Place& place, const cpu::Seat& seat, const Turn& turn);
    void set_next(Place& place, std::optional<cpu::Seat> seat);
    void move_due(const Turn& turn);
    void remove_if_surplus(Place& place, const Turn& turn);
    void forget_removed();
    void lift_stops(std::optional<Slot> slot);
    void pass_gate(Place& place);
    void start_alone(Place& place, const Turn& turn);
    void apply_new_text(const Turn& turn);
    void apply_live(const SpecPtr& before, const Turn& turn);
    void close(const Turn& turn);
    void stop_all(StopReason why, const Turn& turn);
    void advance_roll(const Turn& turn);
    void start_due(const Turn& turn);
    void set_own_deadline(MonotonicTime deadline);
    void recount_wanted();
    void name_state(const Turn& turn);
    [[nodiscard]] StopReason leaving_reason() const;
    [[nodiscard]] std::uint32_t count(StateKind kind) const { return counts_[static_cast<std::size_t>(kind)]; }
    [[nodiscard]] std::uint32_t processes() const noexcept;
    [[nodiscard]] PoolFacts facts() const;
    [[nodiscard]] std::string note() const;
    [[nodiscard]] bool is_wanted(const Place& place) const;

    std::string name_;
    std::uint64_t serial_;
    std::uint64_t seed_;
    Deadlines& deadlines_;
    const Occupied& occupied_;
    SpecPtr spec_;
    std::uint64_t text_ = 0;
    std::uint32_t declared_ = 0;  // number of slots
    std::vector<Place> places_;   // by slot; those from declared_ on are surplus
    Generation floor_;            // of slots that are no more

    bool gate_open_ = false;
    bool stopped_ = false;
    bool withdrawn_ = false;
    bool shutting_down_ = false;
    bool released_ = false;

    std::array<std::uint32_t, state_kinds> counts_{};
    std::uint32_t wanted_ = 0;
    std::uint32_t moving_ = 0;             // places with a next seat
    std::map<std::uint64_t, Slot> queue_;  // those Waiting, by ticket
    std::map<std::uint64_t, Slot> gated_;  // those of them that wait for the gate
    std::uint64_t next_ticket_ = 1;
    std::optional<MonotonicTime> last_start_;
    MonotonicTime own_deadline_ = no_deadline;  // of the next start by stagger
    Roll roll_;

    PoolState state_ = PoolState::stopped;
    MonotonicTime since_{};
    bool had_failed_ = false;  // since it last ran
};

}  // namespace pinion::supervise
