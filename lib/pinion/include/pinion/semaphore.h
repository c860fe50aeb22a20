// SPDX-License-Identifier: Apache-2.0
// A counter between processes: who finds it at 0 waits.
#pragma once

#include <pinion/api.h>
#include <pinion/shared_memory.h>

#include <cstddef>

namespace pinion::inline v0 {

// In memory of its own, which forked children share, or at the beginning of memory that is given. A process may die at
// any point of a call; what it had acquired is not given back, since any process may release.
class PINION_API Semaphore {
public:
    explicit Semaphore(unsigned initial = 1);
    Semaphore(SharedMemory memory, unsigned initial);
    // The semaphore that another process made in `memory`. Throws std::invalid_argument where there is none.
    [[nodiscard]] static Semaphore attach(SharedMemory memory);
    static constexpr std::size_t bytes = 256;

    void acquire();
    [[nodiscard]] bool try_acquire();
    // Whether it was acquired in time.
    [[nodiscard]] bool try_acquire_for(Timeout timeout);
    // Throws std::overflow_error where the counter would pass 2^32 - 1.
    void release(unsigned count = 1);
    [[nodiscard]] unsigned value() const;

    [[nodiscard]] const SharedMemory& memory() const noexcept { return memory_; }

private:
    struct Attach {};
    Semaphore(SharedMemory memory, Attach);
    struct State;
    SharedMemory memory_;
    State* state_;
};

}  // namespace pinion::inline v0
