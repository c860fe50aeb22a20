// SPDX-License-Identifier: Apache-2.0
// Where one call of handle() collects what it wants done, so that the order of the contract holds whatever the order of
// the deciding: first what touches processes, then the facts, then what ends a slot, a pool or the whole.
#pragma once

#include <iterator>
#include <utility>
#include <vector>

#include "supervise/effect.h"

namespace pinion::supervise {

class Outbox {
public:
    void act(Effect effect) { acts_.push_back(std::move(effect)); }
    void report(Fact fact) { facts_.push_back(std::move(fact)); }
    void close(Effect effect) { closings_.push_back(std::move(effect)); }

    // Appends everything to `effects`, in order, and is empty again.
    void flush(Effects& effects) {
        std::move(acts_.begin(), acts_.end(), std::back_inserter(effects));
        for (auto& fact : facts_) effects.emplace_back(Report{std::move(fact)});
        std::move(closings_.begin(), closings_.end(), std::back_inserter(effects));
        acts_.clear();
        facts_.clear();
        closings_.clear();
    }

private:
    Effects acts_;
    std::vector<Fact> facts_;
    Effects closings_;
};

// What every decision of one call of handle() shares.
struct Turn {
    MonotonicTime now;
    Outbox& out;
};

}  // namespace pinion::supervise
