// SPDX-License-Identifier: Apache-2.0
// The end of a job whose pushes go to the other engine as well: what stays, what goes, and their answers put together.
#pragma once

#include <vector>

#include "jobs/store_answer.h"
#include "jobs/store_request.h"

namespace pinion::jobs {

struct SplitFinish {
    NoteFinish finish;               // of the job's own engine; its pushes are those that stay there
    std::vector<NewJob> elsewhere;   // to disk, or from disk to memory
    std::vector<bool> is_elsewhere;  // of all pushes, in the order of the request
};

// The placed pushes in the order of the request.
inline std::vector<PlacedJob> merge(const std::vector<bool>& is_elsewhere, const std::vector<PlacedJob>& here,
                                    const std::vector<PlacedJob>& elsewhere) {
    std::vector<PlacedJob> all;
    auto own = here.begin();
    auto other = elsewhere.begin();
    for (const bool away : is_elsewhere) {
        if (away ? other == elsewhere.end() : own == here.end()) continue;
        all.push_back(away ? *other++ : *own++);
    }
    return all;
}

}  // namespace pinion::jobs
