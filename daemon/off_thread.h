// SPDX-License-Identifier: Apache-2.0
// Work off the deciding thread: a thread each time, its result handed to the loop. One at a time; requests that come
// meanwhile are answered by one more run after it. What the first has found is then not wanted, unless the one before
// was not either: requests that come faster than the work is done have something of it.
#pragma once

#include <malloc.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "base/fd.h"
#include "event/loop.h"

namespace pinion::daemon {

template <class T>
class OffThread {
public:
    using Work = std::function<T()>;
    // Runs are counted from 1.
    using Run = std::uint64_t;
    // With the number of the run: it answers all who were given that number or a lower one.
    using Done = std::move_only_function<void(T, Run)>;

    [[nodiscard]] static Result<std::unique_ptr<OffThread>> make(event::Loop& loop, Work work, Done done) {
        std::unique_ptr<OffThread> made(new OffThread(std::move(work), std::move(done)));
        PINION_TRY(pipe, make_pipe());
        made->wake_ = std::move(pipe);
        PINION_TRY(source, loop.add_io(made->wake_.read.fd(), EPOLLIN, event::Priority::commands,
                                       [made = made.get()](std::uint32_t) { made->finished(); }));
        made->source_ = std::move(source);
        return made;
    }
    // Waits for work that runs.
    ~OffThread() {
        if (thread_.joinable()) thread_.join();
    }
    OffThread(const OffThread&) = delete;
    OffThread& operator=(const OffThread&) = delete;

    // Works soon; `done` is called in the loop. Gives the first run that begins after this call.
    Run request() {
        if (running_) {
            again_ = true;
            return run_ + 1;
        }
        start_thread();
        return run_;
    }

private:
    OffThread(Work work, Done done) : work_(std::move(work)), done_(std::move(done)) {}

    void start_thread() {
        running_ = true;
        ++run_;
        const auto run = [this] {
            result_ = std::make_unique<T>(work_());
            static_cast<void>(write_all(wake_.write.fd(), "."));
        };
        try {
            thread_ = std::thread(run);
        } catch (const std::system_error&) {
            run();  // no thread to be had: an operator's word is answered all the same, a little later
        }
    }

    void finished() {
        char byte;
        static_cast<void>(::read(wake_.read.fd(), &byte, 1));
        if (thread_.joinable()) thread_.join();
        running_ = false;
        auto result = std::move(result_);
        // Somebody asked after this run had begun: what it has read may be older than what they mean.
        const bool again = std::exchange(again_, false);
        unwanted_ = again && !unwanted_;
        if (unwanted_) return start_thread();
        done_(std::move(*result), run_);
        // What the work took is gone; give its pages back, since the next run may be days away.
        result.reset();
        ::malloc_trim(0);
        if (again && !running_) start_thread();
    }

    Work work_;
    Done done_;
    Pipe wake_;
    event::Source source_;
    std::thread thread_;
    std::unique_ptr<T> result_;  // the thread's until it has written to `wake_`
    bool running_ = false;
    bool again_ = false;
    bool unwanted_ = false;  // the last run's result
    Run run_ = 0;
};

}  // namespace pinion::daemon
