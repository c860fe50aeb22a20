// SPDX-License-Identifier: Apache-2.0
// A flag between processes that one can wait for.
#pragma once

#include <pinion/api.h>
#include <pinion/shared_memory.h>

#include <cstddef>

namespace pinion::inline v0 {

// In memory of its own, which forked children share, or at the beginning of memory that is given. Not set at first.
class PINION_API Event {
public:
    Event();
    explicit Event(SharedMemory memory);
    // The event that another process made in `memory`. Throws std::invalid_argument where there is none.
    [[nodiscard]] static Event attach(SharedMemory memory);
    static constexpr std::size_t bytes = 256;

    // Wakes all that wait.
    void set();
    void clear();
    [[nodiscard]] bool is_set() const;
    // Returns once it was set after the call, or is.
    void wait() const;
    // Whether that came in time.
    [[nodiscard]] bool wait_for(Timeout timeout) const;

    [[nodiscard]] const SharedMemory& memory() const noexcept { return memory_; }

private:
    struct Attach {};
    Event(SharedMemory memory, Attach);
    struct State;
    SharedMemory memory_;
    State* state_;
};

}  // namespace pinion::inline v0
