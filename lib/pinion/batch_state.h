// SPDX-License-Identifier: Apache-2.0
// What a pool knows of the tasks that were given to it together, shared with those who wait for them.
#pragma once

#include <pinion/batch.h>
#include <pinion/death.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace pinion::inline v0::detail {

// How a task ended, as the pool tells it.
struct Settled {
    enum class Kind : std::uint8_t { pending, returned, died, timed_out, closed, taken };
    Kind kind = Kind::pending;
    std::string text;              // what a worker wrote, or why the pool is closed
    std::unique_ptr<Death> death;  // where a worker died
};

struct [[gnu::visibility("hidden")]] Batch::State {
    State(std::size_t tasks, bool each) : eager(each), results(tasks), unsettled(tasks) {}

    const bool eager;  // somebody looks at each result; otherwise only the last one wakes
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Settled> results;
    std::deque<std::uint32_t> settled;  // in order of completion, as long as `next` did not give them; eager only
    std::size_t given = 0;              // by `next`
    std::size_t unsettled;

    void settle(std::uint32_t index, Settled result);
};

}  // namespace pinion::inline v0::detail
