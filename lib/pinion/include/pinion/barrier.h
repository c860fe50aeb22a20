// SPDX-License-Identifier: Apache-2.0
// A place where a number of processes wait for each other.
#pragma once

#include <pinion/api.h>
#include <pinion/errors.h>
#include <pinion/shared_memory.h>

#include <cstddef>

namespace pinion::inline v0 {

// In memory of its own, which forked children share, or at the beginning of memory that is given. Used again as soon as
// all have passed. A party that dies before it arrives is waited for: give a timeout, or let who sees the death
// `abort`.
class PINION_API Barrier {
public:
    // Throws std::invalid_argument for no parties.
    explicit Barrier(unsigned parties);
    Barrier(SharedMemory memory, unsigned parties);
    // The barrier that another process made in `memory`. Throws std::invalid_argument where there is none.
    [[nodiscard]] static Barrier attach(SharedMemory memory);
    static constexpr std::size_t bytes = 256;

    // Returns once all parties have come: 0 for the first to arrive, and so on. Throws BrokenBarrier where a party gave
    // up, now or before; who gives up by a timeout breaks the barrier and throws it, too.
    unsigned wait() { return wait_for(Timeout::forever); }
    unsigned wait_for(Timeout timeout);
    // Breaks it: all that wait, and all that come, throw, until `reset`.
    void abort();
    // As new; who waits throws.
    void reset();

    [[nodiscard]] unsigned parties() const noexcept;
    [[nodiscard]] unsigned waiting() const;
    [[nodiscard]] bool broken() const;
    [[nodiscard]] const SharedMemory& memory() const noexcept { return memory_; }

private:
    struct Attach {};
    Barrier(SharedMemory memory, Attach);
    struct State;
    SharedMemory memory_;
    State* state_;
};

}  // namespace pinion::inline v0
