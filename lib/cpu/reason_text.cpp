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

// Obstacles of one kind and pool as one: the seats that they cost, and by which slots.
struct Fold {
    std::vector<std::string> seats;  // those that this alone, or this first, kept from the slot
    std::vector<std::uint32_t> slots;
};
using Owner = std::pair<Obstacle::Kind, std::string>;

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
    std::vector<std::pair<Owner, Fold>> folds;  // in the order of preference
    std::size_t refused = 0;
    for (const BetterSeat& better : reason.better) {
        if (better.obstacles.empty()) continue;
        ++refused;
        const Obstacle& first = better.obstacles.front();
        const Owner owner(first.kind, first.pool);
        auto fold = std::ranges::find(folds, owner, &std::pair<Owner, Fold>::first);
        if (fold == folds.end()) fold = folds.insert(folds.end(), {owner, {}});
        fold->second.seats.push_back(better.cpus.to_list());
        for (const Obstacle& obstacle : better.obstacles)
            if (Owner(obstacle.kind, obstacle.pool) == owner) fold->second.slots.push_back(obstacle.slot);
    }
    if (refused == 0) return;
    lines.push_back(counted(refused + reason.more_better, "seat") + " came before it and could not be had:");
    for (auto& [owner, fold] : folds) {
        std::string text = "  " + owner_text(owner, fold.slots) + ": ";
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
    if (reason.home)
        lines.push_back("Its home is '" + reason.home->to_list() +
                        "', of which CPUs are missing: it goes back when they are.");
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
