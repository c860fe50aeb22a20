// SPDX-License-Identifier: Apache-2.0
// Worker processes that run functions: multiprocessing's Pool. A worker that is killed costs the task it ran and
// nothing else: that task fails with the death, or runs again if it may; a successor takes the worker's place.
#pragma once

#include <pinion/api.h>
#include <pinion/batch.h>
#include <pinion/results.h>
#include <pinion/task.h>
#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace pinion::inline v0 {

struct PoolOptions {
    unsigned workers = 0;  // 0: as many as CPUs may be used, by mask and quota
    // soft: each worker on one core, as few on each as can be. core: each on a whole core that no other worker of this
    // program's pools has; where there are too few, std::runtime_error. none: as the caller.
    enum class Pin : std::uint8_t { soft, core, none };
    Pin pin = Pin::soft;
    std::string name = "pool";                            // of the workers, as ps shows them
    std::function<void()> initializer = {};               // in each worker, before its first task
    std::uint64_t max_tasks_per_child = 0;                // a fresh worker after so many; 0: never
    std::size_t largest_message = std::size_t{64} << 20;  // bytes of a chunk's inputs, or of its results
};

struct TaskOptions {
    std::size_t chunk_size = 1;           // inputs a task; they share its timeout, and its worker's death
    std::chrono::nanoseconds timeout{0};  // from its beginning in a worker, which is killed then; 0: none
    unsigned retries = 0;                 // how often a task whose worker died is run again
};

// Workers are copies of this process as it is when they start: at the pool's beginning, and later in place of one that
// ended, by a thread of the pool. They see what was in memory then; they ignore SIGINT (who ends us ends them), and are
// killed when this process ends. Functions of a library loaded after the pool was made don't exist in them. See Process
// for what a copy of a process may use.
//
// All members may be called by several threads at once. The destructor is `terminate`. In a forked child a pool of the
// parent's does nothing, and takes no task (std::logic_error).
class PINION_API Pool {
public:
    explicit Pool(PoolOptions options = {});
    explicit Pool(unsigned workers) : Pool(PoolOptions{.workers = workers}) {}
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    ~Pool();

    // The results of `callable` on each input, in their order. Waits for all, then throws the first failure in that
    // order, if there is one: TaskFailed, WorkerDied, TaskTimedOut, PoolClosed. The callable is sent as its bytes: a
    // function, or a lambda whose captures are trivially copyable.
    template <class F, std::ranges::input_range Inputs>
    auto map(F callable, const Inputs& inputs, TaskOptions options = {}) {
        using R = ResultOf<F, Inputs>;
        auto results = start_map(callable, inputs, options, Results<R>::Order::inputs, false);
        if constexpr (std::is_void_v<R>) {
            for (const auto& outcome : settle(results)) static_cast<void>(outcome.value());
        } else {
            std::vector<R> values;
            values.reserve(results.size());
            for (auto& outcome : settle(results)) values.push_back(std::move(outcome).value());
            return values;
        }
    }
    // The same, with what became of each input: nothing is thrown for a task.
    template <class F, std::ranges::input_range Inputs>
    auto try_map(F callable, const Inputs& inputs, TaskOptions options = {}) {
        auto results = start_map(callable, inputs, options, Results<ResultOf<F, Inputs>>::Order::inputs, false);
        return settle(results);
    }
    // Returns at once; the results are had one after another, in the order of the inputs.
    template <class F, std::ranges::input_range Inputs>
    auto imap(F callable, const Inputs& inputs, TaskOptions options = {}) {
        return start_map(callable, inputs, options, Results<ResultOf<F, Inputs>>::Order::inputs, true);
    }
    // The same, as they come.
    template <class F, std::ranges::input_range Inputs>
    auto map_unordered(F callable, const Inputs& inputs, TaskOptions options = {}) {
        return start_map(callable, inputs, options, Results<ResultOf<F, Inputs>>::Order::completion, true);
    }
    // One call.
    template <class F, class... Args>
    auto submit(F callable, Args&&... arguments) {
        return submit_with(TaskOptions{}, callable, std::forward<Args>(arguments)...);
    }
    template <class F, class... Args>
    auto submit_with(TaskOptions options, F callable, Args&&... arguments) {
        using R = std::invoke_result_t<F&, Sent<Args>...>;
        std::string message;
        Writer out(message);
        detail::encode_callable(callable, out);
        encode(std::tuple<Sent<Args>...>(std::forward<Args>(arguments)...), out);
        std::vector<std::string> messages;
        messages.push_back(std::move(message));
        return Future<R>(start(detail::run_call<F, R, Sent<Args>...>, std::move(messages), options, true));
    }

    // Takes no more tasks; those given are done.
    void close();
    // `close`, then waits until all is done and the workers have ended. Whether that came in time.
    bool join(Timeout timeout = Timeout::forever);
    // Ends everything now: tasks that are not done fail with PoolClosed, workers are killed and reaped.
    void terminate();

    struct Worker {
        pid_t pid = -1;
        std::vector<unsigned> cpus;  // it is pinned to; empty: not pinned
        std::uint64_t tasks = 0;     // done by this process
    };
    // As they are now.
    [[nodiscard]] std::vector<Worker> workers() const;
    // How many workers were started in place of one that ended.
    [[nodiscard]] std::uint64_t replaced() const;

private:
    class Core;
    // Text that is given as a pointer or a view travels as a string.
    template <class T>
    using Sent = std::conditional_t<std::is_convertible_v<T, std::string_view>, std::string, std::decay_t<T>>;
    template <class Inputs>
    using Input = Sent<std::ranges::range_value_t<Inputs>>;
    template <class F, class Inputs>
    using ResultOf = std::remove_cvref_t<std::invoke_result_t<F&, Input<Inputs>>>;

    template <class F, class Inputs, class Order>
    auto start_map(const F& callable, const Inputs& inputs, const TaskOptions& options, Order order, bool eager) {
        using R = ResultOf<F, Inputs>;
        const std::size_t chunk_size = std::clamp<std::size_t>(options.chunk_size, 1, UINT32_MAX);
        std::vector<std::string> messages;
        std::size_t count = 0;
        std::string body;
        const auto finish = [&](std::size_t in_chunk) {
            std::string message;
            Writer out(message);
            detail::encode_callable(callable, out);
            encode(static_cast<std::uint32_t>(in_chunk), out);
            out.write(body.data(), body.size());
            messages.push_back(std::move(message));
            body.clear();
        };
        for (const auto& input : inputs) {
            Writer out(body);
            encode(Input<Inputs>(input), out);
            if (++count % chunk_size == 0) finish(chunk_size);
        }
        if (count % chunk_size != 0) finish(count % chunk_size);
        return Results<R>(start(detail::run_chunk<F, Input<Inputs>, R>, std::move(messages), options, eager), order,
                          count, chunk_size);
    }
    template <class R>
    static std::vector<Outcome<R>> settle(Results<R>& results) {
        std::vector<Outcome<R>> outcomes;
        outcomes.reserve(results.size());
        for (auto& outcome : results) outcomes.push_back(std::move(outcome));
        return outcomes;
    }

    // `eager`: somebody looks at each result as it comes, not only at the last.
    detail::Batch start(detail::TaskCall call, std::vector<std::string> messages, const TaskOptions& options,
                        bool eager);
    [[nodiscard]] Core& core() const;
    std::unique_ptr<Core> core_;
};

}  // namespace pinion::inline v0
