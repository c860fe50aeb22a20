// SPDX-License-Identifier: Apache-2.0
// What the library throws beside std::system_error (the system refused) and std::logic_error (a use that can't be).
#pragma once

#include <pinion/api.h>
#include <pinion/death.h>

#include <stdexcept>
#include <string>

namespace pinion::inline v0 {

// The base of all below: one `catch` for "it did not work out".
class PINION_API Failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    Failure(const Failure&) = default;
    Failure& operator=(const Failure&) = default;
    ~Failure() override;
};

// A task threw. `what()` is "TYPE: TEXT" of its exception.
class PINION_API TaskFailed : public Failure {
public:
    TaskFailed(const std::string& type, const std::string& text);
    TaskFailed(const TaskFailed&) = default;
    TaskFailed& operator=(const TaskFailed&) = default;
    ~TaskFailed() override;
    [[nodiscard]] const std::string& type() const noexcept { return type_; }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    std::string type_;
    std::string text_;
};

// The worker ended while it ran the task.
class PINION_API WorkerDied : public Failure {
public:
    explicit WorkerDied(Death death);
    WorkerDied(const WorkerDied&) = default;
    WorkerDied& operator=(const WorkerDied&) = default;
    ~WorkerDied() override;
    [[nodiscard]] const Death& death() const noexcept { return death_; }

private:
    Death death_;
};

// The task ran longer than it was allowed to. Its worker was killed.
class PINION_API TaskTimedOut : public Failure {
public:
    TaskTimedOut();
    TaskTimedOut(const TaskTimedOut&) = default;
    TaskTimedOut& operator=(const TaskTimedOut&) = default;
    ~TaskTimedOut() override;
};

// The pool is closed, was ended before the task was done, or can't start workers; `what()` says which.
class PINION_API PoolClosed : public Failure {
public:
    using Failure::Failure;
    PoolClosed(const PoolClosed&) = default;
    PoolClosed& operator=(const PoolClosed&) = default;
    ~PoolClosed() override;
};

// A barrier on which somebody gave up.
class PINION_API BrokenBarrier : public Failure {
public:
    BrokenBarrier();
    BrokenBarrier(const BrokenBarrier&) = default;
    BrokenBarrier& operator=(const BrokenBarrier&) = default;
    ~BrokenBarrier() override;
};

}  // namespace pinion::inline v0
