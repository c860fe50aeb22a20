// SPDX-License-Identifier: Apache-2.0
// The delayed jobs of all pools by their time, ties by id. Those of a lane are a binary heap of places, and the lanes
// that have some are a heap of their own, by their first jobs: so one job is taken out, or all of a map, without a look
// at those of others. Each job knows where in its lane's heap it is, so that they cost a delayed job no more than one
// heap would; a lane that has some costs about 120 bytes, next to which the record of its map is large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "jobs/job_table.h"

namespace pinion::jobs {

class Delays {
public:
    explicit Delays(JobTable& jobs) : jobs_(&jobs) {}

    // A job keeps its lane and its time while it is here.
    void add(Place job);
    void remove(Place job);
    // Takes out all of a lane, in no order.
    [[nodiscard]] std::vector<Place> take(std::uint32_t lane);
    // The one that is due first; `nowhere` where there is none.
    [[nodiscard]] Place first() const noexcept { return order_.empty() ? nowhere : order_.front()->jobs.front(); }
    [[nodiscard]] std::size_t memory_bytes() const noexcept;

private:
    struct Waiting {
        std::vector<Place> jobs;  // of one lane; never empty between two calls
        std::size_t at = 0;       // in `order_`
    };
    struct ByTime;
    struct ByFirst;
    void left(std::unordered_map<std::uint32_t, Waiting>::node_type lane);

    JobTable* jobs_;
    std::unordered_map<std::uint32_t, Waiting> waiting_;  // by lane
    std::vector<Waiting*> order_;
};

}  // namespace pinion::jobs
