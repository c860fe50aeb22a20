// SPDX-License-Identifier: Apache-2.0
// What a pool gives back: a Future of one call, or the Results of many, one Outcome each.
#pragma once

#include <pinion/batch.h>
#include <pinion/task.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pinion::inline v0 {

// One call's result. Outlives the pool, if it must.
template <class R>
class Future {
public:
    explicit Future(detail::Batch batch) noexcept : batch_(std::move(batch)) {}

    // Waits for the result, once. Throws TaskFailed, WorkerDied, TaskTimedOut or PoolClosed where there is none.
    R get() {
        wait();
        const std::string bytes = batch_.take(0);
        Reader in(bytes);
        return detail::read_outcome<R>(in);
    }
    void wait() const { static_cast<void>(batch_.wait(0, Timeout::forever)); }
    // Whether `get` would not wait, now or in time.
    [[nodiscard]] bool ready() const { return batch_.wait(0, std::chrono::nanoseconds(0)); }
    [[nodiscard]] bool wait_for(Timeout timeout) const { return batch_.wait(0, timeout); }

private:
    detail::Batch batch_;
};

// What became of one input: a value, or why there is none.
template <class R>
class Outcome {
public:
    using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;
    Outcome(std::size_t index, Value value) : index_(index), held_(std::in_place_index<0>, std::move(value)) {}
    Outcome(std::size_t index, std::exception_ptr error)
        : index_(index), held_(std::in_place_index<1>, std::move(error)) {}

    // Of the input, from 0.
    [[nodiscard]] std::size_t index() const noexcept { return index_; }
    [[nodiscard]] bool ok() const noexcept { return held_.index() == 0; }
    // The value; throws the error where there is none.
    [[nodiscard]] const Value& value() const& {
        check();
        return std::get<0>(held_);
    }
    [[nodiscard]] Value&& value() && {
        check();
        return std::get<0>(std::move(held_));
    }
    // Null where there is a value.
    [[nodiscard]] std::exception_ptr error() const noexcept { return ok() ? nullptr : std::get<1>(held_); }

private:
    void check() const {
        if (!ok()) std::rethrow_exception(std::get<1>(held_));
    }
    std::size_t index_;
    std::variant<Value, std::exception_ptr> held_;
};

// The outcomes of a map, one after another: in the order of the inputs, or as they come. A range for one pass.
template <class R>
class Results {
public:
    enum class Order : std::uint8_t { inputs, completion };
    Results(detail::Batch batch, Order order, std::size_t inputs, std::size_t chunk_size)
        : batch_(std::move(batch)), order_(order), inputs_(inputs), chunk_size_(chunk_size) {}

    // How many inputs there are.
    [[nodiscard]] std::size_t size() const noexcept { return inputs_; }

    // Waits for the next outcome. Nothing: all were given, or none came in time.
    std::optional<Outcome<R>> next(Timeout timeout = Timeout::forever) {
        if (position_ == ready_.size() && !load(timeout)) return std::nullopt;
        return std::move(ready_[position_++]);
    }

    class Iterator {
    public:
        using value_type = Outcome<R>;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::input_iterator_tag;
        explicit Iterator(Results& results) : results_(&results), current_(results.next()) {}
        Outcome<R>& operator*() const { return *current_; }
        Iterator& operator++() {
            current_ = results_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const noexcept { return !current_.has_value(); }

    private:
        Results* results_;
        mutable std::optional<Outcome<R>> current_;
    };
    [[nodiscard]] Iterator begin() { return Iterator(*this); }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    bool load(Timeout timeout) {
        const auto chunk = next_chunk(timeout);
        if (!chunk) return false;
        ready_.clear();
        position_ = 0;
        const std::size_t first = *chunk * chunk_size_;
        const std::size_t count = std::min(chunk_size_, inputs_ - first);
        std::string bytes;
        try {
            bytes = batch_.take(*chunk);
        } catch (...) {
            for (std::size_t i = 0; i < count; ++i) ready_.emplace_back(first + i, std::current_exception());
            return true;
        }
        Reader in(bytes);
        for (std::size_t i = 0; i < count; ++i) ready_.push_back(read_one(in, first + i));
        return true;
    }
    std::optional<std::size_t> next_chunk(Timeout timeout) {
        if (order_ == Order::completion) return batch_.next(timeout);
        if (chunk_ == batch_.size() || !batch_.wait(chunk_, timeout)) return std::nullopt;
        return chunk_++;
    }
    static Outcome<R> read_one(Reader& in, std::size_t index) {
        try {
            if constexpr (std::is_void_v<R>) {
                detail::read_outcome<R>(in);
                return {index, std::monostate{}};
            } else {
                return {index, detail::read_outcome<R>(in)};
            }
        } catch (...) {
            return {index, std::current_exception()};
        }
    }

    detail::Batch batch_;
    Order order_;
    std::size_t inputs_;
    std::size_t chunk_size_;
    std::size_t chunk_ = 0;          // the next in order
    std::vector<Outcome<R>> ready_;  // of the last chunk
    std::size_t position_ = 0;
};

}  // namespace pinion::inline v0
