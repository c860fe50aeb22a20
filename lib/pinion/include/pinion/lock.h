// SPDX-License-Identifier: Apache-2.0
// Locks between processes that survive the death of their holder. Both work with std::lock_guard, std::scoped_lock and
// std::unique_lock.
#pragma once

#include <pinion/api.h>
#include <pinion/shared_memory.h>

#include <chrono>
#include <cstddef>

namespace pinion::inline v0 {

// Held by one thread of one process, which must be the one to unlock it. In memory of its own, which forked children
// share, or at the beginning of memory that is given.
//
// Where a holder dies, the next one gets the lock, and `owner_died()` is true until somebody says `recovered()`: what
// the lock protects may be half changed.
class PINION_API Lock {
public:
    Lock();
    // Makes a lock in `memory`, of at least `bytes` bytes.
    explicit Lock(SharedMemory memory);
    // The lock that another process made in `memory`. Throws std::invalid_argument where there is none.
    [[nodiscard]] static Lock attach(SharedMemory memory);
    static constexpr std::size_t bytes = 256;

    // Throws std::system_error: EDEADLK where this thread holds it already.
    void lock();
    [[nodiscard]] bool try_lock();
    template <class Rep, class Period>
    [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> span) {
        return lock_within(span);
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> time) {
        return lock_within(time - Clock::now());
    }
    // Throws std::system_error (EPERM) where this thread does not hold it.
    void unlock();

    // Whether a holder died since the last `recovered()`. Both for who holds the lock.
    [[nodiscard]] bool owner_died() const noexcept;
    void recovered() noexcept;

    [[nodiscard]] const SharedMemory& memory() const noexcept { return memory_; }

protected:
    enum class Kind { plain, recursive };
    Lock(SharedMemory memory, Kind kind);
    struct Attach {};
    Lock(SharedMemory memory, Attach);

private:
    struct State;
    bool lock_within(Timeout timeout);
    bool took(int result);
    SharedMemory memory_;
    State* state_;
};

// The same, which its holder may lock again; it is free after as many unlocks.
class PINION_API RecursiveLock : public Lock {
public:
    RecursiveLock();
    explicit RecursiveLock(SharedMemory memory);
    [[nodiscard]] static RecursiveLock attach(SharedMemory memory);

private:
    RecursiveLock(SharedMemory memory, Attach attach);
};

}  // namespace pinion::inline v0
