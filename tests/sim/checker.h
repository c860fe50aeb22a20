// SPDX-License-Identifier: Apache-2.0
// What must hold at every step of every history, said a second time and another way than the supervisor says it: from
// what was declared and said, from what the world is like, and from the words of supervision.md. A broken promise is
// noted as a sentence.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "fake_world.h"

namespace pinion::sim {

class Checker final : public FakeWorld::Watcher {
public:
    void before(const Event& event, const FakeWorld& world) override;
    void after(const Event& event, const Effects& effects, const FakeWorld& world) override;

    // Compares the views with the trees; costs as much as there are workers.
    void check_views(const FakeWorld& world);

    // The history so far was calm and long enough: every slot that is wanted has a worker that runs.
    void check_all_running(const FakeWorld& world);
    // As far as nobody's word is needed: pools that always restart, without a limit, a fatal exit or a gate.
    void check_recovered(const FakeWorld& world);

    [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
    [[nodiscard]] std::uint64_t spawns() const { return spawns_; }
    [[nodiscard]] std::uint64_t deaths() const { return deaths_; }

private:
    struct SlotModel {
        bool stopped = false;        // by an operator
        std::uint64_t cause = 0;     // the last event that may tell this slot's worker to end
        std::uint32_t in_row = 0;    // ends in a row
        bool in_row_known = true;    // false since somebody cleared the counters
        MonotonicTime not_before{};  // of the next Spawn, by the back-off
        bool by_policy = false;      // the next Spawn is a restart that the policy granted
        bool past_gate = false;      // it was started since its pool was declared
        MonotonicTime ready{};       // of the current life; 0: not yet
        bool ready_unknown = false;
        std::deque<MonotonicTime> restarts;
    };
    struct PoolModel {
        SpecPtr spec;
        std::vector<cpu::Seat> seats;
        bool stopped = false;
        bool withdrawn = false;
        bool gate_open = false;
        std::uint64_t cause = 0;
        std::map<std::uint32_t, SlotModel> slots;
        std::optional<MonotonicTime> last_spawn;
    };

    void declared(const PoolDeclared& event, std::uint64_t number);
    void told(const std::string& pool, std::optional<Slot> slot, bool stop, std::uint64_t number);
    static void clear(SlotModel& slot);
    void on_spawn(const Spawn& spawn, const Event& event, const FakeWorld& world);
    void on_end_signal(const WorkerId& id, const FakeWorld& world, bool of_life);
    void on_death(const WorkerDied& fact, const FakeWorld& world);
    void on_failed_spawn(const WorkerNotSpawned& fact, const FakeWorld& world);
    void on_decision(const WorkerId& id, const Decision& decision, const Death* death, std::optional<Duration> uptime,
                     MonotonicTime now);
    void on_stopping(const WorkerStopping& fact, const Event& event, const FakeWorld& world);
    void check_order(const Effects& effects);
    void open_gates(const FakeWorld& world);
    [[nodiscard]] bool leaving(const PoolModel& pool) const { return pool.withdrawn || shutdown_; }
    [[nodiscard]] bool is_wanted(const PoolModel& pool, Slot slot) const;
    void complain(const std::string& sentence) { violations_.push_back(sentence); }

    std::map<std::string, PoolModel> pools_;
    std::map<std::pair<std::string, Slot>, Generation> generations_;
    bool shutdown_ = false;
    bool complete_ = false;
    bool exit_expected_ = false;  // the event is an exit that must lead to one WorkerDied
    std::uint64_t spawns_ = 0;
    std::uint64_t deaths_ = 0;
    std::vector<std::string> violations_;
};

}  // namespace pinion::sim
