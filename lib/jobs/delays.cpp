// SPDX-License-Identifier: Apache-2.0
#include "jobs/delays.h"

#include "base/check.h"

namespace pinion::jobs {

bool Delays::before(Place a, Place b) const noexcept {
    const JobRecord& first = jobs_->at(a);
    const JobRecord& second = jobs_->at(b);
    return first.time() != second.time() ? first.time() < second.time() : first.id < second.id;
}

void Delays::put(std::size_t at, Place job) noexcept {
    heap_[at] = job;
    jobs_->at(job).prev = static_cast<Place>(at);
}

void Delays::rise(std::size_t at, Place job) noexcept {
    for (; at > 0; at = (at - 1) / 2) {
        const Place parent = heap_[(at - 1) / 2];
        if (!before(job, parent)) break;
        put(at, parent);
    }
    put(at, job);
}

void Delays::sink(std::size_t at, Place job) noexcept {
    for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
        if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
        if (!before(heap_[child], job)) break;
        put(at, heap_[child]);
        at = child;
    }
    put(at, job);
}

void Delays::add(Place job) {
    // A quarter more at a time: doubling would waste more than a delayed job may cost.
    if (heap_.size() == heap_.capacity()) heap_.reserve(heap_.size() + heap_.size() / 4 + 64);
    heap_.push_back(job);
    rise(heap_.size() - 1, job);
}

void Delays::remove(Place job) {
    const std::size_t at = jobs_->at(job).prev;
    ASSERT(at < heap_.size() && heap_[at] == job);
    const Place last = heap_.back();
    heap_.pop_back();
    jobs_->at(job).prev = nowhere;
    if (last != job) {
        if (at > 0 && before(last, heap_[(at - 1) / 2]))
            rise(at, last);
        else
            sink(at, last);
    }
    if (heap_.empty()) std::vector<Place>().swap(heap_);
}

}  // namespace pinion::jobs
