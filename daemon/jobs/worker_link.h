// SPDX-License-Identifier: Apache-2.0
// One life of a job pool's worker, as the host of the queues sees it: its channel, and which jobs it has been sent.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/jobs/worker_channel.h"
#include "daemon/last_lines.h"
#include "daemon/usage.h"
#include "model/job_ids.h"
#include "supervise/event.h"

namespace pinion::daemon {

class JobHost;

class WorkerLink final : public ChannelOwner {
public:
    struct Sent {
        AttemptId attempt;
        JobId job;
        std::uint32_t number = 1;
        MonotonicTime at{};
        std::uint64_t end = 0;  // of its bytes in the stream to the worker
    };

    // For whose sake its tree is killed (`exec`), and what that one's process had used just before: it dies with the
    // worker, and nobody is left who could tell.
    struct Killed {
        std::optional<Sent> sent;  // none: it had answered by then
        std::optional<TreeUsage> used;
    };

    // What the worker said last of an attempt.
    struct Progress {
        std::optional<double> fraction;
        std::string note;  // printable
    };

    WorkerLink(JobHost& host, WorkerId worker, WorkerRef ref) : host_(host), worker_(std::move(worker)), ref_(ref) {}

    [[nodiscard]] Result<void> open(event::Loop& loop, const supervise::SpecPtr& spec);
    [[nodiscard]] WorkerChannel& channel() { return *channel_; }
    [[nodiscard]] const WorkerId& worker() const noexcept { return worker_; }
    [[nodiscard]] const WorkerRef& ref() const noexcept { return ref_; }
    // Whether each attempt is a process of its own, one after another.
    [[nodiscard]] bool is_exec() const noexcept { return is_exec_; }

    void send(const JobToSend& job, MonotonicTime now);
    // What it executes: its oldest unanswered. Null where it has none.
    [[nodiscard]] const Sent* oldest() const { return sent_.empty() ? nullptr : &sent_.front(); }
    [[nodiscard]] std::optional<Sent> take_sent(AttemptId attempt);
    [[nodiscard]] const Sent* find_sent(AttemptId attempt) const;
    [[nodiscard]] const Sent* find_job(JobId job) const;
    // A line that it wrote, of which the last of an attempt are kept (`exec`) until another writes.
    void wrote(AttemptId attempt, std::string_view line);
    [[nodiscard]] std::vector<std::string> last_lines(AttemptId attempt) const;
    // Null where it has said nothing.
    [[nodiscard]] const Progress* progress(AttemptId attempt) const;

    // ChannelOwner
    void answered(ChannelAnswer answer) override;
    void progressed(AttemptId attempt, std::optional<double> fraction, std::string_view note) override;
    void stray(std::string_view line, bool whole) override;
    void blocked(bool blocked) override;
    void broken(std::string reason) override;
    void hung_up(bool mute) override;

    bool arrived = false;  // the scheduler knows it
    bool is_leaving = false;
    bool unwanted = false;              // we asked for its end
    bool is_broken = false;             // what it says can't be trusted
    bool ended = false;                 // its main process has; what it left in its channel may still be read
    std::string cpus;                   // of its seat
    std::deque<std::uint64_t> awaited;  // tokens of jobs on their way to it whose payloads are being fetched, in order
    std::optional<Death> death;         // told after its end
    std::optional<Killed> killed;
    MonotonicTime memory_looked_at{};

private:
    // Whether one that hung up, and lives on, can still be good for something.
    void judge();

    JobHost& host_;
    WorkerId worker_;
    WorkerRef ref_;
    std::unique_ptr<WorkerChannel> channel_;
    std::deque<Sent> sent_;
    event::Source patience_;
    bool out_of_patience_ = false;
    bool mute_ = false;
    bool is_exec_ = false;
    std::map<AttemptId, Progress> progress_;  // of those that told any
    AttemptId writer_{};
    LastLines last_lines_;  // of that one
};

}  // namespace pinion::daemon
