// SPDX-License-Identifier: Apache-2.0
#include "pinion/task_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <stdexcept>

#include "pinion/futex.h"

namespace pinion::inline v0 {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t line = 64;         // of the cache
constexpr std::size_t kept = 16 * page;  // of a slot's room, whatever was in it

std::size_t rounded(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

std::int64_t now_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

struct TaskTable::Control {
    alignas(line) std::atomic<std::uint64_t> head = 0;  // no ticket below it is unclaimed
    alignas(line) std::atomic<std::uint64_t> tail = 0;  // the next ticket
    std::atomic<std::uint32_t> stopping = 0;
    alignas(line) std::atomic<std::int64_t> until_wake = 0;
    // Which slot has a ticket. An entry is used again only after its task was claimed: no more than `slots` are ready.
    alignas(line) std::array<std::atomic<std::uint32_t>, slots> queue{};
};

struct alignas(line) TaskTable::Slot {
    std::atomic<std::uint64_t> state = 0;
    std::atomic<std::int64_t> began = 0;
    std::atomic<std::uint64_t> length = 0;
};

struct alignas(line) TaskTable::WorkerSlot {
    std::atomic<std::uint32_t> asleep = 0;
    std::atomic<std::uint32_t> begun = 0;
    alignas(line) std::atomic<std::uint64_t> finished = 0;   // also the end of `done`
    alignas(line) std::atomic<std::uint64_t> collected = 0;  // the dispatcher's
    std::array<std::atomic<std::uint32_t>, slots> done{};
};

TaskTable::TaskTable(std::uint32_t workers, std::size_t largest)
    : workers_(workers), stride_(rounded(std::max<std::size_t>(largest, page), page)), memory_([&] {
          if (largest > SIZE_MAX / 4 / slots) throw std::length_error("largest message too large");
          return rounded(sizeof(Control), line) + slots * sizeof(Slot) + workers * sizeof(WorkerSlot) + page +
                 slots * stride_;
      }()) {
    auto* at = static_cast<std::byte*>(memory_.data());
    control_ = new (at) Control;
    at += rounded(sizeof(Control), line);
    slot_ = reinterpret_cast<Slot*>(at);
    for (std::uint32_t i = 0; i < slots; ++i, at += sizeof(Slot)) new (at) Slot;
    worker_ = reinterpret_cast<WorkerSlot*>(at);
    for (std::uint32_t i = 0; i < workers; ++i, at += sizeof(WorkerSlot)) new (at) WorkerSlot;
    const std::size_t used = static_cast<std::size_t>(at - static_cast<std::byte*>(memory_.data()));
    rooms_ = static_cast<std::byte*>(memory_.data()) + rounded(used, page);
    ::madvise(memory_.data(), memory_.size(), MADV_DONTDUMP);
}

std::span<std::byte> TaskTable::room(std::uint32_t slot) const noexcept { return {rooms_ + slot * stride_, stride_}; }

void TaskTable::publish(std::uint32_t slot, std::size_t length) noexcept {
    const std::uint64_t ticket = control_->tail.load(std::memory_order_relaxed);
    published_[slot] = length;
    slot_[slot].length.store(length, std::memory_order_relaxed);
    slot_[slot].began.store(0, std::memory_order_relaxed);
    slot_[slot].state.store(SlotState{SlotPhase::ready, 0, ticket}.packed(), std::memory_order_release);
    control_->queue[ticket % slots].store(slot, std::memory_order_release);
    control_->tail.store(ticket + 1);
}

void TaskTable::wake(std::uint32_t most) noexcept {
    for (std::uint32_t i = 0; i < workers_ && most > 0; ++i) {
        if (worker_[i].asleep.load() == 0 || worker_[i].asleep.exchange(0) == 0) continue;
        futex_wake(worker_[i].asleep, 1);
        --most;
    }
}

std::optional<std::uint32_t> TaskTable::next_done(std::uint32_t worker) noexcept {
    WorkerSlot& mine = worker_[worker];
    const std::uint64_t at = mine.collected.load(std::memory_order_relaxed);
    if (at == mine.finished.load()) return std::nullopt;
    mine.collected.store(at + 1, std::memory_order_relaxed);
    return mine.done[at % slots].load(std::memory_order_relaxed) % slots;
}

SlotState TaskTable::state(std::uint32_t slot) const noexcept {
    return SlotState::unpack(slot_[slot].state.load(std::memory_order_acquire));
}
std::int64_t TaskTable::began(std::uint32_t slot) const noexcept { return slot_[slot].began.load(); }
std::size_t TaskTable::length(std::uint32_t slot) const noexcept {
    return std::min<std::size_t>(slot_[slot].length.load(std::memory_order_relaxed), stride_);
}

void TaskTable::free(std::uint32_t slot) noexcept {
    if (std::max(published_[slot], length(slot)) > kept)
        ::madvise(rooms_ + slot * stride_ + kept, stride_ - kept, MADV_REMOVE);
    slot_[slot].state.store(0, std::memory_order_release);
}

bool TaskTable::withdraw(std::uint32_t slot) noexcept {
    auto seen = slot_[slot].state.load(std::memory_order_acquire);
    if (SlotState::unpack(seen).phase != SlotPhase::ready) return false;
    return slot_[slot].state.compare_exchange_strong(seen, 0);
}

bool TaskTable::has_ready() const noexcept { return control_->head.load() < control_->tail.load(); }

void TaskTable::wake_dispatcher_after(std::int64_t tasks) noexcept { control_->until_wake.store(tasks); }

void TaskTable::reset_worker(std::uint32_t worker) noexcept {
    WorkerSlot& mine = worker_[worker];
    mine.asleep.store(0);
    mine.begun.store(0);
    mine.finished.store(0);
    mine.collected.store(0);
}

bool TaskTable::begun(std::uint32_t worker) const noexcept { return worker_[worker].begun.load() != 0; }
std::uint64_t TaskTable::finished(std::uint32_t worker) const noexcept { return worker_[worker].finished.load(); }

void TaskTable::stop() noexcept {
    control_->stopping.store(1);
    wake(workers_);
}

void TaskTable::set_begun(std::uint32_t worker) noexcept { worker_[worker].begun.store(1); }

std::optional<std::uint32_t> TaskTable::try_claim(std::uint32_t worker) noexcept {
    for (;;) {
        std::uint64_t ticket = control_->head.load();
        if (ticket >= control_->tail.load()) return std::nullopt;
        const std::uint32_t slot = control_->queue[ticket % slots].load(std::memory_order_acquire);
        std::uint64_t ready = SlotState{SlotPhase::ready, 0, ticket}.packed();
        const std::uint64_t claimed = SlotState{SlotPhase::claimed, worker, ticket}.packed();
        const bool mine = slot_[slot].state.compare_exchange_strong(ready, claimed);
        // Whoever has it, the head is behind; if we die before this, the next one does it.
        control_->head.compare_exchange_strong(ticket, ticket + 1);
        if (!mine) continue;
        slot_[slot].began.store(now_ns());
        return slot;
    }
}

std::optional<std::uint32_t> TaskTable::claim(std::uint32_t worker) noexcept {
    WorkerSlot& mine = worker_[worker];
    for (;;) {
        if (const auto slot = try_claim(worker)) return slot;
        if (control_->stopping.load() != 0) return std::nullopt;
        // Asleep first, then another look: whoever publishes after that look sees that we sleep.
        mine.asleep.store(1);
        if (!has_ready() && control_->stopping.load() == 0) futex_wait(mine.asleep, 1, std::nullopt);
        mine.asleep.store(0);
    }
}

bool TaskTable::finish(std::uint32_t worker, std::uint32_t slot, std::size_t length) noexcept {
    WorkerSlot& mine = worker_[worker];
    const SlotState before = state(slot);
    slot_[slot].length.store(length, std::memory_order_relaxed);
    slot_[slot].state.store(SlotState{SlotPhase::done, worker, before.ticket}.packed(), std::memory_order_release);
    const std::uint64_t at = mine.finished.load(std::memory_order_relaxed);
    mine.done[at % slots].store(slot, std::memory_order_relaxed);
    mine.finished.store(at + 1);
    return control_->until_wake.fetch_sub(1) == 1;
}

}  // namespace pinion::inline v0
