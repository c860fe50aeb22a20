// SPDX-License-Identifier: Apache-2.0
// A worker's connection to the daemon. A write a job costs more than a quick job itself, so answers are held while more
// jobs are at hand, and go out together; a thread of its own sees to it that none waits for a long job to end.
#pragma once

#include <pinion/job_worker.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/fd.h"
#include "wire/frames.h"

namespace pinion::inline v0 {

struct [[gnu::visibility("hidden")]] Job::Line {
public:
    // Of docs/protocol.md.
    enum Type : std::uint8_t { job_type = 1, result_type = 2, error_type = 3, progress_type = 4, push_type = 5 };

    explicit Line(UniqueFd socket);
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    // Does not send what is held.
    ~Line();

    // Reads what has come, waiting for something. As recv(2); takes the memory that comes with it.
    ssize_t read(char* bytes, std::size_t size);

    // Adds a frame to what is held, for at most `longest_hold`.
    void add(Type type, wire::FrameCodec codec, std::uint64_t id, std::string_view payload);
    // Sends what is held. False where the daemon is gone: nobody is left to be told. Throws std::system_error.
    bool flush();

private:
    using Clock = std::chrono::steady_clock;
    static constexpr auto longest_hold = std::chrono::microseconds(250);

    // Under the lock. An errno, 0 on success.
    int send_held();
    void watch();
    void take_memory(UniqueFd memory);
    // Has the held bytes in the memory, too: they outlive us there.
    void publish();

    UniqueFd socket_;
    std::mutex mutex_;
    std::string held_;
    Clock::time_point since_;    // of the oldest that is held
    char* memory_ = nullptr;     // see wire/held_answers.h; none where the daemon gave none
    std::size_t published_ = 0;  // of the held bytes
    std::uint64_t sent_ = 0;     // bytes in all
    int error_ = 0;              // of a send
    bool sleeping_ = false;      // the thread waits for something to be held
    bool ending_ = false;
    std::condition_variable wake_;
    std::thread watcher_;
};

}  // namespace pinion::inline v0
