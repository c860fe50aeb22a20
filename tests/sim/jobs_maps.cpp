// SPDX-License-Identifier: Apache-2.0
// Maps end and are cancelled: when they may, and what must be kept of it.
#include "jobs_world.h"

namespace pinion::sim {
namespace {

std::string name_of(std::uint64_t job) { return "job " + std::to_string(job); }

}  // namespace

void JobsWorld::check(const MapSettled& e) {
    MapState& map = maps_[e.map.value];
    if (!map.sealed || map.settled) broken("map " + std::to_string(e.map.value) + " settles at the wrong time");
    map.settled = true;
    for (const auto& [id, job] : jobs_)
        if (job.map == e.map.value && job.known && !job.disk_final)
            broken("map " + std::to_string(e.map.value) + " settles before " + name_of(id));
}

void JobsWorld::check(const KeepCancel& e) {
    const MapState& map = maps_[e.map.value];
    if (map.settled || &pools_[map.pool] != &pool_at(e.pool)) broken("a cancel is kept of no map");
    writes_.push_back({.kind = Write::Kind::cancel_map, .map = e.map.value});
}

void JobsWorld::check(const NoSuchJob& e) {
    const auto job = jobs_.find(e.job.value);
    if (job == jobs_.end() || !job->second.known || job->second.disk_final) return;
    if (pools_[job->second.pool].presence == Presence::declared)
        broken(name_of(e.job.value) + " is said not to be there");
}

void JobsWorld::check(const NoSuchMap& e) {
    const MapState& map = maps_[e.map.value];
    if (!map.settled && pools_[map.pool].presence == Presence::declared)
        broken("map " + std::to_string(e.map.value) + " is said not to be there");
}

}  // namespace pinion::sim
