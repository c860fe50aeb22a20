// SPDX-License-Identifier: Apache-2.0
// The list of a pool's workers that are to be replaced one at a time, and the one whose turn it is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "base/ids.h"
#include "supervise/worker_states.h"

namespace pinion::supervise {

class Roll {
public:
    // A life to be replaced. One that has ended by itself meanwhile needs no replacing.
    struct Target {
        Generation generation;
        StopReason why = StopReason::new_text;
    };

    // Replaces the waiting targets of reason `why` by none; the one whose turn it is goes on.
    void forget(StopReason why) {
        std::erase_if(pending_, [&](const auto& entry) { return entry.second.why == why; });
        if (!active()) done_ = 0;
    }
    // A target that is there already keeps its reason where an operator asked for it.
    void add(Slot slot, Target target) {
        const auto [place, added] = pending_.try_emplace(slot, target);
        if (!added && place->second.why != StopReason::operator_restart) place->second = target;
    }
    void clear() { *this = Roll{}; }

    // The next target becomes current. There must be none, and one pending.
    std::pair<Slot, Target> take() {
        const auto first = pending_.begin();
        const std::pair<Slot, Target> next = *first;
        pending_.erase(first);
        current_ = next.first;
        return next;
    }
    // The current one is done.
    void finish_current() {
        current_.reset();
        ++done_;
    }

    [[nodiscard]] bool active() const noexcept { return current_.has_value() || !pending_.empty(); }
    [[nodiscard]] bool has_pending() const noexcept { return !pending_.empty(); }
    [[nodiscard]] std::optional<Slot> current() const noexcept { return current_; }
    [[nodiscard]] std::uint32_t done() const noexcept { return done_; }
    [[nodiscard]] std::uint32_t total() const noexcept {
        return done_ + static_cast<std::uint32_t>(pending_.size()) + (current_ ? 1U : 0U);
    }

private:
    std::map<Slot, Target> pending_;
    std::optional<Slot> current_;
    std::uint32_t done_ = 0;
};

}  // namespace pinion::supervise
