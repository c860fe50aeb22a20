// SPDX-License-Identifier: Apache-2.0
// How each slot came to the seat that it has, from plan to plan: what can be told of a worker that runs, where a plan
// made anew could only say that the seat is an old one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cpu/ledger.h"

namespace pinion::cpu {

enum class Origin : std::uint8_t {
    planned,  // chosen when the slot came to be
    kept,     // as a daemon before this one had left it
    moved,    // chosen anew: the configuration asks for another, or somebody owns the former one now
    home,     // back after CPUs of it had been missing
    away,     // not its own: CPUs of that are missing
};
[[nodiscard]] const char* to_string(Origin origin) noexcept;
// Nothing for a word that is none of them.
[[nodiscard]] std::optional<Origin> find_origin(std::string_view word) noexcept;

class Origins {
public:
    // Seats that were there before anything was planned.
    void recall(const KeptSeats& seats);
    // The seats after a plan that took effect.
    void follow(const KeptSeats& seats);
    // Nothing for a slot without a seat.
    [[nodiscard]] std::optional<Origin> find(const std::string& pool, std::uint32_t slot) const;

private:
    KeptSeats last_;
    std::map<std::pair<std::string, std::uint32_t>, Origin> origins_;  // of all in last_
};

}  // namespace pinion::cpu
