// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_listeners.h"

#include <algorithm>
#include <utility>

#include "jobs/store_memory.h"

namespace pinion::daemon {
namespace {

void add_once(std::vector<JobListener*>& listeners, JobListener* listener) {
    if (std::ranges::find(listeners, listener) == listeners.end()) listeners.push_back(listener);
}

}  // namespace

void JobListeners::remove(JobListener& listener) {
    const auto is_it = [&](const auto& entry) { return entry.second == &listener; };
    std::erase_if(by_map_, is_it);
    std::erase_if(by_job_, is_it);
}

void JobListeners::remove(JobId job, JobListener& listener) {
    const auto [first, last] = by_job_.equal_range(job.value);
    for (auto place = first; place != last;) place = place->second == &listener ? by_job_.erase(place) : ++place;
}

void JobListeners::tell_end(const JobEnd& end) {
    auto listeners = std::exchange(told_, {});
    const auto add = [&](auto range) {
        for (auto place = range.first; place != range.second; ++place) add_once(listeners, place->second);
    };
    if (end.map.value != 0) add(by_map_.equal_range(end.map.value));
    add(by_job_.equal_range(end.job.value));
    for (auto* listener : listeners) listener->job_ended(end);
    by_job_.erase(end.job.value);
    listeners.clear();
    told_ = std::move(listeners);
}

void JobListeners::tell_progress(const JobProgress& progress) const {
    const auto [first, last] = by_job_.equal_range(progress.job.value);
    for (auto place = first; place != last; ++place) place->second->job_progressed(progress);
}

void JobListeners::tell_settled(const jobs::MapSettled& settled) const {
    for (auto* listener : of(settled.map)) listener->map_settled(settled);
}

void JobListeners::tell_left(MapId map) const {
    for (auto* listener : of(map)) listener->map_left();
}

void JobListeners::tell_stopped(const std::string& why) const {
    std::vector<JobListener*> listeners;
    for (const auto* all : {&by_map_, &by_job_})
        for (const auto& [id, listener] : *all)
            if (id < jobs::first_memory_id) add_once(listeners, listener);
    for (auto* listener : listeners) listener->store_stopped(why);
}

std::vector<JobListener*> JobListeners::of(MapId map) const {
    std::vector<JobListener*> listeners;
    const auto [first, last] = by_map_.equal_range(map.value);
    for (auto place = first; place != last; ++place) listeners.push_back(place->second);
    return listeners;
}

}  // namespace pinion::daemon
