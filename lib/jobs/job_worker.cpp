// SPDX-License-Identifier: Apache-2.0
#include "jobs/job_worker.h"

#include <algorithm>

namespace pinion::jobs {

std::size_t SentList::find(AttemptId attempt) const noexcept {
    for (std::size_t i = first_; i < items_.size(); ++i)
        if (items_[i].attempt == attempt) return i - first_;
    return size();
}

std::size_t SentList::find_job(Place place) const noexcept {
    for (std::size_t i = first_; i < items_.size(); ++i)
        if (items_[i].place == place) return i - first_;
    return size();
}

void SentList::remove(std::size_t i) {
    bytes_ -= (*this)[i].size;
    if (i > 0) {
        items_.erase(begin() + static_cast<std::ptrdiff_t>(i));
        return;
    }
    items_[first_++].held.reset();
    if (first_ == items_.size()) {
        items_.clear();
        first_ = 0;
    } else if (first_ >= 64 && first_ * 2 >= items_.size()) {
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

std::vector<Sent> SentList::take_all() {
    std::vector<Sent> all(std::make_move_iterator(begin()), std::make_move_iterator(end()));
    items_.clear();
    first_ = 0;
    bytes_ = 0;
    return all;
}

void Buckets::place(Workers& workers, std::uint32_t slot, bool has_room) {
    JobWorker& worker = *workers[slot];
    const std::uint32_t wanted = has_room ? static_cast<std::uint32_t>(worker.sent.size()) : nowhere;
    if (wanted == worker.bucket) return;
    if (worker.bucket != nowhere) {
        Chain& chain = chains_[worker.bucket];
        (worker.bucket_prev == nowhere ? chain.head : workers[worker.bucket_prev]->bucket_next) = worker.bucket_next;
        (worker.bucket_next == nowhere ? chain.tail : workers[worker.bucket_next]->bucket_prev) = worker.bucket_prev;
    }
    worker.bucket = wanted;
    if (wanted == nowhere) return;
    if (chains_.size() <= wanted) chains_.resize(wanted + 1);
    Chain& chain = chains_[wanted];
    worker.bucket_prev = chain.tail;
    worker.bucket_next = nowhere;
    (chain.tail == nowhere ? chain.head : workers[chain.tail]->bucket_next) = slot;
    chain.tail = slot;
    lowest_ = std::min<std::size_t>(lowest_, wanted);
}

std::uint32_t Buckets::least(std::size_t bound) noexcept {
    while (lowest_ < chains_.size() && chains_[lowest_].head == nowhere) ++lowest_;
    if (lowest_ >= chains_.size() || lowest_ >= bound) return nowhere;
    return chains_[lowest_].head;
}

}  // namespace pinion::jobs
