// SPDX-License-Identifier: Apache-2.0
// A pool's tasks: into the shared table, back out of it, and what becomes of those whose worker died.
#include <algorithm>
#include <cstring>
#include <ctime>
#include <stdexcept>

#include "pinion/pool_core.h"
#include "pinion/reap.h"

namespace pinion::inline v0 {
namespace {

using detail::Settled;

constexpr std::size_t call_bytes = sizeof(std::uintptr_t);
constexpr std::chrono::nanoseconds longest_timeout = std::chrono::hours(24 * 365);  // a longer one is none

std::int64_t now_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

void Pool::Core::give(const std::shared_ptr<detail::Batch::State>& batch, detail::TaskCall call,
                      std::vector<std::string> messages, const TaskOptions& options) {
    const std::size_t most = table_.room(0).size() - call_bytes;
    for (const auto& message : messages)
        if (message.size() > most)
            throw std::length_error("task of " + std::to_string(message.size()) + " bytes for a pool of at most " +
                                    std::to_string(most) + " (PoolOptions::largest_message)");
    const std::lock_guard guard(mutex_);
    if (!closed_.empty()) throw PoolClosed(closed_);
    const auto timeout = options.timeout < longest_timeout ? options.timeout : std::chrono::nanoseconds(0);
    for (std::uint32_t i = 0; i < messages.size(); ++i)
        pending_.push_back({batch, i, options.retries, call, timeout, std::move(messages[i])});
    rearm();
    // The thread may sleep without a deadline, or with a later one.
    if (timeout.count() > 0 && (armed_ == 0 || armed_ > now_ns() + timeout.count())) kick();
}

void Pool::Core::fill() {
    std::uint32_t published = 0;
    while (!pending_.empty() && !free_.empty()) {
        const std::uint32_t slot = free_.back();
        free_.pop_back();
        put_into(slot, std::move(pending_.front()));
        pending_.pop_front();
        ++published;
    }
    if (published > 0) table_.wake(published);
}

void Pool::Core::put_into(std::uint32_t slot, Task task) {
    const auto room = table_.room(slot);
    const auto call = std::bit_cast<std::uintptr_t>(task.call);
    std::memcpy(room.data(), &call, call_bytes);
    std::memcpy(room.data() + call_bytes, task.message.data(), task.message.size());
    const std::size_t length = call_bytes + task.message.size();
    ++in_flight_count_;
    if (task.batch->eager) ++eager_count_;
    if (task.timeout.count() > 0) ++timed_count_;
    in_flight_[slot] = std::move(task);
    table_.publish(slot, length);
}

Pool::Core::Task Pool::Core::take_task(std::uint32_t slot) {
    Task task = std::move(*in_flight_[slot]);
    in_flight_[slot].reset();
    --in_flight_count_;
    if (task.batch->eager) --eager_count_;
    if (task.timeout.count() > 0) --timed_count_;
    return task;
}

void Pool::Core::take_result(std::uint32_t slot) {
    const Task task = take_task(slot);
    const auto room = table_.room(slot);
    std::string bytes(reinterpret_cast<const char*>(room.data()), table_.length(slot));
    table_.free(slot);
    free_.push_back(slot);
    failed_starts_ = 0;
    task.batch->settle(task.index, {.kind = Settled::Kind::returned, .text = std::move(bytes), .death = nullptr});
}

// What a worker says in its ring is believed where the slot says the same.
bool Pool::Core::collect_from(std::uint32_t worker) {
    bool any = false;
    while (const auto slot = table_.next_done(worker)) {
        const SlotState state = table_.state(*slot);
        if (state.phase != SlotPhase::done || state.worker != worker || !in_flight_[*slot]) continue;
        take_result(*slot);
        any = true;
    }
    return any;
}

std::size_t Pool::Core::collect() {
    std::size_t workers = 0;
    for (std::uint32_t worker = 0; worker < table_.workers(); ++worker)
        if (collect_from(worker)) ++workers;
    return workers;
}

// With tasks to publish, woken early enough that none of the workers runs dry; with nothing more to do, at the end; but
// at once where somebody waits for each.
std::int64_t Pool::Core::wanted_results() const noexcept {
    if (eager_count_ > 0) return 1;
    const auto in_flight = static_cast<std::int64_t>(in_flight_count_);
    if (pending_.empty()) return in_flight;
    return std::max<std::int64_t>(1, (in_flight - table_.workers()) / 2);
}

// What was finished between the last look and the arming would wake nobody: hence another look.
void Pool::Core::rearm() {
    do {
        fill();
        table_.wake_dispatcher_after(wanted_results());
    } while (collect() > 0);
}

void Pool::Core::settle_victim(std::uint32_t slot, const Process& process, const Death& death) {
    const SlotState state = table_.state(slot);
    Task task = take_task(slot);
    table_.free(slot);
    free_.push_back(slot);
    if (process.killed_for == state.ticket) {
        task.batch->settle(task.index, {.kind = Settled::Kind::timed_out, .text = {}, .death = nullptr});
    } else if (process.killed_for) {
        pending_.push_front(std::move(task));  // we killed its worker for another task, which was faster after all
    } else if (task.retries > 0) {
        --task.retries;
        pending_.push_front(std::move(task));
    } else {
        task.batch->settle(task.index,
                           {.kind = Settled::Kind::died, .text = {}, .death = std::make_unique<Death>(death)});
    }
}

// Kills the workers of tasks that take too long. Returns when to look again: the earliest deadline, 0 for none.
std::int64_t Pool::Core::expire() {
    if (timed_count_ == 0) return 0;
    const std::int64_t now = now_ns();
    std::int64_t next = 0;
    for (std::uint32_t slot = 0; slot < TaskTable::slots; ++slot) {
        if (!in_flight_[slot] || in_flight_[slot]->timeout.count() == 0) continue;
        const SlotState state = table_.state(slot);
        if (state.phase == SlotPhase::done) continue;
        const std::int64_t began = state.phase == SlotPhase::claimed ? table_.began(slot) : 0;
        const std::int64_t deadline = (began > 0 ? began : now) + in_flight_[slot]->timeout.count();
        if (deadline > now) {
            next = next == 0 ? deadline : std::min(next, deadline);
            continue;
        }
        if (state.phase != SlotPhase::claimed || state.worker >= processes_.size()) continue;
        Process& process = processes_[state.worker];
        if (process.killed_for || !process.pidfd) continue;
        process.killed_for = state.ticket;
        kill_quietly(process.pidfd.fd());
    }
    return next;
}

void Pool::Core::fail_all(const std::string& why) {
    for (std::uint32_t slot = 0; slot < TaskTable::slots; ++slot)
        if (in_flight_[slot]) pending_.push_back(take_task(slot));
    for (Task& task : pending_)
        task.batch->settle(task.index, {.kind = Settled::Kind::closed, .text = why, .death = nullptr});
    pending_.clear();
}

}  // namespace pinion::inline v0
