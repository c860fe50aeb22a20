// SPDX-License-Identifier: Apache-2.0
// A condition variable between processes, beside a Lock.
#pragma once

#include <pinion/api.h>
#include <pinion/lock.h>
#include <pinion/shared_memory.h>

#include <cstddef>
#include <mutex>

namespace pinion::inline v0 {

// In memory of its own, which forked children share, or at the beginning of memory that is given. All who wait on one
// condition use one lock. A waiter may be killed at any time: no notification is lost with it.
class PINION_API Condition {
public:
    Condition();
    explicit Condition(SharedMemory memory);
    // The condition that another process made in `memory`. Throws std::invalid_argument where there is none.
    [[nodiscard]] static Condition attach(SharedMemory memory);
    static constexpr std::size_t bytes = 64;

    // Unlocks, sleeps until notified, and locks again. Returns without a reason too, so ask again for what you wait
    // for; the second form does. Ask `lock.owner_died()` as after any lock.
    void wait(std::unique_lock<Lock>& lock) { static_cast<void>(wait_for(lock, Timeout::forever)); }
    template <class Predicate>
    void wait(std::unique_lock<Lock>& lock, Predicate predicate) {
        while (!predicate()) wait(lock);
    }
    // Whether a notification came in time; the lock is held again in either case.
    bool wait_for(std::unique_lock<Lock>& lock, Timeout timeout);
    // Whether `predicate()` came true in time.
    template <class Predicate>
    bool wait_for(std::unique_lock<Lock>& lock, Timeout timeout, Predicate predicate) {
        const auto begin = std::chrono::steady_clock::now();
        while (!predicate()) {
            const Timeout left =
                timeout.is_forever() ? timeout : Timeout(timeout.span() - (std::chrono::steady_clock::now() - begin));
            if (!wait_for(lock, left)) return predicate();
        }
        return true;
    }

    // To be called with the lock held. One that waits at least, and maybe more: one alone could be killed before it
    // acts.
    void notify_one() { notify_all(); }
    void notify_all();

    [[nodiscard]] const SharedMemory& memory() const noexcept { return memory_; }

private:
    struct Attach {};
    Condition(SharedMemory memory, Attach);
    struct State;
    SharedMemory memory_;
    State* state_;
};

}  // namespace pinion::inline v0
