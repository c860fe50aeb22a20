// SPDX-License-Identifier: Apache-2.0
#include <pinion/lock.h>

#include <cerrno>
#include <system_error>

#include "pinion/monitor.h"

namespace pinion::inline v0 {

struct Lock::State {
    static constexpr std::uint32_t kind = 1;
    Header header;
    std::atomic<bool> owner_died = false;
    pthread_mutex_t mutex;
    explicit State(Kind lock_kind) { init_robust_mutex(mutex, lock_kind == Kind::recursive); }
};

Lock::Lock() : Lock(SharedMemory(bytes)) {}
Lock::Lock(SharedMemory memory) : Lock(std::move(memory), Kind::plain) {}
Lock::Lock(SharedMemory memory, Kind kind) : memory_(std::move(memory)), state_(make_in<State>(memory_, kind)) {
    static_assert(sizeof(State) <= bytes);
}
Lock::Lock(SharedMemory memory, Attach) : memory_(std::move(memory)), state_(find_in<State>(memory_)) {}
Lock Lock::attach(SharedMemory memory) { return {std::move(memory), Attach{}}; }

// Whether the lock is ours, from what pthread says.
bool Lock::took(int result) {
    if (result == EBUSY || result == ETIMEDOUT) return false;
    if (result == EOWNERDEAD) {
        // The flag first: if we die between the two, the next one is told again.
        state_->owner_died.store(true, std::memory_order_relaxed);
        ::pthread_mutex_consistent(&state_->mutex);
        return true;
    }
    if (result != 0) throw std::system_error(result, std::generic_category(), "lock");
    return true;
}

void Lock::lock() { took(::pthread_mutex_lock(&state_->mutex)); }

// Ours already, maybe by another mapping: then it is not free.
bool Lock::try_lock() {
    const int result = ::pthread_mutex_trylock(&state_->mutex);
    return result != EDEADLK && took(result);
}

bool Lock::lock_within(Timeout timeout) {
    const Deadline deadline = deadline_of(timeout);
    if (!deadline) {
        lock();
        return true;
    }
    return took(::pthread_mutex_clocklock(&state_->mutex, CLOCK_MONOTONIC, &*deadline));
}

void Lock::unlock() {
    const int result = ::pthread_mutex_unlock(&state_->mutex);
    if (result != 0) throw std::system_error(result, std::generic_category(), "unlock");
}

bool Lock::owner_died() const noexcept { return state_->owner_died.load(std::memory_order_relaxed); }
void Lock::recovered() noexcept { state_->owner_died.store(false, std::memory_order_relaxed); }

RecursiveLock::RecursiveLock() : RecursiveLock(SharedMemory(bytes)) {}
RecursiveLock::RecursiveLock(SharedMemory memory) : Lock(std::move(memory), Kind::recursive) {}
RecursiveLock::RecursiveLock(SharedMemory memory, Attach attach) : Lock(std::move(memory), attach) {}
RecursiveLock RecursiveLock::attach(SharedMemory memory) { return {std::move(memory), Attach{}}; }

}  // namespace pinion::inline v0
