// SPDX-License-Identifier: Apache-2.0
#include <pinion/condition.h>

#include "pinion/monitor.h"

namespace pinion::inline v0 {

struct Condition::State {
    static constexpr std::uint32_t kind = 4;
    Header header;
    std::atomic<std::uint32_t> notifications = 0;
    std::atomic<std::uint32_t> waiters = 0;  // at least as many as there are: those that are killed stay counted
};

Condition::Condition() : Condition(SharedMemory(bytes)) {}
Condition::Condition(SharedMemory memory) : memory_(std::move(memory)), state_(make_in<State>(memory_)) {
    static_assert(sizeof(State) <= bytes);
}
Condition::Condition(SharedMemory memory, Attach) : memory_(std::move(memory)), state_(find_in<State>(memory_)) {}
Condition Condition::attach(SharedMemory memory) { return {std::move(memory), Attach{}}; }

bool Condition::wait_for(std::unique_lock<Lock>& lock, Timeout timeout) {
    const Deadline deadline = deadline_of(timeout);
    const std::uint32_t seen = state_->notifications.load();
    state_->waiters.fetch_add(1);
    lock.unlock();
    const bool late = futex_wait(state_->notifications, seen, deadline);
    state_->waiters.fetch_sub(1);
    lock.lock();
    return !late || state_->notifications.load() != seen;
}

void Condition::notify_all() {
    if (state_->waiters.load() == 0) return;
    state_->notifications.fetch_add(1);
    futex_wake_all(state_->notifications);
}

}  // namespace pinion::inline v0
