// SPDX-License-Identifier: Apache-2.0
// A scheduler with a hand on it: events in, effects kept, the common ones found by kind.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "jobs/scheduler.h"

namespace pinion::jobs {

using namespace std::chrono_literals;

inline JobPoolSpec memory_pool() {
    JobPoolSpec spec;
    spec.queue.durability = Durability::memory;
    spec.job.jitter = 0;
    return spec;
}

inline JobPoolSpec durable_pool() {
    auto spec = memory_pool();
    spec.queue.durability = Durability::fsync;
    return spec;
}

class Desk {
public:
    Desk() = default;
    explicit Desk(std::uint64_t seed) : scheduler(seed) {}

    // Hands events over in one turn; `effects` holds what came of them.
    void turn(std::vector<JobEvent> events) {
        effects.clear();
        scheduler.handle(events, now, effects);
        for (const JobEffect& effect : effects)
            if (const auto* sent = std::get_if<Dispatch>(&effect)) dispatches.push_back(*sent);
    }
    template <class... E>
    void tell(E... events) {
        turn({JobEvent(std::move(events))...});
    }
    void pool(std::uint32_t number, JobPoolSpec spec) {
        tell(PoolDeclared{JobPoolId{number}, std::make_shared<const JobPoolSpec>(std::move(spec))});
    }
    static WorkerRef worker(std::uint32_t slot, std::uint64_t generation = 1, std::uint32_t pool = 0) {
        return {JobPoolId{pool}, Slot{slot}, Generation{generation}};
    }
    static JobQueued job(std::uint64_t id, std::uint64_t map = 0, std::uint32_t pool = 0) {
        return {.job = JobId{id}, .pool = JobPoolId{pool}, .map = MapId{map}};
    }
    void arrive(std::uint32_t slot, std::uint64_t generation = 1, std::uint32_t pool = 0) {
        tell(WorkerArrived{worker(slot, generation, pool)});
    }
    // The attempt of that job that was dispatched last.
    [[nodiscard]] Dispatch last(std::uint64_t job) const {
        for (auto at = dispatches.rbegin(); at != dispatches.rend(); ++at)
            if (at->job == JobId{job}) return *at;
        ADD_FAILURE() << "job " << job << " was never dispatched";
        return {};
    }
    void answer(std::uint64_t job, Verdict verdict = {}) {
        const Dispatch sent = last(job);
        tell(JobAnswered{sent.worker, sent.attempt, verdict, {}, {}});
    }
    void advance(Duration span) {
        now += span;
        tell(TimerFired{});
    }
    template <class E>
    [[nodiscard]] std::vector<E> all() const {
        std::vector<E> found;
        for (const JobEffect& effect : effects)
            if (const auto* one = std::get_if<E>(&effect)) found.push_back(*one);
        return found;
    }
    // The jobs of the dispatches of the last turn, in order.
    [[nodiscard]] std::vector<std::uint64_t> dispatched() const {
        std::vector<std::uint64_t> jobs;
        for (const Dispatch& sent : all<Dispatch>()) jobs.push_back(sent.job.value);
        return jobs;
    }
    [[nodiscard]] JobPhase phase(std::uint64_t job) const { return scheduler.phase(JobId{job}); }

    Scheduler scheduler{1};
    MonotonicTime now{1h};
    JobEffects effects;
    std::vector<Dispatch> dispatches;
};

}  // namespace pinion::jobs
