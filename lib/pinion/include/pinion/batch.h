// SPDX-License-Identifier: Apache-2.0
// Tasks that were given to a pool together, as bytes, and what became of each. What Future and Results are made of; not
// to be used by itself.
#pragma once

#include <pinion/api.h>
#include <pinion/codec.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace pinion::inline v0::detail {

// Runs in a worker: reads one task, writes what came out.
using TaskCall = void (*)(Reader& in, Writer& out);

// Shared by its handles and the pool: it outlives the pool, whose end settles every task.
class PINION_API Batch {
public:
    struct State;
    explicit Batch(std::shared_ptr<State> state) noexcept;
    Batch(const Batch&);
    Batch(Batch&&) noexcept;
    Batch& operator=(const Batch&);
    Batch& operator=(Batch&&) noexcept;
    ~Batch();

    [[nodiscard]] std::size_t size() const;
    // Whether task `index` is settled in time; whether all are.
    [[nodiscard]] bool wait(std::size_t index, Timeout timeout) const;
    [[nodiscard]] bool wait_all(Timeout timeout) const;
    // Each settled task once, as they come. Nothing: none came in time, or all were given.
    [[nodiscard]] std::optional<std::size_t> next(Timeout timeout) const;
    // What the settled task wrote, once. Throws WorkerDied, TaskTimedOut or PoolClosed where it did not come to that.
    [[nodiscard]] std::string take(std::size_t index) const;

private:
    std::shared_ptr<State> state_;
};

// The exception that is being handled, as text.
struct Caught {
    std::string type;
    std::string text;
};
[[nodiscard]] PINION_API Caught describe_exception() noexcept;

}  // namespace pinion::inline v0::detail
