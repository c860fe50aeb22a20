// SPDX-License-Identifier: Apache-2.0
// One worker as the scheduler knows it: what it was sent and has not answered, the oldest first. It *executes* the
// `concurrency` oldest; the rest waits in its pipe and can't be called back, but goes back uncharged when it dies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "jobs/job_event.h"
#include "jobs/job_table.h"
#include "jobs/outcome.h"
#include "jobs/semaphores.h"

namespace pinion::jobs {

// One attempt at a worker.
struct Sent {
    AttemptId attempt;
    JobId job;
    Place place = nowhere;  // nowhere: a gap, its job was cancelled while it waited here
    bool dispatched = true;
    bool executing = false;
    bool claimed = false;         // in the store, or about to be
    bool awaited = false;         // its payload is not with the worker yet
    std::optional<Outcome> doom;  // its worker is being killed for its sake: how it ends
    MonotonicTime since{};        // executing
    MonotonicTime deadline = no_deadline;
    NeedsPtr held;           // permits
    std::uint32_t size = 0;  // of its input

    [[nodiscard]] bool is_gap() const noexcept { return place == nowhere; }
};

// A queue that is mostly answered at its front.
class SentList {
public:
    [[nodiscard]] std::size_t size() const noexcept { return items_.size() - first_; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] Sent& operator[](std::size_t i) noexcept { return items_[first_ + i]; }
    [[nodiscard]] const Sent& operator[](std::size_t i) const noexcept { return items_[first_ + i]; }
    [[nodiscard]] auto begin() noexcept { return items_.begin() + static_cast<std::ptrdiff_t>(first_); }
    [[nodiscard]] auto end() noexcept { return items_.end(); }
    [[nodiscard]] auto begin() const noexcept { return items_.begin() + static_cast<std::ptrdiff_t>(first_); }
    [[nodiscard]] auto end() const noexcept { return items_.end(); }
    // Of all inputs, also of those that were cancelled: they are on their way all the same.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    void add(Sent sent) {
        bytes_ += sent.size;
        items_.push_back(std::move(sent));
    }
    // The index of that attempt; size() where it is not here.
    [[nodiscard]] std::size_t find(AttemptId attempt) const noexcept;
    [[nodiscard]] std::size_t find_job(Place place) const noexcept;
    void remove(std::size_t i);
    [[nodiscard]] std::vector<Sent> take_all();

private:
    std::vector<Sent> items_;
    std::size_t first_ = 0;
    std::uint64_t bytes_ = 0;
};

enum class WorkerPhase : std::uint8_t {
    open,      // takes jobs
    retiring,  // answers what it has, then makes way for a fresh one
    leaving,   // asked to be replaced
    killing,   // its tree is being killed
};

struct JobWorker {
    WorkerRef ref;
    WorkerPhase phase = WorkerPhase::open;
    bool blocked = false;                        // its pipe is full
    RecycleReason reason = RecycleReason::jobs;  // why it retires
    std::uint32_t claiming = 0;                  // attempts that wait for their claim: nothing may overtake them
    SentList sent;
    std::uint64_t taken = 0;     // jobs in its life
    std::uint32_t answered = 0;  // in this turn
    MonotonicTime busy_since{};
    MonotonicTime arrived{};
    MonotonicTime timer = no_deadline;  // what the timers hold for it
    bool touched = false;               // in this turn
    // Its place among the workers with room, by how much they have.
    std::uint32_t bucket = nowhere;
    std::uint32_t bucket_prev = nowhere;
    std::uint32_t bucket_next = nowhere;
};

// The workers that may be sent more, by how many jobs they have: the one with the fewest, then the longest waiting, is
// next.
class Buckets {
public:
    using Workers = std::vector<std::unique_ptr<JobWorker>>;  // by slot

    // Puts the worker where its list says, or takes it out where it may not be sent more.
    void place(Workers& workers, std::uint32_t slot, bool has_room);
    // The slot of the worker with the fewest jobs, if it has fewer than `bound`; else `nowhere`.
    [[nodiscard]] std::uint32_t least(std::size_t bound) noexcept;

private:
    struct Chain {
        std::uint32_t head = nowhere;
        std::uint32_t tail = nowhere;
    };
    std::vector<Chain> chains_;
    std::size_t lowest_ = 0;  // none below holds a worker
};

}  // namespace pinion::jobs
