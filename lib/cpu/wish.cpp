// SPDX-License-Identifier: Apache-2.0
#include "cpu/wish.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "cpu/notes.h"

namespace pinion::cpu {
namespace {

std::string kind_word(CpuExclusive::Kind kind) {
    switch (kind) {
        case CpuExclusive::Kind::performance: return "performance";
        case CpuExclusive::Kind::efficiency: return "efficiency";
        case CpuExclusive::Kind::any: break;
    }
    return "any";
}

// All CPUs of the kinds that `parts` are of.
CpuSet whole_kinds(const Topology& topology, const std::vector<CpuSet>& parts, CpuExclusive::Kind kind) {
    if (topology.kinds.size() < 2 || kind == CpuExclusive::Kind::any) return topology.root.cpus;
    CpuSet whole;
    for (const CpuKind& known : topology.kinds)
        for (const CpuSet& part : parts)
            if (known.cpus.intersects(part)) whole |= known.cpus;
    return whole;
}

Reach reach_for(const Context& context, const CpuExclusive& seat) {
    const CpuSet& usable = context.usable.cpus;
    const CpuSet within = seat.within ? cpus_of(context.topology, *seat.within) : context.topology.root.cpus;
    const std::vector<CpuSet> parts = kinds_of(context.topology, usable, seat.kind);
    const CpuSet kinds = whole_kinds(context.topology, parts, seat.kind);
    Reach reach{.name = seat.within ? to_string(*seat.within) : "the machine",
                .cpus = {},
                .base = context.usable.base & kinds & within,
                .kinds = {}};
    for (const CpuSet& part : parts) {
        reach.cpus |= part & within;
        if (part.intersects(within)) reach.kinds.push_back(part & within);
    }
    if (reach.cpus != (usable & within))
        reach.name = "kind " + kind_word(seat.kind) + (seat.within ? " within " + reach.name : "");
    return reach;
}

// One part of `all` for each domain of the level that it has any CPU of.
std::vector<Reach> divided(const Context& context, const Reach& all, CpuLevel level) {
    std::vector<Reach> parts;
    const std::vector<CpuSet>& domains = context.domains(level);
    for (std::size_t i = 0; i < domains.size(); ++i) {
        if (!domains[i].intersects(all.cpus)) continue;
        Reach& part = parts.emplace_back();
        part.name = word_of(level) + ":" + std::to_string(i);
        part.cpus = all.cpus & domains[i];
        part.base = all.base & domains[i];
        for (const CpuSet& kind : all.kinds)
            if (kind.intersects(domains[i])) part.kinds.push_back(kind & domains[i]);
    }
    return parts;
}

std::optional<CpuLevel> level_of(CpuExclusive::Unit unit) {
    switch (unit) {
        case CpuExclusive::Unit::l3: return CpuLevel::l3;
        case CpuExclusive::Unit::numa: return CpuLevel::numa;
        case CpuExclusive::Unit::package: return CpuLevel::package;
        default: return std::nullopt;
    }
}

// Whether each domain that is a seat lies in one of the parts.
bool splits_seats(const Context& context, const Wish& wish, const std::vector<Reach>& parts) {
    const std::optional<CpuLevel> level = level_of(wish.seat.unit);
    if (!level) return false;
    const CpuSet all = wish.cpus();
    return std::ranges::any_of(context.domains(*level), [&](const CpuSet& seat) {
        return std::ranges::none_of(parts, [&](const Reach& part) { return (seat & all).is_subset_of(part.cpus); });
    });
}

// Gives each domain its workers; an error where a seat is wider than that. Where the pool can use nothing at all it
// stays whole, and fails for want of one domain's workers.
std::optional<PlanNote> divide(const Context& context, Wish& wish) {
    std::vector<Reach> parts = divided(context, wish.reaches.front(), *wish.count.per);
    if (parts.empty()) return std::nullopt;
    if (splits_seats(context, wish, parts)) return wider_than_domain(wish);
    wish.workers = count_per_domain(wish.count, parts.size());
    wish.reaches = std::move(parts);
    return std::nullopt;
}

std::optional<CpuLevel> level_of(CpuExclusive::Bind bind) {
    switch (bind) {
        case CpuExclusive::Bind::core: return CpuLevel::core;
        case CpuExclusive::Bind::l3: return CpuLevel::l3;
        case CpuExclusive::Bind::numa: return CpuLevel::numa;
        case CpuExclusive::Bind::package: return CpuLevel::package;
        default: return std::nullopt;
    }
}

// What the request names and the machine has not.
std::optional<PlanNote> find_missing(const Context& context, const Wish& wish) {
    const CpuExclusive& seat = wish.seat;
    const std::pair<const char*, std::optional<CpuLevel>> named[] = {{"seat", level_of(seat.unit)},
                                                                     {"require", seat.require},
                                                                     {"keep_out", seat.keep_out},
                                                                     {"bind", level_of(seat.bind)},
                                                                     {"workers: {per}", wish.count.per}};
    for (const auto& [key, level] : named)
        if (level && context.domains(*level).empty()) return no_such_level(wish.pool, key, *level);
    if (!seat.within) return std::nullopt;
    if (const CpuPlace* place = find_missing(context.topology, *seat.within))
        return no_such_place(context, wish.pool, *place);
    const CpuSet named_cpus = cpus_of(context.topology, *seat.within);
    if (!named_cpus.intersects(context.usable.cpus)) return none_allowed(context, wish.pool, *seat.within);
    return std::nullopt;
}

std::uint32_t widest(const Context& context, const Wish& wish) {
    std::uint32_t most = 0;
    for (const Reach& reach : wish.reaches)
        for (const CpuSet& kind : reach.kinds)
            for (const CpuSet& unit : context.tree(kind, wish.seat.unit).units()) most = std::max(most, unit.count());
    return most * wish.seat.count;
}

// Explicit seats choose first, then fixed counts, then automatic ones.
void sort_by_turn(const Context& context, std::vector<Wish>& wishes) {
    using Turn = std::tuple<int, std::int64_t, std::int64_t, std::int64_t, std::string>;
    std::vector<std::pair<Turn, Wish>> turns;
    for (Wish& wish : wishes) {
        const int rank = wish.given ? 0 : wish.automatic() ? 2 : 1;
        const std::int64_t scope = wish.given ? 0 : wish.cpus().count();
        const std::int64_t size = wish.given ? 0 : widest(context, wish);
        Turn turn(rank, scope, -size, -std::int64_t{wish.workers}, wish.pool);
        turns.emplace_back(std::move(turn), std::move(wish));
    }
    std::ranges::sort(turns, {}, [](const auto& entry) -> const Turn& { return entry.first; });
    wishes.clear();
    for (auto& [turn, wish] : turns) wishes.push_back(std::move(wish));
}

// Pools that each want all that is left of the same CPUs have no answer; all are told, and none takes part.
void drop_ambiguous(Wishes& wishes) {
    const auto rivals_of = [&](const Wish& wish) {
        std::vector<std::string> rivals;
        if (wish.given || !wish.automatic()) return rivals;
        const CpuSet cpus = wish.cpus();
        for (const Wish& other : wishes.in_turn)
            if (other.automatic() && !other.given && other.pool != wish.pool && other.cpus().intersects(cpus))
                rivals.push_back(other.pool);
        std::ranges::sort(rivals);
        return rivals;
    };
    std::vector<PlanNote> errors;
    for (const Wish& wish : wishes.in_turn)
        if (const auto rivals = rivals_of(wish); !rivals.empty()) errors.push_back(auto_ambiguous(wish, rivals));
    for (PlanNote& error : errors) {
        std::erase_if(wishes.in_turn, [&](const Wish& wish) { return wish.pool == error.pool; });
        wishes.errors.push_back(std::move(error));
    }
}

}  // namespace

CpuSet Wish::cpus() const {
    CpuSet all;
    for (const Reach& reach : reaches) all |= reach.cpus;
    return all;
}

Wishes wishes_of(const Context& context, const std::vector<PoolRequest>& requests) {
    std::unordered_map<std::string, std::vector<const LedgerEntry*>> earlier;
    for (const LedgerEntry& entry : context.ledger)
        if (entry.exclusive) earlier[entry.pool].push_back(&entry);

    Wishes wishes;
    for (const PoolRequest& request : requests) {
        Wish wish{.pool = request.pool, .count = request.workers};
        if (!wish.automatic()) wish.workers = request.workers.number;
        if (const auto* seats = std::get_if<CpuSeats>(&request.cpu)) {
            wish.given = &seats->seats;
        } else if (const auto* seat = std::get_if<CpuExclusive>(&request.cpu)) {
            wish.seat = *seat;
            if (auto missing = find_missing(context, wish)) {
                wishes.errors.push_back(*std::move(missing));
                continue;
            }
            wish.reaches = {reach_for(context, *seat)};
            auto too_wide = request.workers.per ? divide(context, wish) : std::nullopt;
            if (too_wide) {
                wishes.errors.push_back(*std::move(too_wide));
                continue;
            }
            if (seat->require) wish.least_level = context.levels.of(type_of(*seat->require));
        } else {
            continue;
        }
        if (const auto found = earlier.find(wish.pool); found != earlier.end()) wish.earlier = std::move(found->second);
        std::ranges::stable_sort(wish.earlier, {}, &LedgerEntry::slot);
        wishes.in_turn.push_back(std::move(wish));
    }
    sort_by_turn(context, wishes.in_turn);
    drop_ambiguous(wishes);
    return wishes;
}

}  // namespace pinion::cpu
