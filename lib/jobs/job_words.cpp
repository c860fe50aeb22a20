// SPDX-License-Identifier: Apache-2.0
// What effects and answers say to people.
#include <string>

#include "base/units.h"
#include "jobs/job_effect.h"
#include "jobs/scheduler_view.h"

namespace pinion::jobs {

const char* to_string(Refusal refusal) noexcept {
    switch (refusal) {
        case Refusal::no_pool: return "there is no such job pool";
        case Refusal::draining: return "the queue is being drained";
        case Refusal::full: return "the queue is full";
        case Refusal::larger_than_queue: return "more jobs than the queue can ever hold";
        case Refusal::store_stopped: return "the store takes no jobs";
    }
    return "?";
}

const char* to_string(RecycleReason reason) noexcept {
    switch (reason) {
        case RecycleReason::jobs: return "jobs";
        case RecycleReason::memory: return "memory";
        case RecycleReason::age: return "age";
    }
    return "?";
}

namespace {

using Name = std::function<std::string(JobPoolId)>;

std::string number_of(std::uint64_t count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string worker_name(const WorkerRef& worker, const Name& name) { return slot_name(name(worker.pool), worker.slot); }

std::string ahead(const Why& why) {
    return (why.at_least ? "more than " : "") + number_of(why.ahead, "job") + (why.ahead == 1 ? " is" : " are") +
           " ahead of it";
}

std::string semaphore(const Why& why, const Name& name) {
    std::string text = "needs " + std::to_string(why.needed) + " of semaphore '" + why.semaphore + "'";
    if (why.permits < why.needed)
        return text + ", which has " + (why.permits == 0 ? "none" : "only " + std::to_string(why.permits));
    text += ", of which " + std::to_string(why.free < 0 ? 0 : why.free) + " of " + std::to_string(why.permits) +
            " are free";
    constexpr std::size_t named = 3;
    for (std::size_t i = 0; i < why.holders.size() && i < named; ++i) {
        const RunningView& holder = why.holders[i];
        text += std::string(i == 0 ? "; held by" : ",") + " job " + std::to_string(holder.job.value) + " on " +
                worker_name(holder.worker, name);
    }
    if (why.holders.size() > named) text += " and " + std::to_string(why.holders.size() - named) + " more";
    for (std::size_t i = 0; i < why.pools_before.size(); ++i)
        text += std::string(i == 0 ? "; before it wait" : ",") + " pool '" + name(why.pools_before[i]) + "'";
    return text;
}

}  // namespace

std::string to_string(const Why& why, MonotonicTime now, const Name& name) {
    switch (why.kind) {
        case Why::Kind::unknown: return "it is not queued";
        case Why::Kind::delayed:
            return "delayed for another " + format_duration_coarse(std::max(Duration::zero(), why.until - now));
        case Why::Kind::withdrawn: return "pool '" + name(why.pool) + "' leaves the configuration";
        case Why::Kind::store_stopped: return "the store takes no writes, so nothing is started";
        case Why::Kind::store_behind: return "the disk is behind: nothing is started until more results are written";
        case Why::Kind::paused:
            return "the queue of pool '" + name(why.pool) + "' is paused; 'pinionctl queue resume " + name(why.pool) +
                   "' hands jobs out again";
        case Why::Kind::no_worker:
            return "no worker of pool '" + name(why.pool) + "' is ready; 'pinionctl status " + name(why.pool) +
                   "' says why";
        case Why::Kind::semaphore: return semaphore(why, name);
        case Why::Kind::ahead: return ahead(why) + ", and all workers are busy";
        case Why::Kind::next: return "it is the next, and all workers are busy";
        case Why::Kind::claiming: return "it is being claimed for " + worker_name(why.worker, name);
        case Why::Kind::sent: return "it was sent to " + worker_name(why.worker, name) + ", where " + ahead(why);
        case Why::Kind::running:
            return "nothing: it has been running on " + worker_name(why.worker, name) + " for " +
                   format_duration_coarse(now - why.since);
        case Why::Kind::ending: return "its worker " + worker_name(why.worker, name) + " is being killed";
        case Why::Kind::finishing: return "it has ended, and its end is being written";
    }
    return "?";
}

}  // namespace pinion::jobs
