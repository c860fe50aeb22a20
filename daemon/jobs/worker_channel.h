// SPDX-License-Identifier: Apache-2.0
// What a worker of a job pool is spoken to through: bytes to and from its descriptors on one side, jobs and answers on
// the other. `lines` has the worker's standard input and output, `frames` (and our own runner of `exec`) a socketpair.
// Nothing here decides about a job or a worker. Never blocks: what the worker does not take yet is kept.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "event/loop.h"
#include "jobs/outcome.h"
#include "model/death.h"
#include "model/job_ids.h"
#include "model/job_policy.h"

namespace pinion::daemon {

struct JobToSend {
    AttemptId attempt;  // the id on the wire
    JobId job;
    std::uint32_t number = 1;  // of the attempt
    std::optional<Duration> remaining;
    std::string_view payload;  // JSON text, or raw
};

// A new job that a result brings.
struct ChannelPush {
    std::string pool;
    std::string input;
    std::optional<std::uint32_t> priority;
    Duration delay{};
};
struct ChannelAnswer {
    AttemptId attempt;
    jobs::Verdict verdict;
    std::string result;  // JSON text or raw bytes, of one that is done
    std::string error;   // JSON {"type","message"}, of one that is not
    std::vector<ChannelPush> pushes;
    std::optional<Death> death = {};  // of the process that was the attempt (`exec`); its last lines are not in it
};

// Whoever owns a channel. Called from the loop, from `drain` and from `flush` only, never from within the other calls;
// may `send` from within. None of these may destroy the channel. An answer is always of an attempt that was sent and
// not answered yet.
class ChannelOwner {
public:
    virtual ~ChannelOwner() = default;
    virtual void answered(ChannelAnswer answer) = 0;
    virtual void progressed(AttemptId attempt, std::optional<double> fraction, std::string_view note) = 0;
    // A line that is no answer, for the log; `whole` is false for one that was cut.
    virtual void stray(std::string_view line, bool whole) = 0;
    // More is kept than it should be sent at once; or all is with the worker again.
    virtual void blocked(bool blocked) = 0;
    // Nothing that follows could be trusted (a surplus raw line, a frame that is none): the worker must be killed.
    // Once.
    virtual void broken(std::string reason) = 0;
    // The worker closed its input, or also its output: it gets no more jobs, and `mute`, it can answer none. It may be
    // at its end, which its pidfd tells.
    virtual void hung_up(bool mute) = 0;
};

class WorkerChannel {
public:
    virtual ~WorkerChannel() = default;

    // The child's ends, until `started`: -1 for those that are as in any worker.
    struct ChildEnds {
        int stdin_fd = -1;
        int stdout_fd = -1;
        int frames_fd = -1;  // the child finds its number in PINION_FD
    };
    [[nodiscard]] virtual ChildEnds child_ends() const = 0;
    // The child runs: lets its ends go and begins to read.
    [[nodiscard]] virtual Result<void> started() = 0;
    virtual void send(const JobToSend& job) = 0;
    // Writes what was sent; else that is done at the end of the turn.
    virtual void flush() = 0;
    // How many bytes were ever sent, and how many of them the worker has taken; where it took none of the rest, see
    // `hung_up`.
    [[nodiscard]] virtual std::uint64_t sent_bytes() const = 0;
    [[nodiscard]] virtual std::uint64_t taken_bytes() const = 0;
    // At the worker's end: takes what it has written, bounded.
    virtual void drain() = 0;
    // No more jobs come: closes the worker's input once all that was sent is taken, so that it may end by itself.
    virtual void finish_input() = 0;
};

// The channel for a pool's protocol; `exec` is frames, spoken by our runner.
[[nodiscard]] Result<std::unique_ptr<WorkerChannel>> open_channel(event::Loop& loop, const JobPoolSpec& spec,
                                                                  ChannelOwner& owner);

}  // namespace pinion::daemon
