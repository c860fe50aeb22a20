// SPDX-License-Identifier: Apache-2.0
// The shared memory between a pool and its workers: tasks on their way, and what came out of them.
//
// The pool (the dispatcher) alone fills and empties slots. A worker takes a task by one compare-and-swap that writes
// its own number into the slot: that is the claim and the record of it in one, so that after a worker's death the slot
// that bears its number is the task it ran, and no other task is touched. No lock, and nothing that a worker killed at
// any instruction could leave in the way of another:
//
//   free --publish--> ready(ticket) --claim--> claimed(worker) --finish--> done(worker) --collect--> free
//
// `head` is a hint that anybody moves on. Each worker sleeps on a word of its own, and tells what it finished in a ring
// of its own.
#pragma once

#include <pinion/shared_memory.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace pinion::inline v0 {

enum class SlotPhase : std::uint32_t { free, ready, claimed, done };

// A slot's state in one word, so that it changes at once.
struct SlotState {
    SlotPhase phase = SlotPhase::free;
    std::uint32_t worker = 0;  // where claimed or done
    std::uint64_t ticket = 0;  // counts publications: an old claim never fits a new task

    [[nodiscard]] std::uint64_t packed() const noexcept {
        return ticket << 18 | std::uint64_t{worker} << 2 | static_cast<std::uint64_t>(phase);
    }
    [[nodiscard]] static SlotState unpack(std::uint64_t word) noexcept {
        return {static_cast<SlotPhase>(word & 3), static_cast<std::uint32_t>(word >> 2 & 0xffff), word >> 18};
    }
};

class TaskTable {
public:
    static constexpr std::uint32_t slots = 256;
    static constexpr std::uint32_t most_workers = 1024;

    // Room of `largest` bytes for each slot's task or result; pages are used as they are touched. Throws
    // std::system_error, std::length_error.
    TaskTable(std::uint32_t workers, std::size_t largest);

    [[nodiscard]] std::uint32_t workers() const noexcept { return workers_; }
    [[nodiscard]] std::span<std::byte> room(std::uint32_t slot) const noexcept;

    // --- The dispatcher.
    // The slot is free and its room has a task of `length` bytes.
    void publish(std::uint32_t slot, std::size_t length) noexcept;
    // Wakes as many sleeping workers as there are tasks to be had, at most `most`.
    void wake(std::uint32_t most) noexcept;
    // A slot that the worker finished and that was not collected yet. A slot comes at most once, if the worker's own
    // memory is sound: check its state.
    [[nodiscard]] std::optional<std::uint32_t> next_done(std::uint32_t worker) noexcept;
    [[nodiscard]] SlotState state(std::uint32_t slot) const noexcept;
    // When the task of a claimed slot began, in nanoseconds of CLOCK_MONOTONIC; 0: at this moment.
    [[nodiscard]] std::int64_t began(std::uint32_t slot) const noexcept;
    [[nodiscard]] std::size_t length(std::uint32_t slot) const noexcept;
    // Gives memory of large messages back, too.
    void free(std::uint32_t slot) noexcept;
    // Makes a ready slot free, unless a worker was faster. Whether it did.
    [[nodiscard]] bool withdraw(std::uint32_t slot) noexcept;
    // Whether tasks are ready that nobody has claimed.
    [[nodiscard]] bool has_ready() const noexcept;
    // How many tasks may be finished before somebody writes to the dispatcher's eventfd.
    void wake_dispatcher_after(std::int64_t tasks) noexcept;
    // For a new process in a dead worker's place.
    void reset_worker(std::uint32_t worker) noexcept;
    // Whether its initializer returned; how many tasks it finished.
    [[nodiscard]] bool begun(std::uint32_t worker) const noexcept;
    [[nodiscard]] std::uint64_t finished(std::uint32_t worker) const noexcept;
    // Workers end when no task is ready.
    void stop() noexcept;

    // --- A worker.
    void set_begun(std::uint32_t worker) noexcept;
    // Waits for a task and claims it. Nothing: the pool stops.
    [[nodiscard]] std::optional<std::uint32_t> claim(std::uint32_t worker) noexcept;
    // The slot's room has a result of `length` bytes. Whether the dispatcher is to be woken.
    [[nodiscard]] bool finish(std::uint32_t worker, std::uint32_t slot, std::size_t length) noexcept;

private:
    struct Control;
    struct Slot;
    struct WorkerSlot;
    [[nodiscard]] std::optional<std::uint32_t> try_claim(std::uint32_t worker) noexcept;

    std::uint32_t workers_;
    std::size_t stride_;
    SharedMemory memory_;
    Control* control_;
    Slot* slot_;
    WorkerSlot* worker_;
    std::byte* rooms_;
    std::array<std::size_t, slots> published_{};  // the dispatcher's: how long the task in each slot was
};

}  // namespace pinion::inline v0
