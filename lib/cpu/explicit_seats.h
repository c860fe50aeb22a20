// SPDX-License-Identifier: Apache-2.0
// Seats that the configuration names CPU by CPU: whether they can be had.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cpu/claims.h"
#include "cpu/context.h"

namespace pinion::cpu {

struct GivenSeats {
    const std::string& pool;
    std::uint32_t workers = 0;
    const std::vector<CpuSet>& seats;
    CpuSet kept_out{};                 // what other pools keep to themselves around their seats
    std::set<std::uint32_t> absent{};  // seats that have lost all their CPUs: empty
};

// Nothing where each worker can have its seat; else the first of: a seat outside U (one that no worker needs included),
// fewer seats than workers, a seat that overlaps another of the list, one that is held, or what another pool keeps
// to itself.
[[nodiscard]] std::optional<PlanNote> check_given(const Context& context, const Claims& claims,
                                                  const GivenSeats& given);

[[nodiscard]] std::uint32_t cores_touched(const Context& context, const CpuSet& cpus);

}  // namespace pinion::cpu
