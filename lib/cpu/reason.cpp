// SPDX-License-Identifier: Apache-2.0
// The search that chose a seat is done again on an empty machine, slot by slot as far as this one. What it would have
// taken, had nobody been in the way, is named with who was, and closed; and so on until the slot's own seat is the
// choice.
#include "cpu/reason.h"

#include <algorithm>
#include <map>
#include <utility>

#include "cpu/context.h"
#include "cpu/keep_out.h"
#include "cpu/wish.h"

namespace pinion::cpu {
namespace {

const PoolRequest* find_request(const std::vector<PoolRequest>& requests, const std::string& pool) {
    const auto found = std::ranges::find(requests, pool, &PoolRequest::pool);
    return found == requests.end() ? nullptr : &*found;
}

// The same machine with nothing kept from pools.
Universe unbounded(const Situation& situation) {
    Universe all{.allowed = situation.topology.root.cpus, .machine = {}, .quota = situation.universe.quota};
    all.machine.isolated = MachineSpec::Isolated::allow;
    all.isolated = situation.universe.isolated;
    return all;
}

std::string tightest_around(const Domain& root, const CpuSet& cpus) {
    const Domain* domain = &root;
    for (const Domain* next = domain; next != nullptr;) {
        domain = next;
        const auto child =
            std::ranges::find_if(domain->children, [&](const Domain& below) { return cpus.is_subset_of(below.cpus); });
        next = child == domain->children.end() ? nullptr : &*child;
    }
    return to_string(has_type(*domain, DomainType::core) ? DomainType::core : domain->types.back());
}

// Who else is where, as an exclusive seat of one pool sees it.
class Surroundings {
public:
    Surroundings(const Situation& situation, const Context& context, const Wishes& wishes, const Wish& wish)
        : situation_(situation), context_(context), keep_out_(context, wishes.in_turn), wish_(wish) {
        for (const PoolSeats& pool : situation.plan.pools)
            for (const Seat& seat : pool.seats) {
                if (!seat.exclusive || seat.cpus.empty()) continue;
                claimed_ |= seat.cpus;
                if (pool.pool != wish.pool) others_.push_back({&pool.pool, &seat});
            }
        if (wish.automatic() && std::ranges::any_of(situation.requests, &PoolRequest::shares)) spare_ = spare_core();
    }

    // What keeps this slot from `cpus`. `later`: seats of the pool's own slots that this one comes before.
    [[nodiscard]] std::vector<Obstacle> obstacles_at(const CpuSet& cpus, const std::vector<const Seat*>& later) const {
        std::vector<Obstacle> found;
        const auto add = [&](Obstacle obstacle) {
            if (!obstacle.cpus.empty()) found.push_back(std::move(obstacle));
        };
        using enum Obstacle::Kind;
        for (const auto& [pool, seat] : others_) {
            const CpuSet held = cpus & whole_cores(context_.topology, seat->cpus);
            add({.kind = held.empty() ? kept_out : Obstacle::Kind::held,
                 .cpus = held.empty() ? cpus & keep_out_.closed(wish_, *pool, seat->cpus) : held,
                 .pool = *pool,
                 .slot = seat->slot});
        }
        for (const Seat* seat : later)
            add({.kind = Obstacle::Kind::held, .cpus = cpus & seat->cpus, .pool = wish_.pool, .slot = seat->slot});
        add({.kind = shared_spare, .cpus = cpus & spare_});
        add({.kind = reserved, .cpus = cpus & context_.usable.reserved});
        add_withheld(cpus - context_.usable.base, found);
        return found;
    }

private:
    // Of CPUs outside the base: what took them off.
    void add_withheld(CpuSet cpus, std::vector<Obstacle>& found) const {
        using enum Obstacle::Kind;
        const Universe& universe = situation_.universe;
        const CpuSet not_allowed = cpus - universe.allowed;
        if (!not_allowed.empty()) found.push_back({.kind = forbidden, .cpus = not_allowed});
        cpus -= not_allowed;
        CpuSet alone = cpus & universe.isolated;
        if (universe.machine.isolated != MachineSpec::Isolated::skip) alone = {};
        if (!alone.empty()) found.push_back({.kind = isolated, .cpus = alone});
        cpus -= alone;
        if (!cpus.empty()) found.push_back({.kind = outside, .cpus = cpus});
    }

    // The core that an automatic pool left to those that share CPUs: the last one that nobody claims.
    [[nodiscard]] CpuSet spare_core() const {
        CpuSet of_others;
        for (const auto& [pool, seat] : others_) of_others |= seat->cpus;
        const CpuSet beyond = context_.usable.cpus - of_others - wish_.cpus();
        CpuSet spare;
        for (const CpuSet& core : context_.topology.cores) {
            const CpuSet usable = core & context_.usable.cpus;
            if (usable.empty()) continue;
            if (usable.is_subset_of(beyond)) return {};
            if (!usable.intersects(claimed_)) spare = usable;
        }
        return spare;
    }

    const Situation& situation_;
    const Context& context_;
    const KeepOut keep_out_;
    const Wish& wish_;
    std::vector<std::pair<const std::string*, const Seat*>> others_;
    CpuSet claimed_;
    CpuSet spare_;
};

// The pool's own seats in the same reach, before and after a slot.
struct OwnSeats {
    std::vector<const Seat*> earlier;
    std::vector<const Seat*> later;
};

OwnSeats own_seats(const PoolSeats& pool, const Wish& wish, std::uint32_t slot) {
    OwnSeats own;
    for (const Seat& seat : pool.seats) {
        if (seat.slot == slot || wish.reach_of(seat.slot) != wish.reach_of(slot)) continue;
        (seat.slot < slot ? own.earlier : own.later).push_back(&seat);
    }
    return own;
}

// What the pool's rule takes next of the parts where `blocked` is closed.
std::optional<CpuSet> choice(const Context& context, const Wish& wish, const std::vector<CpuSet>& parts,
                             const CpuSet& blocked, const OwnSeats& own) {
    for (const CpuSet& part : parts) {
        SeatSearch search(context.tree(part, wish.seat.unit), wish.seat.count, blocked, wish.least_level);
        for (const Seat* seat : own.earlier) search.hold(seat->cpus);
        if (auto taken = search.take(wish.seat.place, static_cast<std::uint32_t>(own.later.size() + 1))) return taken;
    }
    return std::nullopt;
}

// The parts of the whole machine that the slot's reach is cut out of.
const Reach* whole_reach(const Wish& everywhere, const Reach& reach) {
    for (const Reach& whole : everywhere.reaches)
        if (reach.cpus.is_subset_of(whole.cpus)) return &whole;
    return nullptr;
}

void find_better(const Situation& situation, const PoolSeats& pool, SeatReason& reason) {
    const Context context(situation.topology, situation.universe, situation.ledger);
    const Wishes wishes = wishes_of(context, situation.requests);
    const auto wish = std::ranges::find(wishes.in_turn, reason.pool, &Wish::pool);
    if (wish == wishes.in_turn.end() || wish->reaches.empty()) return;
    const Universe all = unbounded(situation);
    const Context everywhere(situation.topology, all, situation.ledger);
    const Wishes unbounded_wishes = wishes_of(everywhere, situation.requests);
    const auto unbounded_wish = std::ranges::find(unbounded_wishes.in_turn, reason.pool, &Wish::pool);
    if (unbounded_wish == unbounded_wishes.in_turn.end()) return;
    const Reach* reach = whole_reach(*unbounded_wish, wish->reaches[wish->reach_of(reason.seat.slot)]);
    if (reach == nullptr) return;

    const Surroundings around(situation, context, wishes, *wish);
    const OwnSeats own = own_seats(pool, *wish, reason.seat.slot);
    CpuSet blocked;
    while (const auto seat = choice(everywhere, *wish, reach->kinds, blocked, own)) {
        if (reason.seat.cpus.is_subset_of(*seat)) return;  // a seat has the sibling that `smt: one` idles
        std::vector<Obstacle> obstacles = around.obstacles_at(*seat, own.later);
        if (obstacles.empty()) break;
        for (const Obstacle& obstacle : obstacles) blocked |= obstacle.cpus;
        if (reason.better.size() < SeatReason::most_better)
            reason.better.push_back({*seat, std::move(obstacles)});
        else
            ++reason.more_better;
    }
}

// What the slot would get if it had no seat yet: where that is free, only its history keeps it where it is.
void find_newer_choice(const Situation& situation, SeatReason& reason) {
    if (!reason.kept) return;
    Ledger others = situation.ledger;
    std::erase_if(
        others, [&](const LedgerEntry& entry) { return entry.pool == reason.pool && entry.slot == reason.seat.slot; });
    const Plan anew = plan(situation.topology, situation.universe, situation.requests, others);
    const PoolSeats* const pool = anew.find(reason.pool);
    if (pool == nullptr) return;
    const auto seat = std::ranges::find(pool->seats, reason.seat.slot, &Seat::slot);
    if (seat == pool->seats.end() || seat->cpus == reason.seat.cpus) return;
    CpuSet held;
    for (const PoolSeats& other : situation.plan.pools)
        for (const Seat& each : other.seats)
            if (each.exclusive && (other.pool != reason.pool || each.slot != reason.seat.slot)) held |= each.cpus;
    if (!seat->cpus.intersects(held)) reason.better.push_back({seat->cpus, {}});
}

void add_soft_facts(const Situation& situation, SeatReason& reason) {
    std::map<std::size_t, std::uint32_t> load;  // by core
    const std::vector<CpuSet>& cores = situation.topology.cores;
    const auto core_of = [&](const CpuSet& cpus) {
        return static_cast<std::size_t>(
            std::ranges::find_if(cores, [&](const CpuSet& core) { return core.intersects(cpus); }) - cores.begin());
    };
    for (std::size_t core = 0; core < cores.size(); ++core)
        if (cores[core].intersects(situation.plan.shared)) load[core] = 0;
    reason.shared_cores = static_cast<std::uint32_t>(load.size());
    const std::size_t own = core_of(reason.seat.cpus);
    for (const PoolSeats& pool : situation.plan.pools)
        for (const Seat& seat : pool.seats) {
            if (seat.exclusive || seat.cpus.empty()) continue;
            const std::size_t core = core_of(seat.cpus);
            ++load[core];
            const bool itself = pool.pool == reason.pool && seat.slot == reason.seat.slot;
            if (core == own && !itself) reason.mates.emplace_back(pool.pool, seat.slot);
        }
    for (const auto& [core, workers] : load)
        if (core < cores.size() && workers + 1 < load[own]) reason.lighter |= cores[core] & situation.plan.shared;
}

void add_history(const Situation& situation, SeatReason& reason) {
    const CpuSet usable = resolve(situation.topology, situation.universe).cpus;
    for (const LedgerEntry& entry : situation.ledger) {
        if (entry.pool != reason.pool || entry.slot != reason.seat.slot || entry.exclusive != reason.seat.exclusive)
            continue;
        if (!reason.home && entry.cpus != reason.seat.cpus && !entry.cpus.is_subset_of(usable)) {
            reason.home = entry.cpus;
            reason.missing = entry.cpus - usable;
        }
        reason.kept = reason.kept || entry.cpus.intersects(reason.seat.cpus);
    }
}

}  // namespace

std::optional<SeatReason> find_reason(const Situation& situation, const std::string& pool, std::uint32_t slot) {
    const PoolSeats* const seats = situation.plan.find(pool);
    const PoolRequest* const request = find_request(situation.requests, pool);
    if (seats == nullptr || request == nullptr) return std::nullopt;
    const auto seat = std::ranges::find(seats->seats, slot, &Seat::slot);
    if (seat == seats->seats.end()) return std::nullopt;

    SeatReason reason{.pool = pool, .seat = *seat, .inside = tightest_around(situation.topology.root, seat->cpus)};
    add_history(situation, reason);
    if (const auto* wish = std::get_if<CpuExclusive>(&request->cpu)) {
        const bool packs = wish->place == CpuExclusive::Place::pack;
        reason.rule = packs ? SeatReason::Rule::pack : SeatReason::Rule::spread;
        find_better(situation, *seats, reason);
        find_newer_choice(situation, reason);
    } else if (std::holds_alternative<CpuSeats>(request->cpu)) {
        reason.rule = SeatReason::Rule::given;
    } else if (std::holds_alternative<CpuAuto>(request->cpu)) {
        reason.rule = SeatReason::Rule::soft;
        add_soft_facts(situation, reason);
    } else {
        reason.rule = SeatReason::Rule::floating;
    }
    return reason;
}

}  // namespace pinion::cpu
