// SPDX-License-Identifier: Apache-2.0
#include "jobs/delays.h"

#include <utility>

#include "base/check.h"

namespace pinion::jobs {
namespace {

// A binary heap in a vector. Its rule says which of two entries is `before` the other, and is told where each has
// `moved`.
template <class Entry, class Rule>
class Heap {
public:
    Heap(std::vector<Entry>& entries, Rule rule) : entries_(entries), rule_(rule) {}

    void add(Entry entry) {
        // A quarter more at a time: doubling would waste more than a delayed job may cost.
        const std::size_t size = entries_.size();
        if (size == entries_.capacity()) entries_.reserve(size + size / 4 + 4);
        entries_.push_back(entry);
        rise(size, entry);
    }
    void remove(std::size_t at) {
        const Entry last = entries_.back();
        entries_.pop_back();
        if (at < entries_.size()) settle(at, last);
    }
    // Puts an entry there, or where else it belongs.
    void settle(std::size_t at, Entry entry) {
        if (at > 0 && rule_.before(entry, entries_[(at - 1) / 2]))
            rise(at, entry);
        else
            sink(at, entry);
    }

private:
    void put(std::size_t at, Entry entry) {
        entries_[at] = entry;
        rule_.moved(entry, at);
    }
    void rise(std::size_t at, Entry entry) {
        for (; at > 0; at = (at - 1) / 2) {
            const Entry parent = entries_[(at - 1) / 2];
            if (!rule_.before(entry, parent)) break;
            put(at, parent);
        }
        put(at, entry);
    }
    void sink(std::size_t at, Entry entry) {
        for (std::size_t child = 2 * at + 1; child < entries_.size(); child = 2 * at + 1) {
            if (child + 1 < entries_.size() && rule_.before(entries_[child + 1], entries_[child])) ++child;
            if (!rule_.before(entries_[child], entry)) break;
            put(at, entries_[child]);
            at = child;
        }
        put(at, entry);
    }

    std::vector<Entry>& entries_;
    Rule rule_;
};

}  // namespace

struct Delays::ByTime {
    JobTable* jobs;
    [[nodiscard]] bool before(Place a, Place b) const noexcept {
        const JobRecord& first = jobs->at(a);
        const JobRecord& second = jobs->at(b);
        return first.time() != second.time() ? first.time() < second.time() : first.id < second.id;
    }
    void moved(Place job, std::size_t at) const noexcept { jobs->at(job).prev = static_cast<Place>(at); }
};

struct Delays::ByFirst {
    JobTable* jobs;
    [[nodiscard]] bool before(const Waiting* a, const Waiting* b) const noexcept {
        return ByTime{jobs}.before(a->jobs.front(), b->jobs.front());
    }
    void moved(Waiting* lane, std::size_t at) const noexcept { lane->at = at; }
};

void Delays::add(Place job) {
    Waiting& lane = waiting_[jobs_->at(job).lane];
    Heap(lane.jobs, ByTime{jobs_}).add(job);
    Heap order(order_, ByFirst{jobs_});
    if (lane.jobs.size() == 1) return order.add(&lane);
    if (lane.jobs.front() == job) order.settle(lane.at, &lane);
}

void Delays::remove(Place job) {
    const auto found = waiting_.find(jobs_->at(job).lane);
    const std::size_t at = jobs_->at(job).prev;
    ASSERT(found != waiting_.end() && at < found->second.jobs.size() && found->second.jobs[at] == job);
    Waiting& lane = found->second;
    Heap(lane.jobs, ByTime{jobs_}).remove(at);
    jobs_->at(job).prev = nowhere;
    if (lane.jobs.empty()) return left(waiting_.extract(found));
    if (at == 0) Heap(order_, ByFirst{jobs_}).settle(lane.at, &lane);
}

std::vector<Place> Delays::take(std::uint32_t lane) {
    auto found = waiting_.extract(lane);
    if (!found) return {};
    auto jobs = std::move(found.mapped().jobs);
    for (const Place job : jobs) jobs_->at(job).prev = nowhere;
    left(std::move(found));
    return jobs;
}

// What many have needed is given back once there is none.
void Delays::left(std::unordered_map<std::uint32_t, Waiting>::node_type lane) {
    Heap(order_, ByFirst{jobs_}).remove(lane.mapped().at);
    if (!waiting_.empty()) return;
    waiting_ = decltype(waiting_)();
    order_ = decltype(order_)();
}

std::size_t Delays::memory_bytes() const noexcept {
    constexpr std::size_t node = sizeof(std::pair<const std::uint32_t, Waiting>) + 2 * sizeof(void*);
    std::size_t bytes = waiting_.size() * node + waiting_.bucket_count() * sizeof(void*);
    bytes += order_.capacity() * sizeof(Waiting*);
    for (const auto& [lane, waiting] : waiting_) bytes += waiting.jobs.capacity() * sizeof(Place);
    return bytes;
}

}  // namespace pinion::jobs
