// SPDX-License-Identifier: Apache-2.0
// What a seat closes to the other pools: its cores, and the domain that either side wants for itself.
#pragma once

#include <map>
#include <string>

#include "cpu/claims.h"
#include "cpu/wish.h"

namespace pinion::cpu {

class KeepOut {
public:
    KeepOut(const Context& context, const std::vector<Wish>& wishes);

    // What pool `holder` closes to `wish` by holding `cpus`.
    [[nodiscard]] CpuSet closed(const Wish& wish, const std::string& holder, const CpuSet& cpus) const;
    // The same over all other pools.
    [[nodiscard]] CpuSet closed(const Wish& wish, const Claims& claims) const;
    // What pools other than `pool` keep to themselves of the domains around `claims`.
    [[nodiscard]] CpuSet kept(const std::string& pool, const Claims& claims) const;

private:
    const Context* context_;                  // outlives this
    std::map<std::string, CpuLevel> levels_;  // by pool; only those that keep others out
};

}  // namespace pinion::cpu
