// SPDX-License-Identifier: Apache-2.0
// The sentences of a plan's errors and warnings. Each error's numbers add up: what a scope has is what is reserved,
// held by others and free; what is short is what is wanted less what is free.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpu/claims.h"
#include "cpu/context.h"
#include "cpu/plan.h"

namespace pinion::cpu {

struct Holder {
    std::string pool;
    std::vector<std::uint32_t> slots;  // ascending
    std::uint64_t units = 0;
};

// Where the units of a scope are: total = reserved + the holders' + free.
struct Account {
    std::string noun;   // "core", "thread", "CPU"
    std::string scope;  // "the machine", "kind performance"
    std::uint64_t total = 0;
    std::uint64_t reserved = 0;
    std::uint64_t free = 0;
    std::vector<Holder> holders;  // by pool
};

// "3 cores", "1 core".
[[nodiscard]] std::string counted(std::uint64_t number, const std::string& noun);
// "db/0..2,5".
[[nodiscard]] std::string slot_ranges(const std::string& pool, const std::vector<std::uint32_t>& slots);
// "the machine has 8 cores: 1 reserved, 3 held by pool 'db' (db/0..2), 4 free".
[[nodiscard]] std::string to_string(const Account& account);

// The cores or threads open to `pool` (what it holds itself counts as free), and the CPUs of the whole machine.
[[nodiscard]] Account account_for(const Context& context, const Claims& claims, const std::string& pool,
                                  CpuExclusive::Unit unit);
[[nodiscard]] Account account_of_cpus(const Context& context, const Claims& claims);

[[nodiscard]] PlanNote oversubscribed(const Context& context, const Claims& claims, const std::string& pool,
                                      const CpuExclusive& seat, std::uint32_t workers);
[[nodiscard]] PlanNote auto_ambiguous(const Context& context, const std::string& pool,
                                      const std::vector<std::string>& pools);
[[nodiscard]] PlanNote seats_short(const std::string& pool, std::uint32_t workers, std::size_t seats);
[[nodiscard]] PlanNote no_shared(const Context& context, const Claims& claims, const PoolRequest& request);
[[nodiscard]] PlanNote quota_below_one(const std::string& pool, double quota, double busy);

}  // namespace pinion::cpu
