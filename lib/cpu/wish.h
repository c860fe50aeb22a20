// SPDX-License-Identifier: Apache-2.0
// A pool's request for seats of its own, made ready for this machine: how many, where they may lie, in which turn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpu/context.h"

namespace pinion::cpu {

// Where seats may lie.
struct Reach {
    std::string name;           // "the machine", "kind performance", "numa:0"
    CpuSet cpus;                // all that pools may use of it
    CpuSet base;                // that, with what is reserved of it
    std::vector<CpuSet> kinds;  // `cpus` in parts that no seat mixes, fastest first
};

struct Wish {
    std::string pool;
    WorkerCount count;                           // as declared
    std::uint32_t workers = 0;                   // unused where automatic
    const std::vector<CpuSet>* given = nullptr;  // explicit seats
    CpuExclusive seat{};                         // without given seats, as the rest
    std::vector<Reach> reaches{};                // the seat of slot s lies in the one of s modulo their number
    std::uint32_t least_level = 0;               // that a seat must fit inside
    std::vector<const LedgerEntry*> earlier{};   // of this pool, by slot; a slot's in the ledger's order

    [[nodiscard]] bool automatic() const noexcept { return count.automatic; }
    [[nodiscard]] std::size_t reach_of(std::uint32_t slot) const noexcept { return slot % reaches.size(); }
    [[nodiscard]] CpuSet cpus() const;  // of all reaches
};

struct Wishes {
    std::vector<Wish> in_turn;     // explicit, fixed, automatic; smaller scopes, larger seats, more workers, the name
    std::vector<PlanNote> errors;  // of pools that ask for what the machine has not
};

// The wishes of those requests that ask for exclusive seats.
[[nodiscard]] Wishes wishes_of(const Context& context, const std::vector<PoolRequest>& requests);

}  // namespace pinion::cpu
