// SPDX-License-Identifier: Apache-2.0
// Who is next: within a pool the highest priority, within a priority the maps in turn, within a map first come first
// served. A *lane* is the queue of one map at one priority; the lanes of a priority that hold ready jobs form a ring,
// and a job is taken from each in turn, so that a huge map never starves a small one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "jobs/job_table.h"
#include "wire/limits.h"

namespace pinion::jobs {

struct Lane {
    Place head = nowhere;
    Place tail = nowhere;
    std::uint32_t count = 0;  // ready jobs in it
    std::uint32_t users = 0;  // jobs that belong to it, in whatever phase
    std::uint32_t ring_prev = nowhere;
    std::uint32_t ring_next = nowhere;
    std::uint32_t pool = 0;
    std::uint32_t map = 0;
    std::uint8_t priority = 0;
    bool parked = false;  // its map is cancelled: never in the ring
    bool in_ring = false;
};

// The rings of one pool.
struct Rings {
    static constexpr std::size_t levels = wire::limits::max_priority + 1;
    std::array<std::uint32_t, levels> cursor{};  // the lane whose turn it is; meaningful where the level has lanes
    std::array<std::uint32_t, levels> lanes{};   // how many are in the ring
    std::array<std::uint64_t, levels> jobs{};    // and the jobs in them
    std::uint64_t ready = 0;                     // in all
};

class Lanes {
public:
    explicit Lanes(JobTable& jobs) : jobs_(&jobs) {}

    std::uint32_t make(std::uint32_t pool, std::uint32_t map, std::uint8_t priority);
    void drop(std::uint32_t lane);  // it must be empty
    [[nodiscard]] Lane& at(std::uint32_t lane) noexcept { return lanes_[lane]; }
    [[nodiscard]] const Lane& at(std::uint32_t lane) const noexcept { return lanes_[lane]; }

    // Puts a job at the end of its lane, or in front where it had been taken from.
    void push_back(Rings& rings, Place job);
    void push_front(Rings& rings, Place job);
    // Takes a job out of the middle.
    void remove(Rings& rings, Place job);
    // The job that is next; `nowhere` where none is ready.
    [[nodiscard]] Place next(const Rings& rings) const noexcept;
    // Takes it, and the turn goes on to the next lane.
    Place take(Rings& rings);
    // Takes the lane out of the ring for good.
    void park(Rings& rings, std::uint32_t lane);

private:
    void link(Rings& rings, std::uint32_t lane);
    void unlink(Rings& rings, std::uint32_t lane);
    void count(Rings& rings, std::uint32_t lane, int change);

    JobTable* jobs_;
    std::vector<Lane> lanes_;
    std::vector<std::uint32_t> free_;
};

}  // namespace pinion::jobs
