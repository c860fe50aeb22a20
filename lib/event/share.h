// SPDX-License-Identifier: Apache-2.0
// How much of the loop's time a source may take before it counts as one that floods. Pure.
#pragma once

#include <chrono>

#include "base/time.h"

namespace pinion::event {

class Share {
public:
    static constexpr Duration window = std::chrono::milliseconds(100);
    static constexpr Duration most = std::chrono::milliseconds(10);     // of a window
    static constexpr Duration overhead = std::chrono::microseconds(5);  // of the loop's own for each callback

    // Whether, after a callback of `began` to `ended`, it has had its share: until a window later at the most.
    [[nodiscard]] bool is_spent(MonotonicTime began, MonotonicTime ended) noexcept {
        if (began >= window_end_) {
            window_end_ = began + window;
            taken_ = {};
        }
        taken_ += ended - began + overhead;
        return taken_ > most;
    }

private:
    MonotonicTime window_end_{};
    Duration taken_{};
};

}  // namespace pinion::event
