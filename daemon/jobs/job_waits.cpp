// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_waits.h"

#include <algorithm>

#include "daemon/jobs/job_reply.h"
#include "daemon/jobs/socket_limits.h"
#include "jobs/store_memory.h"

namespace pinion::daemon {

void JobWaits::add(std::uint64_t request, const std::vector<JobId>& jobs) {
    for (const JobId job : jobs) {
        Waiting& waiting = waiting_[job];
        const bool known = !waiting.requests.empty();
        waiting.requests.push_back(request);
        ++owed_;
        if (known) continue;
        queue_.listen(job, *this);
        look_up_later(job, waiting);
    }
    pump();
}

void JobWaits::look_up_later(JobId job, Waiting& waiting) {
    if (waiting.queued) return;
    waiting.queued = true;
    to_look_up_.push_back(job);
}

void JobWaits::pump() {
    while (!to_look_up_.empty() && asked_ < ahead_ && port_.has_room()) {
        const JobId job = to_look_up_.front();
        to_look_up_.pop_front();
        const auto waiting = waiting_.find(job);
        if (waiting == waiting_.end()) continue;
        waiting->second.ended = false;
        ++asked_;
        queue_.look_up(job, [weak = weak_from_this(), job](Answer<std::optional<jobs::StoredJob>> found) {
            if (const auto self = weak.lock()) self->looked_up(job, std::move(found));
        });
    }
}

void JobWaits::looked_up(JobId job, Answer<std::optional<jobs::StoredJob>> found) {
    --asked_;
    const auto at = waiting_.find(job);
    if (at == waiting_.end()) return pump();
    Waiting& waiting = at->second;
    waiting.queued = false;
    const std::string name = "job " + std::to_string(job.value);
    if (!found) {
        refuse(job, code_of(found.error().kind), found.error().message);
    } else if (!*found || !may_see_((*found)->pool)) {
        const bool hidden = found->has_value();
        refuse(job, hidden ? FailureCode::permission : FailureCode::not_found,
               hidden ? "wait for " + name + ": it is of pool '" + (*found)->pool + "', which you may not use"
                      : "wait for " + name + ": there is no such job");
    } else if (jobs::is_final((*found)->state)) {
        const jobs::StoredJob& stored = **found;
        ahead_ = stored.result.size() > socket_limits::large_result
                     ? 1
                     : std::min(ahead_ + 1, socket_limits::look_ups_ahead);
        const auto attempts = stored.attempts.empty() ? 0 : stored.attempts.back().number;
        const std::string error = error_of(stored);
        queue_.forget(job, *this);
        if (tell(waiting, {job, std::nullopt, stored.state, attempts, stored.result, error}))
            waiting_.erase(at);
        else
            look_up_later(job, waiting);
    } else if (const auto stopped = jobs::is_in_memory(job) ? std::nullopt : queue_.stopped()) {
        refuse(job, FailureCode::refused, "wait for " + name + ": " + *stopped);
    } else {
        waiting.seen = true;
        ahead_ = std::min(ahead_ + 1, socket_limits::look_ups_ahead);
        if (waiting.ended) look_up_later(job, waiting);
    }
    pump();
}

bool JobWaits::tell(Waiting& waiting, const FinishedItem& end) {
    auto& requests = waiting.requests;
    std::size_t told = 0;
    do port_.outbox().add_finished(requests[told++], end);
    while (told < requests.size() && port_.has_room());
    requests.erase(requests.begin(), requests.begin() + static_cast<std::ptrdiff_t>(told));
    owed_ -= told;
    port_.changed();
    return requests.empty();
}

void JobWaits::refuse(JobId job, FailureCode code, const std::string& message) {
    const auto at = waiting_.find(job);
    for (const std::uint64_t request : at->second.requests) port_.fail(request, code, message);
    owed_ -= at->second.requests.size();
    queue_.forget(job, *this);
    waiting_.erase(at);
}

void JobWaits::store_stopped(const std::string& why) {
    std::vector<JobId> on_disk;
    for (const auto& [job, waiting] : waiting_)
        if (waiting.seen && !jobs::is_in_memory(job)) on_disk.push_back(job);
    for (const JobId job : on_disk)
        refuse(job, FailureCode::refused, "wait for job " + std::to_string(job.value) + ": " + why);
}

void JobWaits::job_ended(const JobEnd& end) {
    const auto at = waiting_.find(end.job);
    if (at == waiting_.end()) return;
    Waiting& waiting = at->second;
    if (waiting.seen && !waiting.queued && port_.has_room()) {
        if (tell(waiting, {end.job, std::nullopt, end.state, end.attempts, end.result, end.error}))
            waiting_.erase(at);
        else
            look_up_later(end.job, waiting);
        return;
    }
    waiting.ended = true;
    if (waiting.seen) look_up_later(end.job, waiting);
    pump();
}

}  // namespace pinion::daemon
