// SPDX-License-Identifier: Apache-2.0
// Who is pinned softly to one core and for a while has had more to run than that core can. Fed by looks at the workers;
// nothing here looks at the machine.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/ids.h"
#include "base/time.h"

namespace pinion::cpu {

class StarvedWatch {
public:
    static constexpr Duration patience = std::chrono::seconds(30);
    // Looks further apart than this say nothing of the time between them, unless they are that seldom by intent.
    static constexpr Duration longest_gap = std::chrono::seconds(12);

    // Looks come so far apart, as long as nobody says otherwise; at first, often enough.
    void expect_looks(Duration period) noexcept { gap_ = std::max(longest_gap, 2 * period); }

    // At `now` so many threads of the worker ran or waited to run, where `room` can run at a time. True once for each
    // life for which that was too many at every look over `patience`.
    [[nodiscard]] bool looked(const WorkerId& worker, std::uint32_t runnable, std::uint32_t room, MonotonicTime now);

private:
    struct Hunger {
        Generation life;
        MonotonicTime since;
        MonotonicTime last;
        bool told = false;
    };
    std::map<std::pair<std::string, std::uint32_t>, Hunger> hungry_;
    Duration gap_ = longest_gap;
};

}  // namespace pinion::cpu
