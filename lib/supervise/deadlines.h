// SPDX-License-Identifier: Apache-2.0
// All deadlines of the supervisor in one ordered index, so that the earliest is known at once and no machine is ever
// asked in vain. Each owner has at most one.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <set>

#include "base/time.h"

namespace pinion::supervise {

class Pool;

class Deadlines {
public:
    // A worker of a pool, or the pool itself (`whole_pool`). Ties in time go by the pools' serial numbers, then by
    // slot, never by address, so that a run repeats.
    struct Owner {
        std::uint64_t serial = 0;
        std::uint32_t slot = 0;
        Pool* pool = nullptr;
    };
    static constexpr std::uint32_t whole_pool = std::numeric_limits<std::uint32_t>::max();

    // The owner's deadline goes from `before` to `after`; `no_deadline` is none.
    void change(const Owner& owner, MonotonicTime before, MonotonicTime after) {
        if (before == after) return;
        if (before != no_deadline) entries_.erase({before, owner});
        if (after != no_deadline) entries_.insert({after, owner});
    }
    [[nodiscard]] MonotonicTime earliest() const { return entries_.empty() ? no_deadline : entries_.begin()->at; }
    // Whose the earliest is. There must be one.
    [[nodiscard]] const Owner& earliest_owner() const { return entries_.begin()->owner; }

private:
    struct Entry {
        MonotonicTime at;
        Owner owner;
        bool operator<(const Entry& other) const {
            if (at != other.at) return at < other.at;
            if (owner.serial != other.owner.serial) return owner.serial < other.owner.serial;
            return owner.slot < other.owner.slot;
        }
    };
    std::set<Entry> entries_;
};

}  // namespace pinion::supervise
