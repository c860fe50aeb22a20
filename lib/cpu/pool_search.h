// SPDX-License-Identifier: Apache-2.0
// One pool's search for seats over all places that it may use: a search for each part of the machine that a seat of it
// may not leave, the faster kind of core first.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cpu/claims.h"
#include "cpu/wish.h"

namespace pinion::cpu {

class PoolSearch {
public:
    // The context and the wish must outlive it.
    PoolSearch(const Context& context, const Wish& wish, const CpuSet& blocked);

    void hold(const Claims::Slots& seats);
    // Seats still to be had in one reach, and in all.
    [[nodiscard]] std::uint64_t capacity(std::size_t reach) const;
    [[nodiscard]] std::uint64_t capacity() const;
    // How many of the first slots can have a seat, where those of `held` (a subset of what `hold` was told) do.
    [[nodiscard]] std::uint32_t seatable(const Claims::Slots& held, std::uint32_t wanted) const;
    // A seat for the slot, held. `remaining`: the seats still to be placed, this one included.
    [[nodiscard]] std::optional<CpuSet> take(std::uint32_t slot, std::uint32_t remaining);

private:
    const Wish* wish_;
    std::vector<std::vector<SeatSearch>> searches_;  // by reach, then by kind
};

// The seat that `cpus` was, as the units are now: a thread that went offline is lost to it, one that came back belongs
// to it again. Nothing where it is no seat of the slot any more.
[[nodiscard]] std::optional<CpuSet> still_valid(const Context& context, const Wish& wish, std::uint32_t slot,
                                                const CpuSet& cpus);

}  // namespace pinion::cpu
