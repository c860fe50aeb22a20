// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_cancels.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "jobs/store_memory.h"

namespace pinion::daemon {

Refusal cancel_refusal(JobId job, const std::string& why) {
    return {Refusal::Kind::refused, "cancel job " + std::to_string(job.value) + ": " + why};
}

void JobCancels::ended(JobId job, jobs::JobState state) {
    for (auto& done : take(job)) done(state);
}

std::vector<JobCancels::JobDone> JobCancels::take(JobId job) {
    auto waiting = jobs_.extract(job);
    return waiting ? std::move(waiting.mapped()) : std::vector<JobDone>();
}

std::vector<JobCancels::MapDone> JobCancels::take(MapId map) {
    auto waiting = maps_.extract(map);
    return waiting ? std::move(waiting.mapped()) : std::vector<MapDone>();
}

void JobCancels::posted(MapId map, std::uint64_t token) {
    if (auto waiting = take(map); !waiting.empty()) written_.emplace(token, Written{map, std::move(waiting)});
}

void JobCancels::written(std::uint64_t token) {
    auto waiting = written_.extract(token);
    if (!waiting) return;
    for (auto& done : waiting.mapped().waiting) done(true);
}

void JobCancels::sealed(MapId map) {
    auto waiting = seals_.extract(map);
    if (!waiting) return;
    for (auto& done : waiting.mapped()) done({});
}

void JobCancels::mode_written(std::uint64_t token) {
    if (auto waiting = modes_.extract(token)) waiting.mapped().done({});
}

void JobCancels::refuse_modes(const std::string& why) {
    std::vector<Mode> told;
    for (auto& [token, mode] : modes_)
        if (mode.on_disk) told.push_back(std::move(mode));
    std::erase_if(modes_, [](const auto& entry) { return entry.second.on_disk; });
    for (auto& mode : told) mode.done(std::unexpected(Refusal{Refusal::Kind::refused, mode.what + ": " + why}));
}

void JobCancels::refuse_seals(const std::string& why) {
    std::vector<SealDone> told;
    for (auto& [map, waiting] : seals_)
        if (!jobs::is_in_memory(map)) std::ranges::move(waiting, std::back_inserter(told));
    std::erase_if(seals_, [](const auto& entry) { return !jobs::is_in_memory(entry.first); });
    for (auto& done : told) done(std::unexpected(Refusal{Refusal::Kind::refused, "seal the map: " + why}));
}

void JobCancels::refuse_on_disk(const std::string& why) {
    std::vector<JobId> jobs;
    for (const auto& [job, waiting] : jobs_)
        if (!jobs::is_in_memory(job)) jobs.push_back(job);
    for (const JobId job : jobs)
        for (auto& done : take(job)) done(std::unexpected(cancel_refusal(job, why)));
    std::vector<MapDone> told;
    for (auto entry = written_.begin(); entry != written_.end();) {
        const bool in_memory = jobs::is_in_memory(entry->second.map);
        if (!in_memory) std::ranges::move(entry->second.waiting, std::back_inserter(told));
        entry = in_memory ? std::next(entry) : written_.erase(entry);
    }
    for (auto& done : told) done(std::unexpected(Refusal{Refusal::Kind::refused, "cancel the map: " + why}));
    refuse_seals(why);
    refuse_modes(why);
}

}  // namespace pinion::daemon
