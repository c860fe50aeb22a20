// SPDX-License-Identifier: Apache-2.0
#include "cpu/ledger.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace pinion::cpu {

const KeptSeat* find_kept(const KeptSeats& seats, const std::string& pool, std::uint32_t slot) noexcept {
    const auto found = std::ranges::lower_bound(seats, std::tie(pool, slot), {},
                                                [](const KeptSeat& seat) { return std::tie(seat.pool, seat.slot); });
    return found != seats.end() && found->pool == pool && found->slot == slot ? &*found : nullptr;
}

Ledger next_ledger(const Ledger& earlier, const Plan& plan, const CpuSet& usable) {
    using Key = std::tuple<std::string, std::uint32_t, bool>;
    std::map<Key, const LedgerEntry*> homes;  // the first entry of a slot is its home
    for (const LedgerEntry& entry : earlier) homes.emplace(Key(entry.pool, entry.slot, entry.exclusive), &entry);

    Ledger next;
    for (LedgerEntry& entry : plan.ledger()) {
        const auto home = homes.find(Key(entry.pool, entry.slot, entry.exclusive));
        if (home != homes.end() && home->second->cpus != entry.cpus && !home->second->cpus.is_subset_of(usable))
            next.push_back(*home->second);
        next.push_back(std::move(entry));
    }
    return next;
}

}  // namespace pinion::cpu
