// SPDX-License-Identifier: Apache-2.0
#include "jobs/lanes.h"

#include "base/check.h"

namespace pinion::jobs {

std::uint32_t Lanes::make(std::uint32_t pool, std::uint32_t map, std::uint8_t priority) {
    std::uint32_t lane = 0;
    if (free_.empty()) {
        lane = static_cast<std::uint32_t>(lanes_.size());
        lanes_.emplace_back();
    } else {
        lane = free_.back();
        free_.pop_back();
    }
    lanes_[lane] = Lane{.pool = pool, .map = map, .priority = priority};
    return lane;
}

void Lanes::drop(std::uint32_t lane) {
    ASSERT(lanes_[lane].count == 0 && !lanes_[lane].in_ring);
    free_.push_back(lane);
}

void Lanes::count(Rings& rings, std::uint32_t lane, int change) {
    Lane& l = lanes_[lane];
    l.count += static_cast<std::uint32_t>(change);
    rings.ready += static_cast<std::uint64_t>(static_cast<std::int64_t>(change));
    if (l.in_ring) rings.jobs[l.priority] += static_cast<std::uint64_t>(static_cast<std::int64_t>(change));
}

void Lanes::link(Rings& rings, std::uint32_t lane) {
    Lane& l = lanes_[lane];
    if (l.in_ring || l.parked) return;
    l.in_ring = true;
    if (rings.lanes[l.priority]++ == 0) {
        l.ring_prev = l.ring_next = lane;
        rings.cursor[l.priority] = lane;
        return;
    }
    // At the end of the round: before the one whose turn it is.
    const std::uint32_t after = rings.cursor[l.priority];
    const std::uint32_t before = lanes_[after].ring_prev;
    l.ring_prev = before;
    l.ring_next = after;
    lanes_[before].ring_next = lane;
    lanes_[after].ring_prev = lane;
}

void Lanes::unlink(Rings& rings, std::uint32_t lane) {
    Lane& l = lanes_[lane];
    if (!l.in_ring) return;
    l.in_ring = false;
    rings.jobs[l.priority] -= l.count;
    if (--rings.lanes[l.priority] == 0) return;
    lanes_[l.ring_prev].ring_next = l.ring_next;
    lanes_[l.ring_next].ring_prev = l.ring_prev;
    if (rings.cursor[l.priority] == lane) rings.cursor[l.priority] = l.ring_next;
}

void Lanes::push_back(Rings& rings, Place job) {
    JobRecord& record = jobs_->at(job);
    Lane& lane = lanes_[record.lane];
    record.prev = lane.tail;
    record.next = nowhere;
    (lane.tail == nowhere ? lane.head : jobs_->at(lane.tail).next) = job;
    lane.tail = job;
    link(rings, record.lane);
    count(rings, record.lane, 1);
}

void Lanes::push_front(Rings& rings, Place job) {
    JobRecord& record = jobs_->at(job);
    Lane& lane = lanes_[record.lane];
    record.next = lane.head;
    record.prev = nowhere;
    (lane.head == nowhere ? lane.tail : jobs_->at(lane.head).prev) = job;
    lane.head = job;
    link(rings, record.lane);
    count(rings, record.lane, 1);
}

void Lanes::remove(Rings& rings, Place job) {
    JobRecord& record = jobs_->at(job);
    Lane& lane = lanes_[record.lane];
    (record.prev == nowhere ? lane.head : jobs_->at(record.prev).next) = record.next;
    (record.next == nowhere ? lane.tail : jobs_->at(record.next).prev) = record.prev;
    record.prev = record.next = nowhere;
    count(rings, record.lane, -1);
    if (lane.count == 0) unlink(rings, record.lane);
}

Place Lanes::next(const Rings& rings) const noexcept {
    for (std::size_t level = Rings::levels; level-- > 0;)
        if (rings.lanes[level] > 0) return lanes_[rings.cursor[level]].head;
    return nowhere;
}

Place Lanes::take(Rings& rings) {
    const Place job = next(rings);
    ASSERT(job != nowhere);
    const std::uint32_t lane = jobs_->at(job).lane;
    rings.cursor[lanes_[lane].priority] = lanes_[lane].ring_next;
    remove(rings, job);
    return job;
}

void Lanes::park(Rings& rings, std::uint32_t lane) {
    unlink(rings, lane);
    lanes_[lane].parked = true;
}

}  // namespace pinion::jobs
