// SPDX-License-Identifier: Apache-2.0
// The sentences of `explain`.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "cpu/notes.h"
#include "cpu/reason.h"

namespace pinion::cpu {
namespace {

std::string name_of(const SeatReason& reason) { return reason.pool + "/" + std::to_string(reason.seat.slot); }

std::string nodes_text(const std::vector<std::uint32_t>& nodes) {
    if (nodes.empty()) return "";
    std::vector<std::string> names;
    for (const std::uint32_t node : nodes) names.push_back(std::to_string(node));
    return nodes.size() == 1 ? ", memory of NUMA node " + names.front()
                             : ", memory of the NUMA nodes " + join(names, ", ");
}

std::string inside_text(const std::string& inside) {
    if (inside == "pu") return "one hardware thread";
    if (inside == "core") return "inside one core";
    if (inside == "l3") return "inside one L3 cache";
    if (inside == "l2") return "inside one L2 cache";
    if (inside == "numa") return "inside one NUMA node";
    if (inside == "package") return "inside one package";
    return "no single package, NUMA node or cache holds all of it";
}

// Seats that the same kept from the slot: each kind of obstacle, with its pool and which slots of it.
using Owner = std::pair<Obstacle::Kind, std::string>;
struct Fold {
    std::vector<std::pair<Owner, std::vector<std::uint32_t>>> owners;  // the nearest first
    std::vector<std::string> seats = {};

    [[nodiscard]] bool is_by_the_same(const Fold& other) const {
        return std::ranges::equal(
            owners, other.owners, {}, [](const auto& owner) { return owner.first; },
            [](const auto& owner) { return owner.first; });
    }
};

Fold fold_of(const std::vector<Obstacle>& obstacles) {
    Fold fold;
    for (const Obstacle& obstacle : obstacles) {
        const Owner owner(obstacle.kind, obstacle.pool);
        auto found = std::ranges::find(fold.owners, owner, [](const auto& known) { return known.first; });
        if (found == fold.owners.end()) found = fold.owners.insert(fold.owners.end(), {owner, {}});
        found->second.push_back(obstacle.slot);
    }
    return fold;
}

// Adds the slots and the seat of one to those of the same owners.
void merge(Fold& all, const Fold& one, std::string seat) {
    for (std::size_t i = 0; i < all.owners.size(); ++i) {
        auto& slots = all.owners[i].second;
        slots.insert(slots.end(), one.owners[i].second.begin(), one.owners[i].second.end());
    }
    all.seats.push_back(std::move(seat));
}

std::string owner_text(const Owner& owner, std::vector<std::uint32_t> slots) {
    std::ranges::sort(slots);
    const auto again = std::ranges::unique(slots);
    slots.erase(again.begin(), again.end());
    const std::string& pool = owner.second;
    switch (owner.first) {
        case Obstacle::Kind::held: return "held by " + slot_ranges(pool, slots);
        case Obstacle::Kind::kept_out: return "closed by 'keep_out' around " + slot_ranges(pool, slots);
        case Obstacle::Kind::shared_spare: return "left to the pools that share CPUs, which need a core";
        case Obstacle::Kind::reserved: return "reserved ('machine.reserve')";
        case Obstacle::Kind::isolated: return "isolated by the kernel's command line ('machine.isolated: skip')";
        case Obstacle::Kind::outside: return "taken off by 'machine.cpus' or 'machine.half_cores'";
        case Obstacle::Kind::forbidden: break;
    }
    return "not allowed to this process by its cpuset or the mask it was started with";
}

void add_better(const SeatReason& reason, std::vector<std::string>& lines) {
    constexpr std::size_t most_named = 8;
    std::vector<Fold> folds;  // in the order of preference
    std::size_t refused = 0;
    for (const BetterSeat& better : reason.better) {
        if (better.obstacles.empty()) continue;
        ++refused;
        const Fold one = fold_of(better.obstacles);
        const auto same = std::ranges::find_if(folds, [&](const Fold& fold) { return fold.is_by_the_same(one); });
        if (same != folds.end())
            merge(*same, one, better.cpus.to_list());
        else
            folds.push_back({one.owners, {better.cpus.to_list()}});
    }
    if (refused == 0) return;
    lines.push_back(counted(refused + reason.more_better, "seat") + " came before it and could not be had:");
    for (const Fold& fold : folds) {
        std::vector<std::string> owners;
        for (const auto& [owner, slots] : fold.owners) owners.push_back(owner_text(owner, slots));
        std::string text = "  " + join(owners, ", and ") + ": ";
        const std::size_t named = std::min(fold.seats.size(), most_named);
        for (std::size_t i = 0; i < named; ++i) text += (i == 0 ? "'" : ", '") + fold.seats[i] + "'";
        if (fold.seats.size() > named) text += " and " + std::to_string(fold.seats.size() - named) + " more";
        lines.push_back(std::move(text));
    }
    if (reason.more_better > 0) lines.push_back("  and " + counted(reason.more_better, "more seat"));
}

void add_exclusive(const SeatReason& reason, std::vector<std::string>& lines) {
    const bool packs = reason.rule == SeatReason::Rule::pack;
    const auto free = std::ranges::find_if(reason.better, [](const auto& better) { return better.obstacles.empty(); });
    const bool refused =
        std::ranges::any_of(reason.better, [](const auto& better) { return !better.obstacles.empty(); });
    const std::string rule =
        packs ? "'place: pack' fills the domain that is in use, or the fullest that suffices"
              : "'place: spread' goes where the fewest seats of this pool are, then where most is free";
    lines.push_back(rule + ".");
    if (free != reason.better.end())
        lines.push_back("Free now, and it would be chosen today: '" + free->cpus.to_list() +
                        "'. The worker stays, since a seat that is still valid is never moved.");
    else if (!refused)
        lines.push_back("It is the first choice: nothing came before it.");
    add_better(reason, lines);
}

void add_soft(const SeatReason& reason, std::vector<std::string>& lines) {
    lines.push_back("A soft seat ('cpu: auto'): one core of the shared ones, of which there are " +
                    std::to_string(reason.shared_cores) + ", the one with the fewest soft workers.");
    std::map<std::string, std::vector<std::uint32_t>> mates;
    for (const auto& [pool, slot] : reason.mates) mates[pool].push_back(slot);
    std::vector<std::string> names;
    for (const auto& [pool, slots] : mates) names.push_back(slot_ranges(pool, slots));
    lines.push_back(names.empty() ? "It has the core to itself, until an exclusive seat or more soft workers need it."
                                  : "On the same core: " + join(names, ", ") + ".");
    if (!reason.lighter.empty())
        lines.push_back("Cores with at least 2 soft workers fewer: CPUs '" + reason.lighter.to_list() +
                        "'. The worker stays, since a seat that is still valid is never moved.");
}

std::string origin_text(Origin origin) {
    switch (origin) {
        case Origin::planned: return "It was chosen when the worker's slot came to be, and is kept since.";
        case Origin::kept: return "It is kept from before the daemon started.";
        case Origin::moved:
            return "It was chosen anew: the configuration asked for another seat, an owner took the old one, or an "
                   "operator "
                   "said rebalance.";
        case Origin::home: return "It came home: CPUs of this seat, its own, had been missing.";
        case Origin::away: break;
    }
    return "It waits here for CPUs of its own seat.";
}

}  // namespace

std::vector<std::string> sentences(const SeatReason& reason) {
    std::vector<std::string> lines;
    const std::string mask = reason.seat.mask.to_list();
    if (reason.rule == SeatReason::Rule::floating)
        return {name_of(reason) + " has no seat: it floats ('cpu: none') over the CPUs '" + mask +
                "', all that no exclusive seat holds."};
    std::string seat = name_of(reason) + " sits on the CPUs '" + reason.seat.cpus.to_list() + "', " +
                       inside_text(reason.inside) + nodes_text(reason.seat.nodes);
    if (reason.seat.mask != reason.seat.cpus) seat += "; 'bind' lets it run on '" + mask + "'";
    lines.push_back(seat + ".");
    const bool one = reason.missing.count() == 1;
    if (reason.home)
        lines.push_back(std::string("It is here because ") + (one ? "CPU " : "the CPUs ") + reason.missing.to_list() +
                        " of its own seat, '" + reason.home->to_list() + (one ? "', is" : "', are") +
                        " missing; it goes home when " + (one ? "that is" : "they are") + " back.");
    else if (reason.origin)
        lines.push_back(origin_text(*reason.origin));
    else if (reason.kept)
        lines.push_back("It had this seat before and keeps it.");
    switch (reason.rule) {
        case SeatReason::Rule::spread:
        case SeatReason::Rule::pack: add_exclusive(reason, lines); break;
        case SeatReason::Rule::given: lines.emplace_back("The configuration names it ('cpu: {seats}')."); break;
        case SeatReason::Rule::soft: add_soft(reason, lines); break;
        case SeatReason::Rule::floating: break;
    }
    return lines;
}

}  // namespace pinion::cpu
