// SPDX-License-Identifier: Apache-2.0
// The sentences of a plan's errors and warnings. Each error's numbers add up: what a scope has is what is reserved,
// held by others and free; what is short is what is wanted less what is free.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cpu/claims.h"
#include "cpu/context.h"
#include "cpu/keep_out.h"
#include "cpu/plan.h"
#include "cpu/soft.h"
#include "cpu/wish.h"

namespace pinion::cpu {

// "3 cores", "1 core".
[[nodiscard]] std::string counted(std::uint64_t number, const std::string& noun);
// "db/0..2,5".
[[nodiscard]] std::string slot_ranges(const std::string& pool, const std::vector<std::uint32_t>& slots);
// "the machine has 8 cores: 1 reserved, 3 held by pool 'db' (db/0..2), 4 free".
[[nodiscard]] std::string to_string(const Account& account);

// The CPUs of the whole machine.
[[nodiscard]] Account account_of_cpus(const Context& context, const Claims& claims);

// A pool that found no room, and who is in its way.
struct Failure {
    const Context& context;
    const Claims& claims;
    const KeepOut& keep_out;
    const Wish& wish;
};
// E_OVERSUBSCRIBED where units are missing, E_SEAT_TOO_WIDE where they lie so that no seat can be made of them.
[[nodiscard]] PlanNote does_not_fit(const Failure& failure);
// The warning where a pool that wants more seats than there are has fewer workers, or several on a seat.
[[nodiscard]] PlanNote too_many_workers(const Wish& wish, std::uint32_t seats);
// E_SEAT_TOO_WIDE where workers are counted for each of domains that are smaller than a seat.
[[nodiscard]] PlanNote wider_than_domain(const Wish& wish);
[[nodiscard]] PlanNote auto_ambiguous(const Wish& wish, const std::vector<std::string>& rivals);
[[nodiscard]] PlanNote no_such_level(const std::string& pool, const std::string& key, CpuLevel level);
[[nodiscard]] PlanNote no_such_place(const Context& context, const std::string& pool, const CpuPlace& place);
[[nodiscard]] PlanNote none_allowed(const Context& context, const std::string& pool, const CpuScope& scope);
[[nodiscard]] PlanNote seats_short(const std::string& pool, std::uint32_t workers, std::size_t seats);
[[nodiscard]] PlanNote no_shared(const Context& context, const Claims& claims, const PoolRequest& request);
// W_NO_SHARED where workers of a soft pool belong in domains whose CPUs exclusive seats hold.
[[nodiscard]] std::optional<PlanNote> outside_domains(const CpuSet& shared, const SoftPool& pool);
[[nodiscard]] PlanNote quota_below_one(const std::string& pool, double quota, double busy);

}  // namespace pinion::cpu
