// SPDX-License-Identifier: Apache-2.0
// The delayed jobs of all pools by their time, ties by id: a binary heap of places. Each job knows where in the heap it
// is, so that one can be taken out.
#pragma once

#include <cstddef>
#include <vector>

#include "jobs/job_table.h"

namespace pinion::jobs {

class Delays {
public:
    explicit Delays(JobTable& jobs) : jobs_(&jobs) {}

    void add(Place job);
    void remove(Place job);
    // The one that is due first; `nowhere` where there is none.
    [[nodiscard]] Place first() const noexcept { return heap_.empty() ? nowhere : heap_.front(); }
    [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return heap_.capacity() * sizeof(Place); }

    // Takes out all for which `chosen(place)` is true, and hands each to `taken`.
    template <class Chosen, class Taken>
    void remove_if(Chosen&& chosen, Taken&& taken) {
        std::vector<Place> rest;
        std::vector<Place> out;
        for (const Place job : heap_) (chosen(job) ? out : rest).push_back(job);
        if (out.empty()) return;
        heap_.clear();
        for (const Place job : rest) add(job);
        for (const Place job : out) taken(job);
    }

private:
    [[nodiscard]] bool before(Place a, Place b) const noexcept;
    void put(std::size_t at, Place job) noexcept;
    void rise(std::size_t at, Place job) noexcept;
    void sink(std::size_t at, Place job) noexcept;

    JobTable* jobs_;
    std::vector<Place> heap_;
};

}  // namespace pinion::jobs
