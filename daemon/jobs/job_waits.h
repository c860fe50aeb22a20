// SPDX-License-Identifier: Apache-2.0
// The jobs whose ends a client waits for one by one (`wait`). Each is listened to first and looked up then, so that no
// end falls between; results that the client has no room for stay in the store until it has.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "daemon/jobs/client_port.h"
#include "daemon/jobs/job_queue.h"

namespace pinion::daemon {

// Shared with the look-ups it waits for, which must not keep it.
class JobWaits : public JobListener, public std::enable_shared_from_this<JobWaits> {
public:
    // Whether the client may see a job of that pool; asked before anything is told.
    using MaySee = std::function<bool(const std::string& pool)>;

    JobWaits(JobQueue& queue, ClientPort& port, MaySee may_see)
        : queue_(queue), port_(port), may_see_(std::move(may_see)) {}
    JobWaits(const JobWaits&) = delete;
    JobWaits& operator=(const JobWaits&) = delete;
    ~JobWaits() override { queue_.forget(*this); }

    // Answers that are owed: a job counts as often as it is waited for.
    [[nodiscard]] std::size_t size() const noexcept { return owed_; }
    // Each job is answered by `finished` or `failure` with the request's id.
    void add(std::uint64_t request, const std::vector<JobId>& jobs);
    // The client has room again.
    void pump();

    void job_ended(const JobEnd& end) override;
    void map_settled(const jobs::MapSettled&) override {}
    void store_stopped(const std::string& why) override;

private:
    struct Waiting {
        std::vector<std::uint64_t> requests;
        bool seen = false;    // looked up: the client may see it
        bool ended = false;   // since it was looked up last
        bool queued = false;  // to be looked up, or being so
    };
    void look_up_later(JobId job, Waiting& waiting);
    // Answers as many as the client has room for, at least one. False: some are left.
    [[nodiscard]] bool tell(Waiting& waiting, const FinishedItem& end);
    void looked_up(JobId job, Answer<std::optional<jobs::StoredJob>> found);
    void refuse(JobId job, FailureCode code, const std::string& message);

    JobQueue& queue_;
    ClientPort& port_;
    MaySee may_see_;
    std::unordered_map<JobId, Waiting> waiting_;
    std::deque<JobId> to_look_up_;
    std::size_t owed_ = 0;
    std::size_t asked_ = 0;
    std::size_t ahead_ = 1;  // look-ups at a time: few while results are large
};

}  // namespace pinion::daemon
