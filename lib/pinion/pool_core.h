// SPDX-License-Identifier: Apache-2.0
// A pool from inside: what waits, what is on its way, who works. One mutex guards all of it; a thread of the pool's own
// sleeps until results, deaths or deadlines call for it. Threads that give tasks publish them themselves.
#pragma once

#include <pinion/pool.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "pinion/batch_state.h"
#include "pinion/fork.h"
#include "pinion/seats.h"
#include "pinion/task_table.h"
#include "pinion/worker.h"

namespace pinion::inline v0 {

class [[gnu::visibility("hidden")]] Pool::Core {
public:
    explicit Core(PoolOptions options);
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;
    ~Core();

    // Throws PoolClosed, std::length_error.
    void give(const std::shared_ptr<detail::Batch::State>& batch, detail::TaskCall call,
              std::vector<std::string> messages, const TaskOptions& options);
    void close();
    bool join(Timeout timeout);
    void terminate();
    [[nodiscard]] std::vector<Worker> workers();
    [[nodiscard]] std::uint64_t replaced();
    [[nodiscard]] pid_t owner() const noexcept { return owner_; }

private:
    struct Task {
        std::shared_ptr<detail::Batch::State> batch;
        std::uint32_t index = 0;
        unsigned retries = 0;
        detail::TaskCall call = nullptr;
        std::chrono::nanoseconds timeout{};
        std::string message;
    };
    struct Process {
        pid_t pid = -1;
        UniqueFd pidfd;  // none: there is no process
        std::unique_ptr<LastWords> words;
        std::optional<std::uint64_t> killed_for;  // the ticket of the task that took too long
    };

    // pool_tasks.cpp: tasks on their way. All with the mutex held.
    void fill();
    void put_into(std::uint32_t slot, Task task);
    std::size_t collect();
    bool collect_from(std::uint32_t worker);
    void take_result(std::uint32_t slot);
    Task take_task(std::uint32_t slot);
    void settle_victim(std::uint32_t slot, const Process& process, const Death& death);
    void rearm();
    [[nodiscard]] std::int64_t wanted_results() const noexcept;
    [[nodiscard]] std::int64_t expire();
    void fail_all(const std::string& why);

    // pool_core.cpp: processes.
    void run();
    void run_guarded() noexcept;
    void sleep(std::unique_lock<std::mutex>& lock, std::int64_t until);
    void start(std::uint32_t worker);
    void start_missing();
    void bury(std::uint32_t worker, Death death);
    void bury_the_dead();
    void break_pool(const std::string& why);
    void kill_all();
    void stop_when_idle();
    [[nodiscard]] bool anybody_alive() const noexcept;
    void kick() const noexcept;

    const pid_t owner_;
    const PoolOptions options_;
    sigset_t signals_;  // as blocked where the pool was made
    UniqueFd wake_fd_;
    Seats seats_;
    TaskTable table_;

    std::mutex mutex_;
    std::condition_variable ended_changed_;
    std::deque<Task> pending_;
    std::array<std::optional<Task>, TaskTable::slots> in_flight_;
    std::vector<std::uint32_t> free_;
    std::size_t in_flight_count_ = 0;
    std::size_t eager_count_ = 0;  // of those in flight
    std::size_t timed_count_ = 0;  // of those in flight
    std::vector<Process> processes_;
    unsigned failed_starts_ = 0;  // in a row
    std::uint64_t replaced_ = 0;
    std::int64_t armed_ = 0;  // when the thread wakes by itself, in nanoseconds of CLOCK_MONOTONIC; 0: never
    std::string closed_;      // why no task is taken; empty: they are
    bool stopping_ = false;   // workers are to end, and none is started
    bool running_ = false;    // workers are started by our thread from now on
    bool ended_ = false;
    std::mutex joining_;
    std::thread thread_;
};

}  // namespace pinion::inline v0
