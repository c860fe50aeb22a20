// SPDX-License-Identifier: Apache-2.0
// The inside of the supervisor: all pools, what they wait for in each other, and the turns.
//
// A turn: one event changes one pool (or, at a shutdown, all); the pools that changed are settled; a pool that became
// ready opens gates, one that came to rest lets those that it depends on stop, and these are settled in turn, by a list
// and not by recursion.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supervise/pool.h"
#include "supervise/supervisor.h"

namespace pinion::supervise {

class Supervisor::Impl {
public:
    explicit Impl(std::uint64_t seed) : seed_(seed) {}

    void handle(const Event& event, MonotonicTime now, Effects& effects);
    [[nodiscard]] MonotonicTime next_deadline() const;
    [[nodiscard]] const Pool* find(std::string_view name) const;
    [[nodiscard]] PoolView view(const Pool& pool) const;
    [[nodiscard]] std::vector<PoolView> views() const;
    [[nodiscard]] bool shutting_down() const noexcept { return shutting_down_; }

private:
    struct Entry {
        Entry(Pool::Birth birth, Deadlines& deadlines, const Occupied& occupied)
            : pool(std::move(birth), deadlines, occupied) {}
        Pool pool;
        bool ready = false;  // as of the last time it was settled, as the next
        bool at_rest = true;
        bool changed = false;  // stands in changed_
    };

    void on(const PoolDeclared& event, const Turn& turn);
    void on(const PoolWithdrawn& event, const Turn& turn);
    void on(const SpawnSucceeded& event, const Turn& turn);
    void on(const SpawnFailed& event, const Turn& turn);
    void on(const WorkerReady& event, const Turn& turn);
    void on(const WorkerStatus& event, const Turn& turn);
    void on(const WorkerExited& event, const Turn& turn);
    void on(const TreeEmptied& event, const Turn& turn);
    void on(const WorkerUnwanted& event, const Turn& turn);
    void on(const TimerFired& event, const Turn& turn);
    void on(const StartRequested& event, const Turn& turn);
    void on(const StopRequested& event, const Turn& turn);
    void on(const RestartRequested& event, const Turn& turn);
    void on(const SignalRequested& event, const Turn& turn);
    void on(const ShutdownRequested& event, const Turn& turn);

    template <class Input>
    void deliver(const WorkerId& id, const Turn& turn, Input input);
    [[nodiscard]] Entry* entry(std::string_view name);
    // The pool an operator means, where something may be started in it.
    [[nodiscard]] Entry* startable(std::string_view name);
    void mark(Entry& entry);

    void settle_changed(const Turn& turn);
    void settle(Entry& entry, const Turn& turn);
    void remove(Entry& entry, const Turn& turn);
    void note_left_behind(const Pool& pool);
    void find_occupied();
    void complete_shutdown(const Turn& turn);
    void end_shutdown(const Turn& turn);

    void link(const std::string& name, const std::vector<std::string>& after);
    void unlink(const std::string& name, const std::vector<std::string>& after);
    [[nodiscard]] std::vector<std::string> unready(const Pool& pool) const;
    void open_gate_if_ready(Entry& entry);
    void release_if_free(std::string_view name, const Turn& turn);
    [[nodiscard]] Generation retired(const std::string& name) const;

    std::uint64_t seed_;
    std::uint64_t next_serial_ = 1;
    Deadlines deadlines_;  // outlives the pools, which unregister themselves
    Occupied occupied_;    // by what all pools left behind, kept true by note_left_behind
    std::map<std::string, Occupied, std::less<>> left_behind_;  // by pool, where it is anything
    std::set<std::string, std::less<>> moving_;                 // pools with a worker that is to move
    std::set<std::string, std::less<>> waiting_for_cpus_;       // pools with a start or move that waits for those CPUs
    std::map<std::string, Entry, std::less<>> pools_;
    // Who names a pool in start.after. A pool that is not there may be named.
    std::map<std::string, std::set<std::string>, std::less<>> dependents_;
    // Generations used up by pools that left; beyond limits::max_pools names they are taken together.
    std::map<std::string, Generation> retired_;
    Generation retired_floor_;
    std::vector<Entry*> changed_;
    std::size_t busy_ = 0;  // pools not at rest
    bool shutting_down_ = false;
    bool killed_all_ = false;  // the shutdown's deadline has passed
    bool complete_ = false;
    MonotonicTime shutdown_deadline_ = no_deadline;
    Outbox out_;
};

}  // namespace pinion::supervise
