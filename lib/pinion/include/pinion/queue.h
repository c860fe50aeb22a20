// SPDX-License-Identifier: Apache-2.0
// A bounded queue between processes: any number put, any number get, in order. A process may be killed at any point of
// a call: an element is then either whole in the queue or not in it, and the others go on.
#pragma once

#include <pinion/api.h>
#include <pinion/codec.h>
#include <pinion/shared_memory.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace pinion::inline v0 {

enum class PutResult : std::uint8_t { done, timed_out, closed };

// A queue of encoded elements: what Queue<T> is made of. Bounded by their number and by the bytes of all together.
class PINION_API ByteQueue {
public:
    // Bytes of the queue that one element takes beside its own.
    static constexpr std::size_t overhead = 8;

    // Throws std::invalid_argument where either is 0.
    ByteQueue(std::size_t capacity, std::size_t bytes);
    // In memory that is given: it has what of its bytes is left after `header_bytes`.
    ByteQueue(SharedMemory memory, std::size_t capacity);
    // The queue that another process made in `memory`. Throws std::invalid_argument where there is none.
    [[nodiscard]] static ByteQueue attach(SharedMemory memory);
    static constexpr std::size_t header_bytes = 512;

    // Throws std::length_error where the element could never fit.
    PutResult put(std::string_view element, Timeout timeout);
    // Calls `take` with the oldest element, where it lies; it is gone when `take` returns, and stays where that throws.
    // False where none came in time, or none is left of a closed queue.
    bool get(const std::function<void(std::string_view)>& take, Timeout timeout);
    void close();
    [[nodiscard]] bool closed() const;
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::size_t capacity() const noexcept;
    // The largest element that fits.
    [[nodiscard]] std::size_t largest() const noexcept;
    [[nodiscard]] const SharedMemory& memory() const noexcept { return memory_; }

private:
    struct Attach {};
    ByteQueue(SharedMemory memory, Attach);
    struct State;
    class Access;
    SharedMemory memory_;
    State* state_;
};

// In memory of its own, which forked children share, or in memory that is given.
template <class T>
class Queue {
public:
    // For types of a fixed size there is room for `capacity` elements. For others the bytes of all elements together
    // are bounded, too: by `bytes`.
    explicit Queue(std::size_t capacity, std::size_t bytes = 0)
        : queue_(capacity, bytes > 0 ? bytes : room_for(capacity)) {}
    Queue(SharedMemory memory, std::size_t capacity) : queue_(std::move(memory), capacity) {}
    [[nodiscard]] static Queue attach(SharedMemory memory) { return Queue(ByteQueue::attach(std::move(memory))); }

    // Waits for room. False: the queue is closed. Throws std::length_error where the element could never fit.
    bool put(const T& value) { return put_for(value, Timeout::forever) == PutResult::done; }
    PutResult put_for(const T& value, Timeout timeout) {
        if constexpr (fixed) {
            return queue_.put({reinterpret_cast<const char*>(&value), sizeof value}, timeout);
        } else {
            std::string element;
            Writer out(element);
            encode(value, out);
            return queue_.put(element, timeout);
        }
    }
    // Whether there was room, in a queue that is open.
    bool try_put(const T& value) { return put_for(value, std::chrono::nanoseconds(0)) == PutResult::done; }

    // Waits for an element. Nothing: the queue is closed and empty.
    [[nodiscard]] std::optional<T> get() { return get_for(Timeout::forever); }
    // Nothing: none came in time, or the queue is closed and empty.
    [[nodiscard]] std::optional<T> get_for(Timeout timeout) {
        std::optional<T> value;
        const auto take = [&value](std::string_view element) {
            Reader in(element);
            value.emplace(decode<T>(in));
        };
        queue_.get(std::cref(take), timeout);
        return value;
    }
    [[nodiscard]] std::optional<T> try_get() { return get_for(std::chrono::nanoseconds(0)); }

    // Nothing more goes in; what is in can be had. Wakes all that wait.
    void close() { queue_.close(); }
    [[nodiscard]] bool closed() const { return queue_.closed(); }
    // How many are in it, at this moment.
    [[nodiscard]] std::size_t size() const { return queue_.size(); }
    [[nodiscard]] bool empty() const { return size() == 0; }
    [[nodiscard]] std::size_t capacity() const noexcept { return queue_.capacity(); }
    [[nodiscard]] const SharedMemory& memory() const noexcept { return queue_.memory(); }

private:
    static constexpr bool fixed = std::is_trivially_copyable_v<T>;
    static constexpr std::size_t usual_bytes = 1 << 20;
    explicit Queue(ByteQueue queue) : queue_(std::move(queue)) {}
    static std::size_t room_for(std::size_t capacity) {
        if constexpr (fixed) {
            // Padded as the queue pads, and one more: an element does not wrap around the end.
            const std::size_t each =
                (sizeof(T) + 2 * ByteQueue::overhead - 1) / ByteQueue::overhead * ByteQueue::overhead;
            return (capacity + 1) * each;
        } else {
            return usual_bytes;
        }
    }
    ByteQueue queue_;
};

}  // namespace pinion::inline v0
