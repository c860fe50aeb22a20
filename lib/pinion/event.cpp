// SPDX-License-Identifier: Apache-2.0
#include <pinion/event.h>

#include "pinion/monitor.h"

namespace pinion::inline v0 {

struct Event::State {
    static constexpr std::uint32_t kind = 3;
    Header header;
    // Odd while set. A waiter that sleeps through a set and a clear sees that the number is another.
    std::uint64_t turns = 0;
    MonitorState monitor;
    [[nodiscard]] bool is_set() const noexcept { return turns % 2 == 1; }
};

Event::Event() : Event(SharedMemory(bytes)) {}
Event::Event(SharedMemory memory) : memory_(std::move(memory)), state_(make_in<State>(memory_)) {
    static_assert(sizeof(State) <= bytes);
}
Event::Event(SharedMemory memory, Attach) : memory_(std::move(memory)), state_(find_in<State>(memory_)) {}
Event Event::attach(SharedMemory memory) { return {std::move(memory), Attach{}}; }

void Event::set() {
    Monitor monitor(state_->monitor);
    if (state_->is_set()) return;
    monitor.wake_all();
    ++state_->turns;
}

void Event::clear() {
    const Monitor monitor(state_->monitor);
    if (state_->is_set()) ++state_->turns;
}

bool Event::is_set() const {
    const Monitor monitor(state_->monitor);
    return state_->is_set();
}

void Event::wait() const { static_cast<void>(wait_for(Timeout::forever)); }

bool Event::wait_for(Timeout timeout) const {
    Monitor monitor(state_->monitor);
    if (state_->is_set()) return true;
    const std::uint64_t before = state_->turns;
    const Deadline deadline = deadline_of(timeout);
    while (state_->turns == before)
        if (!monitor.sleep(deadline)) return state_->turns != before;
    return true;
}

}  // namespace pinion::inline v0
