// SPDX-License-Identifier: Apache-2.0
#include <pinion/queue.h>

#include <cstring>
#include <stdexcept>

#include "pinion/monitor.h"

namespace pinion::inline v0 {
namespace {

constexpr std::uint64_t wrap_mark = ~std::uint64_t{0};  // in place of a length: the rest up to the end is unused

std::uint64_t padded(std::uint64_t size) {
    return (size + ByteQueue::overhead - 1) / ByteQueue::overhead * ByteQueue::overhead;
}

}  // namespace

// A ring of bytes. `head` and `tail` grow for ever; their remainder by `room` is a place, and a record (a length, then
// the element, padded) never wraps around the end. Each of them is the one store that commits a get or a put; `count`
// is made anew by a walk over the records where a holder of the mutex died.
struct ByteQueue::State {
    static constexpr std::uint32_t kind = 6;
    Header header;
    std::uint64_t capacity;
    std::uint64_t room;
    std::uint64_t head = 0;
    std::uint64_t tail = 0;
    std::uint64_t count = 0;
    std::uint32_t closed = 0;
    MonitorState monitor;

    State(std::uint64_t most, std::uint64_t bytes_of_ring) : capacity(most), room(bytes_of_ring) {}
    [[nodiscard]] char* ring() noexcept { return reinterpret_cast<char*>(this) + header_bytes; }
    [[nodiscard]] std::uint64_t length_at(std::uint64_t place) noexcept {
        std::uint64_t length = 0;
        std::memcpy(&length, ring() + place, sizeof length);
        return length;
    }
    void set_length_at(std::uint64_t place, std::uint64_t length) noexcept {
        std::memcpy(ring() + place, &length, sizeof length);
    }
    // Where the oldest record begins, past an unused end.
    [[nodiscard]] std::uint64_t first(std::uint64_t from) noexcept {
        return length_at(from % room) == wrap_mark ? from + room - from % room : from;
    }
    void recount() noexcept {
        count = 0;
        for (std::uint64_t at = head; at != tail; ++count) {
            at = first(at);
            at += overhead + padded(length_at(at % room));
        }
    }
    // Where a record of `size` bytes may begin, or nothing.
    [[nodiscard]] std::optional<std::uint64_t> place_for(std::uint64_t size) const noexcept {
        if (count >= capacity) return std::nullopt;
        const std::uint64_t to_end = room - tail % room;
        const std::uint64_t begin = size <= to_end ? tail : tail + to_end;
        if (begin + size - head <= room) return begin;
        return std::nullopt;
    }
};

// The mutex of a queue whose counters are right.
class ByteQueue::Access {
public:
    explicit Access(State& state) : monitor_(state.monitor), state_(state) { repair(); }
    [[nodiscard]] bool sleep(const Deadline& deadline) {
        const bool in_time = monitor_.sleep(deadline);
        repair();
        return in_time;
    }
    void wake_all() noexcept { monitor_.wake_all(); }

private:
    void repair() noexcept {
        if (monitor_.predecessor_died()) state_.recount();
    }
    Monitor monitor_;
    State& state_;
};

ByteQueue::ByteQueue(std::size_t capacity, std::size_t bytes)
    : ByteQueue(SharedMemory(header_bytes + padded(bytes)), bytes > 0 ? capacity : 0) {}

ByteQueue::ByteQueue(SharedMemory memory, std::size_t capacity) : memory_(std::move(memory)) {
    static_assert(sizeof(State) <= header_bytes);
    if (capacity == 0) throw std::invalid_argument("queue without room");
    if (memory_.size() < header_bytes + 2 * overhead)
        throw std::invalid_argument("shared memory too small for a queue");
    state_ = make_in<State>(memory_, capacity, (memory_.size() - header_bytes) / overhead * overhead);
}

ByteQueue::ByteQueue(SharedMemory memory, Attach) : memory_(std::move(memory)), state_(find_in<State>(memory_)) {
    if (state_->room > memory_.size() - header_bytes)
        throw std::invalid_argument("shared memory that lost a part of its queue");
}
ByteQueue ByteQueue::attach(SharedMemory memory) { return {std::move(memory), Attach{}}; }

PutResult ByteQueue::put(std::string_view element, Timeout timeout) {
    if (element.size() > largest())
        throw std::length_error("element of " + std::to_string(element.size()) + " bytes in a queue for at most " +
                                std::to_string(largest()));
    const std::uint64_t size = overhead + padded(element.size());
    State& state = *state_;
    std::optional<Deadline> deadline;
    Access access(state);
    for (;;) {
        if (state.closed != 0) return PutResult::closed;
        const auto place = state.place_for(size);
        if (place) {
            if (*place != state.tail) state.set_length_at(state.tail % state.room, wrap_mark);
            const std::uint64_t at = *place % state.room;
            state.set_length_at(at, element.size());
            if (!element.empty()) std::memcpy(state.ring() + at + overhead, element.data(), element.size());
            access.wake_all();
            std::atomic_ref(state.tail).store(*place + size, std::memory_order_release);
            ++state.count;
            return PutResult::done;
        }
        if (!deadline) deadline = deadline_of(timeout);
        if (!access.sleep(*deadline) && state.closed == 0 && !state.place_for(size)) return PutResult::timed_out;
    }
}

bool ByteQueue::get(const std::function<void(std::string_view)>& take, Timeout timeout) {
    State& state = *state_;
    std::optional<Deadline> deadline;
    Access access(state);
    while (state.count == 0) {
        if (state.closed != 0) return false;
        if (!deadline) deadline = deadline_of(timeout);
        if (!access.sleep(*deadline) && state.count == 0) return false;
    }
    const std::uint64_t begin = state.first(state.head);
    const std::uint64_t at = begin % state.room;
    const std::uint64_t length = state.length_at(at);
    take({state.ring() + at + overhead, length});
    access.wake_all();
    std::atomic_ref(state.head).store(begin + overhead + padded(length), std::memory_order_release);
    --state.count;
    return true;
}

void ByteQueue::close() {
    Access access(*state_);
    access.wake_all();
    state_->closed = 1;
}

bool ByteQueue::closed() const {
    const Access access(*state_);
    return state_->closed != 0;
}

std::size_t ByteQueue::size() const {
    const Access access(*state_);
    return state_->count;
}

std::size_t ByteQueue::capacity() const noexcept { return state_->capacity; }

// A record of half the ring fits wherever the records of the moment lie; a larger one might never.
std::size_t ByteQueue::largest() const noexcept {
    const std::uint64_t whole = state_->room - overhead;
    return state_->room / 2 >= overhead
               ? std::min<std::uint64_t>(whole, state_->room / 2 / overhead * overhead - overhead)
               : 0;
}

}  // namespace pinion::inline v0
