// SPDX-License-Identifier: Apache-2.0
// Why a slot has the seat it has: the seats that its pool's rule would rather have given it, and what stood in the way
// of each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cpu/origin.h"
#include "cpu/plan.h"

namespace pinion::cpu {

// What keeps CPUs from a slot.
struct Obstacle {
    enum class Kind : std::uint8_t {
        held,          // by the seat of `pool` and `slot`
        kept_out,      // by the `keep_out` of either pool around that seat
        shared_spare,  // left to the pools that share CPUs, by an automatic pool
        reserved,      // by machine.reserve
        isolated,      // by the kernel's command line
        outside,       // by machine.cpus, or half a core where these are forbidden
        forbidden,     // by the cpuset or the mask that the process was started with
    };
    Kind kind = Kind::held;
    CpuSet cpus;
    std::string pool = {};  // of held and kept_out
    std::uint32_t slot = 0;
    bool operator==(const Obstacle&) const = default;
};

// A seat that came before the slot's own in the order of preference.
struct BetterSeat {
    CpuSet cpus;
    std::vector<Obstacle> obstacles;  // none: it is free now
    bool operator==(const BetterSeat&) const = default;
};

struct SeatReason {
    enum class Rule : std::uint8_t { spread, pack, given, soft, floating };
    Rule rule = Rule::spread;
    std::string pool;
    Seat seat;
    std::string inside;                   // "core", "l3", "numa", …: the tightest domain around the seat
    bool kept = false;                    // it had this seat before
    std::optional<Origin> origin = {};    // how it came to it, where somebody knows more than that
    std::optional<CpuSet> home = {};      // where it sat before and will again, once all CPUs of it are back
    CpuSet missing = {};                  // of the home
    std::vector<BetterSeat> better = {};  // of an exclusive seat, the best first; at most `most_better`
    std::size_t more_better = 0;          // left out
    // Of a soft seat: its core among the shared ones.
    std::vector<std::pair<std::string, std::uint32_t>> mates = {};  // other soft workers on it, by pool and slot
    std::uint32_t shared_cores = 0;
    CpuSet lighter = {};  // those with two soft workers fewer, or more
    bool operator==(const SeatReason&) const = default;

    static constexpr std::size_t most_better = 64;
};

// What was planned, and from what. The plan may be a daemon's own.
struct Situation {
    const Topology& topology;
    const Universe& universe;
    const std::vector<PoolRequest>& requests;
    const Ledger& ledger;
    const Plan& plan;
};

// The reason for the slot's seat in the plan; nothing where it has none.
[[nodiscard]] std::optional<SeatReason> find_reason(const Situation& situation, const std::string& pool,
                                                    std::uint32_t slot);

// The reason as sentences for people: the seat, its rule, and the better seats by who has them.
[[nodiscard]] std::vector<std::string> sentences(const SeatReason& reason);

}  // namespace pinion::cpu
