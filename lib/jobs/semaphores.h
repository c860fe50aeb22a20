// SPDX-License-Identifier: Apache-2.0
// Named, counted semaphores shared by all pools. The jobs of a pool need the same permits; a job starts when it has all
// of them, and holds none while it waits, so there is no deadlock. A pool that can't have its permits takes a ticket,
// and no later ticket gets past it to a permit that it waits for: nobody starves, however small the others' needs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pinion::jobs {

// Permits of semaphores by their numbers; each number once.
using Needs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
using NeedsPtr = std::shared_ptr<const Needs>;  // shared by the pool and the jobs that hold them

class Semaphores {
public:
    struct One {
        std::string name;
        std::int64_t permits = 0;
        std::int64_t held = 0;
    };

    // Sets all permits; those not named get none. What is held stays held.
    void declare(const std::map<std::string, std::uint32_t>& permits);
    // The needs by number; names that are not declared exist without permits. Null where there are none.
    [[nodiscard]] NeedsPtr needs(const std::map<std::string, std::uint32_t>& permits);

    // Takes all that the pool needs and gives up its ticket, or takes nothing and gives it a ticket; no ticket where
    // the semaphores are too small for the needs altogether.
    bool acquire(std::uint32_t pool, const NeedsPtr& needs);
    void release(const Needs& needs);
    // The pool does not want its permits now.
    void leave(std::uint32_t pool);

    // The pools that wait, the longest first.
    [[nodiscard]] std::vector<std::uint32_t> waiting() const;
    [[nodiscard]] bool anyone_waits() const noexcept { return !queue_.empty(); }
    // The first of the needs that can't be had by the pool now, as an index into them; their number if all can.
    [[nodiscard]] std::size_t missing(std::uint32_t pool, const Needs& needs) const;
    [[nodiscard]] const One& at(std::uint32_t number) const { return all_[number]; }

private:
    struct Waiter {
        std::uint32_t pool = 0;
        NeedsPtr needs;
    };
    [[nodiscard]] std::uint32_t number(const std::string& name);

    std::vector<One> all_;
    std::map<std::string, std::uint32_t> numbers_;
    std::vector<Waiter> queue_;  // by ticket; as many as there are pools that wait
};

}  // namespace pinion::jobs
