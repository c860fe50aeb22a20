// SPDX-License-Identifier: Apache-2.0
// A supervisor with a clock that the test moves, and short words for what goes in and what comes out.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "supervise/supervisor.h"

namespace pinion::supervise {

using namespace std::chrono_literals;

inline PoolSpec service(const std::string& name) {
    PoolSpec spec;
    spec.name = name;
    spec.command.argv = {"/bin/worker"};
    spec.restart.jitter = 0;
    return spec;
}

inline PoolSpec notifying(const std::string& name) {
    auto spec = service(name);
    spec.start.ready = StartPolicy::Ready::notify;
    return spec;
}

inline Death exit_with(int code) { return {.cause = Death::Cause::exited, .status = code}; }
inline Death killed_by(int signal) { return {.cause = Death::Cause::signaled, .status = signal}; }

inline std::vector<cpu::Seat> seats(std::uint32_t count, std::uint32_t first_cpu = 0) {
    std::vector<cpu::Seat> all;
    for (std::uint32_t slot = 0; slot < count; ++slot) {
        all.push_back({.slot = slot, .cpus = {first_cpu + slot}, .mask = {first_cpu + slot}});
    }
    return all;
}

class Harness {
public:
    explicit Harness(std::uint64_t seed = 1) : supervisor(seed) {}

    // Sends an event; `effects` is what it led to.
    void send(const Event& event) {
        effects.clear();
        supervisor.handle(event, now, effects);
    }
    void wait(Duration time) { now += time; }
    // Moves the clock to the next deadline and fires the timer; the time it took.
    Duration fire() {
        const auto before = now;
        EXPECT_NE(supervisor.next_deadline(), no_deadline);
        now = std::max(now, supervisor.next_deadline());
        send(TimerFired{});
        return now - before;
    }
    void fire_after(Duration time) {
        wait(time);
        send(TimerFired{});
    }

    void declare(const PoolSpec& spec, std::uint32_t workers, bool respawn = false) {
        send(PoolDeclared{std::make_shared<const PoolSpec>(spec), seats(workers), respawn});
    }
    // Declares and answers every Spawn by success.
    void declare_and_run(const PoolSpec& spec, std::uint32_t workers) {
        declare(spec, workers);
        spawn_all(spec.name);
    }
    void spawn_all(const std::string& pool) {
        for (const auto& worker : supervisor.workers(pool)) {
            if (worker.state == WorkerState::starting) send(SpawnSucceeded{id(pool, worker.slot.value)});
        }
    }

    [[nodiscard]] WorkerId id(const std::string& pool, std::uint32_t slot = 0) const {
        return {pool, Slot{slot}, view(pool, slot).generation};
    }
    [[nodiscard]] WorkerView view(const std::string& pool, std::uint32_t slot = 0) const {
        for (const auto& worker : supervisor.workers(pool)) {
            if (worker.slot.value == slot) return worker;
        }
        ADD_FAILURE() << "no slot " << pool << "/" << slot;
        return {};
    }
    [[nodiscard]] WorkerState state(const std::string& pool, std::uint32_t slot = 0) const {
        return view(pool, slot).state;
    }
    [[nodiscard]] PoolState pool_state(const std::string& pool) const { return supervisor.pool(pool)->state; }

    // The life ends and nothing of its tree is left. `effects` are those of both events.
    void die(const std::string& pool, std::uint32_t slot = 0, const Death& death = exit_with(1)) {
        const auto worker = id(pool, slot);
        send(WorkerExited{worker, death});
        auto first = std::move(effects);
        send(TreeEmptied{worker});
        effects.insert(effects.begin(), first.begin(), first.end());
    }
    void spawn_succeeds(const std::string& pool, std::uint32_t slot = 0) { send(SpawnSucceeded{id(pool, slot)}); }
    void spawn_fails(const std::string& pool, std::uint32_t slot = 0) {
        send(SpawnFailed{id(pool, slot), {.stage = SpawnStage::exec, .error = 2, .object = "/bin/worker"}});
    }
    void start(const std::string& pool, std::optional<std::uint32_t> slot = {}) {
        send(StartRequested{pool, as_slot(slot), "root"});
    }
    void stop(const std::string& pool, std::optional<std::uint32_t> slot = {}) {
        send(StopRequested{pool, as_slot(slot), "root"});
    }
    void restart(const std::string& pool, std::optional<std::uint32_t> slot = {}) {
        send(RestartRequested{pool, as_slot(slot), "root"});
    }

    template <class T>
    [[nodiscard]] std::vector<T> all() const {
        std::vector<T> found;
        for (const auto& effect : effects) {
            if (const auto* match = std::get_if<T>(&effect)) found.push_back(*match);
        }
        return found;
    }
    template <class T>
    [[nodiscard]] std::size_t count() const {
        return all<T>().size();
    }
    template <class T>
    [[nodiscard]] std::vector<T> facts() const {
        std::vector<T> found;
        for (const auto& report : all<Report>()) {
            if (const auto* match = std::get_if<T>(&report.fact)) found.push_back(*match);
        }
        return found;
    }
    // The slots of all effects of kind T, in order.
    template <class T>
    [[nodiscard]] std::vector<std::uint32_t> slots() const {
        std::vector<std::uint32_t> numbers;
        for (const auto& effect : all<T>()) numbers.push_back(effect.worker.slot.value);
        return numbers;
    }
    // The one decision that the last events led to.
    [[nodiscard]] Decision decision() const {
        for (const auto& fact : facts<WorkerNotSpawned>()) return fact.decision;
        const auto deaths = facts<WorkerDied>();
        EXPECT_EQ(deaths.size(), 1U);
        return deaths.empty() ? Decision{} : deaths.front().decision;
    }

    Supervisor supervisor;
    MonotonicTime now{1h};
    Effects effects;

private:
    static std::optional<Slot> as_slot(std::optional<std::uint32_t> slot) {
        return slot ? std::optional(Slot{*slot}) : std::nullopt;
    }
};

}  // namespace pinion::supervise
