// SPDX-License-Identifier: Apache-2.0
// The seats of a plan in a file that is committed beside the configuration, and how a later plan differs from it. The
// file holds the machine too, so that it can be checked where that machine is not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cpu/plan.h"
#include "ctl/planning.h"
#include "wire/json.h"

namespace pinion::ctl {

struct LockedSeat {
    std::string pool;
    std::uint32_t slot = 0;
    std::string how;  // "exclusive", "soft", "floating"
    CpuSet cpus;      // none where it floats
    bool operator==(const LockedSeat&) const = default;
    [[nodiscard]] std::string name() const { return pool + "/" + std::to_string(slot); }
};

struct Lock {
    Machine machine;
    std::vector<LockedSeat> seats;  // by pool and slot
    bool operator==(const Lock&) const = default;
};

// Beside the configuration: "FOLDER/pinion.lock", or "web.lock" for "web.yaml".
[[nodiscard]] std::string lock_path(const std::string& configuration, bool is_folder);

[[nodiscard]] Lock lock_of(const Machine& machine, const cpu::Plan& plan);

// JSON, a seat and a core a line, so that two versions compare well. The same lock gives the same text.
[[nodiscard]] std::string lock_text(const Lock& lock);
// The lock that `text` is. Fails, saying where, if it is none, or one of a later version.
[[nodiscard]] Result<Lock> parse_lock(std::string_view text);

// What a plan would do to the seats of a lock.
struct SeatChange {
    enum class Kind : std::uint8_t { moves, appears, vanishes };
    Kind kind = Kind::moves;
    LockedSeat before;  // but where it appears
    LockedSeat after;   // but where it vanishes
    bool operator==(const SeatChange&) const = default;
};
[[nodiscard]] std::vector<SeatChange> changes_between(const std::vector<LockedSeat>& before,
                                                      const std::vector<LockedSeat>& after);

// A line a change: "api/2 moves from 2,10 to 4,12".
[[nodiscard]] std::string to_string(const SeatChange& change);
// {"version","lock","seats","changed","changes":[{"worker","change","from","to","how"}]}
[[nodiscard]] wire::Json check_document(const std::string& path, std::size_t seats,
                                        const std::vector<SeatChange>& changes);

}  // namespace pinion::ctl
