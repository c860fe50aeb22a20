// SPDX-License-Identifier: Apache-2.0
// A worker of a job pool with `protocol: frames`: the daemon starts the program, the program answers jobs.
//
//     int main() {
//         return pinion::JobWorker().run([](const pinion::Job& job) { return std::string(job.input()); });
//     }
//
// Standard output and error are the worker's log. One job runs at a time; the pool has as many workers as it needs.
#pragma once

#include <pinion/api.h>
#include <pinion/errors.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pinion::inline v0 {

// What a handler throws where its job fails. Any other exception is an error, too, of its type and text; whether
// another attempt follows is then the pool's to say (`retry_on`).
class PINION_API JobError : public Failure {
public:
    // For people and programs that look at the job; 1024 bytes of each are kept.
    JobError(const std::string& type, const std::string& message);
    JobError(const JobError&) = default;
    JobError& operator=(const JobError&) = default;
    ~JobError() override;

    // Whether there is to be another attempt, whatever `retry_on` says, as long as `attempts` are left.
    JobError& retry(bool again) noexcept;
    // How long to wait before it, instead of the pool's delay.
    JobError& after(std::chrono::microseconds delay) noexcept;

    [[nodiscard]] const std::string& type() const noexcept { return type_; }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] std::optional<bool> retry() const noexcept { return retry_; }
    [[nodiscard]] std::optional<std::chrono::microseconds> after() const noexcept { return after_; }

private:
    std::string type_;
    std::string message_;
    std::optional<bool> retry_;
    std::optional<std::chrono::microseconds> after_;
};

// Of a job that is pushed.
struct PushOptions {
    std::optional<unsigned> priority;  // 0 to 9; of the pool's own otherwise
    std::chrono::microseconds delay{};
};

// One attempt at a job, while its handler runs.
class PINION_API Job {
public:
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    // Of this attempt, unique while the daemon lives. Another attempt at the same job has another.
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    // Which attempt at the job this is, from 1.
    [[nodiscard]] unsigned attempt() const noexcept { return attempt_; }
    // A JSON document, or any bytes where the pool has `payload: raw`. Valid while the handler runs.
    [[nodiscard]] std::string_view input() const noexcept { return input_; }
    [[nodiscard]] bool is_raw() const noexcept { return raw_; }
    // What was left of `job.timeout` when the job was sent; nothing where there is none.
    [[nodiscard]] std::optional<std::chrono::milliseconds> remaining() const noexcept { return remaining_; }

    // Tells how far it is, from 0 to 1. Sent at once: not for every step of a tight loop.
    void progress(double fraction, std::string_view note = {}) const;
    // A new job for another pool (or this one), which is queued in the moment in which this one is done, and not at all
    // where it fails. `input` is JSON, or bytes, as this pool's own inputs are. At most 1024.
    void push(std::string_view pool, std::string_view input, const PushOptions& options = {}) const;

private:
    friend class JobWorker;
    struct Line;
    explicit Job(Line& line) noexcept : line_(&line) {}
    Line* line_;
    std::uint64_t id_ = 0;
    unsigned attempt_ = 1;
    bool raw_ = false;
    std::string_view input_;
    std::optional<std::chrono::milliseconds> remaining_;
};

class PINION_API JobWorker {
public:
    // Gives the result: a JSON document, or any bytes where the pool has `payload: raw`. At most 16 MiB.
    using Handler = std::function<std::string(const Job&)>;

    // Takes the socket that PINION_FD names, and that variable out of the environment: children do not get either.
    // Standard output becomes line-buffered, so that a job's log is there when it ends. Throws Failure where the
    // program was not started as a worker of such a pool. Before other threads.
    JobWorker();
    JobWorker(const JobWorker&) = delete;
    JobWorker& operator=(const JobWorker&) = delete;
    ~JobWorker();

    // Answers jobs until the daemon has no more for this worker: then 0, for main to return. While jobs are at hand,
    // answers go out together, each within 0.25 ms or so; those that are held when a job kills the process are found by
    // the daemon. Throws Failure where the daemon is not understood, std::system_error where it can't be spoken to.
    int run(const Handler& handler);

private:
    void answer(const Job& job, const Handler& handler);
    std::unique_ptr<Job::Line> line_;
};

}  // namespace pinion::inline v0
