// SPDX-License-Identifier: Apache-2.0
#include "cpu/origin.h"

namespace pinion::cpu {
namespace {

Origin origin_of(const KeptSeat* before, const KeptSeat& after, Origin former) {
    if (!after.at_home()) return Origin::away;
    if (before == nullptr) return Origin::planned;
    if (before->home != after.home) return Origin::moved;
    return before->at_home() ? former : Origin::home;
}

}  // namespace

const char* to_string(Origin origin) noexcept {
    switch (origin) {
        case Origin::planned: return "planned";
        case Origin::kept: return "kept";
        case Origin::moved: return "moved";
        case Origin::home: return "home";
        case Origin::away: return "away";
    }
    return "";
}

std::optional<Origin> find_origin(std::string_view word) noexcept {
    for (const Origin origin : {Origin::planned, Origin::kept, Origin::moved, Origin::home, Origin::away})
        if (word == to_string(origin)) return origin;
    return std::nullopt;
}

void Origins::recall(const KeptSeats& seats) {
    last_ = seats;
    origins_.clear();
    for (const KeptSeat& seat : seats)
        origins_.emplace(std::pair(seat.pool, seat.slot), seat.at_home() ? Origin::kept : Origin::away);
}

void Origins::follow(const KeptSeats& seats) {
    std::map<std::pair<std::string, std::uint32_t>, Origin> now;
    for (const KeptSeat& seat : seats)
        now.emplace(std::pair(seat.pool, seat.slot), origin_of(find_kept(last_, seat.pool, seat.slot), seat,
                                                               find(seat.pool, seat.slot).value_or(Origin::planned)));
    last_ = seats;
    origins_ = std::move(now);
}

std::optional<Origin> Origins::find(const std::string& pool, std::uint32_t slot) const {
    const auto found = origins_.find({pool, slot});
    return found == origins_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace pinion::cpu
