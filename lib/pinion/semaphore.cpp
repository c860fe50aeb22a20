// SPDX-License-Identifier: Apache-2.0
#include <pinion/semaphore.h>

#include <limits>
#include <stdexcept>

#include "pinion/monitor.h"

namespace pinion::inline v0 {

struct Semaphore::State {
    static constexpr std::uint32_t kind = 2;
    Header header;
    std::uint32_t count;
    MonitorState monitor;
    explicit State(unsigned initial) : count(initial) {}
};

Semaphore::Semaphore(unsigned initial) : Semaphore(SharedMemory(bytes), initial) {}
Semaphore::Semaphore(SharedMemory memory, unsigned initial)
    : memory_(std::move(memory)), state_(make_in<State>(memory_, initial)) {
    static_assert(sizeof(State) <= bytes);
}
Semaphore::Semaphore(SharedMemory memory, Attach) : memory_(std::move(memory)), state_(find_in<State>(memory_)) {}
Semaphore Semaphore::attach(SharedMemory memory) { return {std::move(memory), Attach{}}; }

void Semaphore::acquire() { static_cast<void>(try_acquire_for(Timeout::forever)); }
bool Semaphore::try_acquire() { return try_acquire_for(std::chrono::nanoseconds(0)); }

bool Semaphore::try_acquire_for(Timeout timeout) {
    Monitor monitor(state_->monitor);
    if (state_->count == 0) {
        const Deadline deadline = deadline_of(timeout);
        while (state_->count == 0)
            if (!monitor.sleep(deadline) && state_->count == 0) return false;
    }
    --state_->count;
    return true;
}

void Semaphore::release(unsigned count) {
    Monitor monitor(state_->monitor);
    if (count > std::numeric_limits<std::uint32_t>::max() - state_->count)
        throw std::overflow_error("semaphore released too often");
    if (count == 0) return;
    monitor.wake_all();
    state_->count += count;
}

unsigned Semaphore::value() const {
    const Monitor monitor(state_->monitor);
    return state_->count;
}

}  // namespace pinion::inline v0
