// SPDX-License-Identifier: Apache-2.0
#include <pinion/barrier.h>

#include <stdexcept>

#include "pinion/monitor.h"

namespace pinion::inline v0 {

// `progress` holds the round and how many have arrived in it, so that one store commits both. `broken` has a bit for
// each of the last 64 rounds: a waiter finds there how its round ended, even where later ones have come and gone.
struct Barrier::State {
    static constexpr std::uint32_t kind = 5;
    Header header;
    std::uint32_t parties;
    std::uint64_t progress = 0;
    std::uint64_t broken = 0;
    MonitorState monitor;

    explicit State(unsigned count) : parties(count) {}
    [[nodiscard]] std::uint32_t round() const noexcept { return static_cast<std::uint32_t>(progress >> 32); }
    [[nodiscard]] std::uint32_t arrived() const noexcept { return static_cast<std::uint32_t>(progress); }
    [[nodiscard]] static std::uint64_t bit(std::uint32_t round) noexcept { return std::uint64_t{1} << round % 64; }
    [[nodiscard]] bool is_broken(std::uint32_t round) const noexcept { return (broken & bit(round)) != 0; }
    void next_round() noexcept {
        const std::uint32_t next = round() + 1;
        broken &= ~bit(next);
        progress = std::uint64_t{next} << 32;
    }
};

namespace {

unsigned checked(unsigned parties) {
    if (parties == 0) throw std::invalid_argument("barrier without parties");
    return parties;
}

}  // namespace

Barrier::Barrier(unsigned parties) : Barrier(SharedMemory(bytes), parties) {}
Barrier::Barrier(SharedMemory memory, unsigned parties)
    : memory_(std::move(memory)), state_(make_in<State>(memory_, checked(parties))) {
    static_assert(sizeof(State) <= bytes);
}
Barrier::Barrier(SharedMemory memory, Attach) : memory_(std::move(memory)), state_(find_in<State>(memory_)) {}
Barrier Barrier::attach(SharedMemory memory) { return {std::move(memory), Attach{}}; }

unsigned Barrier::wait_for(Timeout timeout) {
    Monitor monitor(state_->monitor);
    const std::uint32_t round = state_->round();
    if (state_->is_broken(round)) throw BrokenBarrier();
    const unsigned index = state_->arrived();
    if (index + 1 == state_->parties) {
        monitor.wake_all();
        state_->next_round();
        return index;
    }
    ++state_->progress;
    const Deadline deadline = deadline_of(timeout);
    while (state_->round() == round && !state_->is_broken(round)) {
        if (monitor.sleep(deadline) || state_->round() != round) continue;
        monitor.wake_all();
        state_->broken |= State::bit(round);
    }
    if (state_->is_broken(round)) throw BrokenBarrier();
    return index;
}

void Barrier::abort() {
    Monitor monitor(state_->monitor);
    monitor.wake_all();
    state_->broken |= State::bit(state_->round());
}

void Barrier::reset() {
    Monitor monitor(state_->monitor);
    monitor.wake_all();
    if (state_->arrived() > 0) state_->broken |= State::bit(state_->round());
    state_->next_round();
}

unsigned Barrier::parties() const noexcept { return state_->parties; }

unsigned Barrier::waiting() const {
    const Monitor monitor(state_->monitor);
    return state_->is_broken(state_->round()) ? 0 : state_->arrived();
}

bool Barrier::broken() const {
    const Monitor monitor(state_->monitor);
    return state_->is_broken(state_->round());
}

}  // namespace pinion::inline v0
