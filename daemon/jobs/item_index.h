// SPDX-License-Identifier: Apache-2.0
// Which item of a map a job is. The ids of items that were added together follow one another, so ranges are kept, not
// items.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "model/job_ids.h"

namespace pinion::daemon {

class ItemIndex {
public:
    // Indexes mostly grow; no job is two items.
    void add(JobId job, std::uint64_t index) {
        if (!order_.empty()) {
            auto& [first, range] = *ranges_.find(order_.back());
            if (job.value == first.value + range.count && index == range.index + range.count) {
                ++range.count;
                return;
            }
        }
        ranges_.emplace(job, Range{index, 1});
        order_.push_back(job);
    }

    [[nodiscard]] std::optional<std::uint64_t> find(JobId job) const {
        auto after = ranges_.upper_bound(job);
        if (after == ranges_.begin()) return std::nullopt;
        const auto& [first, range] = *--after;
        const std::uint64_t offset = job.value - first.value;
        return offset < range.count ? std::optional(range.index + offset) : std::nullopt;
    }

    // Nobody asks for items before that one any more; some may be found all the same.
    void forget_before(std::uint64_t index) {
        while (!order_.empty()) {
            const auto oldest = ranges_.find(order_.front());
            if (oldest->second.index + oldest->second.count > index) return;
            ranges_.erase(oldest);
            order_.pop_front();
        }
    }

private:
    struct Range {
        std::uint64_t index = 0;  // of its first
        std::uint64_t count = 0;
    };
    std::map<JobId, Range> ranges_;  // by their first job
    std::deque<JobId> order_;        // their first jobs, by index
};

}  // namespace pinion::daemon
