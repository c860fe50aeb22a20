// SPDX-License-Identifier: Apache-2.0
// What the threads of the store share: the queue of the committer, with its bounds, and the answers, with their
// eventfd.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "jobs/store.h"

namespace pinion::jobs {

// What one thread hands to another. Unbounded by itself: its owner counts.
template <class T>
class Mailbox {
public:
    void put(T item) {
        {
            const std::scoped_lock lock(mutex_);
            items_.push_back(std::move(item));
        }
        arrived_.notify_one();
    }
    void close() {
        {
            const std::scoped_lock lock(mutex_);
            closed_ = true;
        }
        arrived_.notify_all();
    }
    // Waits for the next; nothing when it is closed and empty.
    [[nodiscard]] std::optional<T> take() {
        std::unique_lock lock(mutex_);
        arrived_.wait(lock, [this] { return closed_ || !items_.empty(); });
        if (items_.empty()) return std::nullopt;
        T item = std::move(items_.front());
        items_.pop_front();
        return item;
    }

    // Those that wait and are `wanted`, out of their turn.
    template <class Wanted>
    [[nodiscard]] std::vector<T> take_out(Wanted&& wanted) {
        std::vector<T> out;
        const std::scoped_lock lock(mutex_);
        const auto rest =
            std::stable_partition(items_.begin(), items_.end(), [&](const T& item) { return !wanted(item); });
        out.assign(std::make_move_iterator(rest), std::make_move_iterator(items_.end()));
        items_.erase(rest, items_.end());
        return out;
    }

private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<T> items_;
    bool closed_ = false;
};

// Answers on their way to the deciding thread.
class AnswerBox {
public:
    [[nodiscard]] Result<void> open();
    void put(std::vector<StoreAnswer> answers);
    void put(StoreAnswer answer);
    [[nodiscard]] std::vector<StoreAnswer> take();
    [[nodiscard]] int fd() const noexcept { return event_.fd(); }

private:
    UniqueFd event_;
    std::mutex mutex_;
    std::vector<StoreAnswer> answers_;
};

}  // namespace pinion::jobs
