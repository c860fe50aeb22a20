// SPDX-License-Identifier: Apache-2.0
// The whole of supervision as one pure machine: handle(event, now) appends effects; no I/O, no clock, no randomness.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "supervise/effect.h"
#include "supervise/event.h"
#include "supervise/snapshot.h"

namespace pinion::supervise {

class Supervisor {
public:
    // `seed` decides the jitter of back-off, nothing else.
    explicit Supervisor(std::uint64_t seed);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    // Takes one event that happened at `now` (monotone over calls) and appends what is to be done, in order. Spawns and
    // kills come before the reports of one event, so that a successor starts before anything is written.
    void handle(const Event& event, MonotonicTime now, Effects& effects);

    // The earliest time at which TimerFired would do something; `no_deadline` where nothing waits for time. O(1).
    [[nodiscard]] MonotonicTime next_deadline() const;

    // Whether there is such a pool (withdrawn ones included until their workers are gone), and such a slot in it.
    [[nodiscard]] bool has_pool(std::string_view pool) const;
    [[nodiscard]] bool has_slot(std::string_view pool, Slot slot) const;

    [[nodiscard]] std::vector<PoolView> pools() const;  // by name
    [[nodiscard]] std::optional<PoolView> pool(std::string_view name) const;
    [[nodiscard]] std::vector<WorkerView> workers(std::string_view pool) const;           // by slot
    [[nodiscard]] std::vector<PastLife> history(std::string_view pool, Slot slot) const;  // newest last, bounded
    // The spec in force for new workers of the pool; null where there is none.
    [[nodiscard]] SpecPtr spec(std::string_view pool) const;

    [[nodiscard]] bool shutting_down() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace pinion::supervise
