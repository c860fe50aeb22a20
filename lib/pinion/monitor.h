// SPDX-License-Identifier: Apache-2.0
// A monitor in shared memory: one robust mutex, and sleeping until something under it changes. A process may be killed
// at any instruction in here, and nobody else hangs:
//
// - The mutex is robust: the kernel hands it on. Each change under it is committed by one store, so that who comes next
//   finds the old state or the new one.
// - `wake_all` comes *before* that store, with the mutex held. Who is woken waits for the mutex: if we die before the
//   store there was no change, if we die after it they see it. The other way round our death could swallow the wake-up.
// - All sleepers are woken: one alone could be killed before it acts, and the wake-up would be lost with it.
#pragma once

#include <pinion/shared_memory.h>
#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "pinion/futex.h"

namespace pinion::inline v0 {

// A robust mutex between processes.
void init_robust_mutex(pthread_mutex_t& mutex, bool recursive);

struct MonitorState {
    pthread_mutex_t mutex;
    std::atomic<std::uint32_t> changes = 0;  // what sleepers sleep on
    std::uint32_t sleepers = 0;              // at least as many as there are: those that are killed stay counted

    MonitorState() { init_robust_mutex(mutex, false); }
};

// Holds the mutex while it lives.
class Monitor {
public:
    explicit Monitor(MonitorState& state);
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;
    ~Monitor();

    // Whether the holder before us died, so that counters beside the committing store need a repair.
    [[nodiscard]] bool predecessor_died() const noexcept { return predecessor_died_; }
    // Sleeps without the mutex until `wake_all`, or for no reason. False: the deadline has passed.
    [[nodiscard]] bool sleep(const Deadline& deadline);
    // To be called before the change is stored.
    void wake_all() noexcept;

private:
    void lock();
    MonitorState& state_;
    bool predecessor_died_ = false;
};

// What begins every object in shared memory, so that a stranger's memory is not taken for one.
struct Header {
    std::uint32_t kind = 0;
    std::atomic<std::uint32_t> made = 0;  // `kind` once all is in place
};
inline constexpr std::uint32_t header_magic = 0x504e0000;  // "PN", then the type

// Makes a State at the beginning of `memory`, or finds the one that is there. A State begins with a Header.
template <class State, class... Args>
State* make_in(const SharedMemory& memory, Args&&... args) {
    if (memory.size() < sizeof(State))
        throw std::invalid_argument("shared memory too small for what is to be made in it");
    auto* state = new (memory.data()) State(std::forward<Args>(args)...);
    state->header.kind = header_magic | State::kind;
    state->header.made.store(header_magic | State::kind, std::memory_order_release);
    return state;
}
template <class State>
State* find_in(const SharedMemory& memory) {
    auto* state = static_cast<State*>(memory.data());
    if (memory.size() < sizeof(State) ||
        state->header.made.load(std::memory_order_acquire) != (header_magic | State::kind))
        throw std::invalid_argument("shared memory that holds nothing of that type");
    return state;
}

}  // namespace pinion::inline v0
