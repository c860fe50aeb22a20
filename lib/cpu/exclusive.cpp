// SPDX-License-Identifier: Apache-2.0
#include "cpu/exclusive.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "cpu/explicit_seats.h"
#include "cpu/notes.h"
#include "model/limits.h"

namespace pinion::cpu {
namespace {

// One pool's request, its seats given or left to us.
struct Wish {
    std::string pool;
    bool automatic = false;
    std::uint32_t workers = 0;                   // unused where automatic
    const std::vector<CpuSet>* given = nullptr;  // explicit seats
    CpuExclusive seat{};                         // without given seats
    std::vector<const LedgerEntry*> earlier{};   // of this pool, in the ledger's order
};

// Explicit seats choose first, then fixed counts, then the automatic one; larger seats, more workers, then the name.
// (Scopes, which come before sizes, are all one in the plain forms.)
void sort_by_turn(std::vector<Wish>& wishes, const Context& context) {
    std::uint32_t threads_per_core = 1;
    for (const CpuSet& core : context.core_tree.units()) threads_per_core = std::max(threads_per_core, core.count());
    const auto turn = [&](const Wish& wish) {
        const int rank = wish.given ? 0 : wish.automatic ? 2 : 1;
        const std::int64_t threads = wish.seat.unit == CpuExclusive::Unit::cores ? threads_per_core : 1;
        const std::int64_t size = wish.given ? 0 : threads * wish.seat.count;
        return std::tuple(rank, -size, -static_cast<std::int64_t>(wish.workers), wish.pool);
    };
    std::ranges::sort(wishes, {}, turn);
}

// One run over all wishes. It ends early at a pool that fails though the ledger had given it seats: those stood in the
// way of the pools before it, so they are to choose again without it.
class Attempt {
public:
    Attempt(const Context& context, const std::vector<Wish>& wishes, bool others_share)
        : context_(context), wishes_(wishes), others_share_(others_share) {}

    // The name of the pool to leave out of the next run, if one is needed.
    std::optional<std::string> run() {
        for (const Wish& wish : wishes_)
            if (!wish.given) keep_earlier_seats(wish);
        for (const Wish& wish : wishes_) {
            const bool had_seats = !claims_.of(wish.pool).empty();
            if (place(wish)) continue;
            claims_.release(wish.pool);
            if (had_seats) {
                result_.errors = {explain(wish)};
                return wish.pool;
            }
            failed_.push_back(&wish);
        }
        // Told from the finished plan, so that the numbers and the ways out are those of what the others now hold.
        for (const Wish* wish : failed_) result_.errors.push_back(explain(*wish));
        return std::nullopt;
    }

    ExclusiveSeats take_result() {
        result_.claims = std::move(claims_);
        return std::move(result_);
    }

private:
    // Claims all seats of the pool and returns true, or claims no more than it holds.
    [[nodiscard]] bool place(const Wish& wish) {
        if (wish.given) return place_given(wish);
        if (wish.automatic) return place_automatic(wish);
        return place_fixed(wish);
    }

    void keep_earlier_seats(const Wish& wish) {
        if (wish.earlier.empty()) return;
        const std::uint32_t slots = wish.automatic ? limits::max_workers_per_pool : wish.workers;
        const CpuSet blocked = whole_cores(context_.topology, claims_.of_others(wish.pool));
        for (const LedgerEntry* entry : wish.earlier) {
            if (entry->slot >= slots || claims_.of(wish.pool).contains(entry->slot)) continue;
            const std::optional<CpuSet> seat = still_valid(wish, entry->cpus);
            if (!seat || seat->intersects(blocked) || seat->intersects(claims_.all())) continue;
            claims_.add(wish.pool, entry->slot, *seat);
        }
    }

    // The seat that `cpus` was, as its cores are now: a thread that went offline is lost to it, one that came back
    // belongs to it again.
    [[nodiscard]] std::optional<CpuSet> still_valid(const Wish& wish, const CpuSet& cpus) const {
        const CpuSet present = cpus & context_.usable.cpus;
        if (present.empty() || !present.is_subset_of(context_.scope)) return std::nullopt;
        const SeatTree& tree = context_.tree(wish.seat.unit);
        const std::vector<std::uint32_t> units = tree.units_at(present);
        if (units.size() != wish.seat.count) return std::nullopt;
        CpuSet seat;
        for (const std::uint32_t unit : units) seat |= tree.units()[unit];
        return seat;
    }

    [[nodiscard]] bool place_given(const Wish& wish) {
        const AutoCount count = count_given(wish);
        if (check_given(context_, claims_, {wish.pool, count.workers, *wish.given})) return false;
        for (std::uint32_t slot = 0; slot < count.workers; ++slot) claims_.add(wish.pool, slot, (*wish.given)[slot]);
        if (count.quota_below_one) warn_quota(wish, busiest(*wish.given));
        finish(wish, count.workers);
        return true;
    }

    [[nodiscard]] AutoCount count_given(const Wish& wish) const {
        if (!wish.automatic) return {.workers = wish.workers};
        return auto_count(wish.given->size(), context_.universe.quota, busiest(*wish.given));
    }

    [[nodiscard]] double busiest(const std::vector<CpuSet>& seats) const {
        std::uint32_t most = 1;
        for (const CpuSet& seat : seats) most = std::max(most, cores_touched(context_, seat));
        return most;
    }

    [[nodiscard]] bool place_fixed(const Wish& wish) {
        const std::uint64_t wanted = std::uint64_t{wish.workers} * wish.seat.count;
        if (claims_.of(wish.pool).size() == wish.workers) {  // all kept: the usual case of a reload
            finish(wish, wish.workers);
            return true;
        }
        SeatSearch search = search_for(wish, {});
        if (open_units(wish, search) < wanted) {
            if (!make_room(wish, wanted)) return false;
            search = search_for(wish, {});
        }
        fill(wish, wish.workers, std::move(search));
        return true;
    }

    // Why the pool could not be placed, from what is held now.
    [[nodiscard]] PlanNote explain(const Wish& wish) {
        if (wish.given) {
            auto error = check_given(context_, claims_, {wish.pool, count_given(wish).workers, *wish.given});
            ASSERT(error);
            return *std::move(error);
        }
        const Claims before = claims_;
        while (yield_seat(wish)) {
        }
        PlanNote error = oversubscribed(context_, claims_, wish.pool, wish.seat, wish.automatic ? 1 : wish.workers);
        claims_ = before;
        return error;
    }

    [[nodiscard]] const Wish* automatic_wish() const {
        const auto found =
            std::ranges::find_if(wishes_, [](const Wish& wish) { return wish.automatic && !wish.given; });
        return found == wishes_.end() ? nullptr : &*found;
    }

    // An automatic pool takes what fixed ones leave: where these don't fit, its last seats go, all but one. Where that
    // is not enough nothing is changed.
    [[nodiscard]] bool make_room(const Wish& wish, std::uint64_t wanted) {
        const Claims before = claims_;
        while (yield_seat(wish))
            if (open_units(wish, search_for(wish, {})) >= wanted) return true;
        claims_ = before;
        return false;
    }

    bool yield_seat(const Wish& to) {
        const Wish* yielding = automatic_wish();
        if (!yielding || yielding->pool == to.pool || claims_.of(yielding->pool).size() < 2) return false;
        claims_.release(yielding->pool, claims_.of(yielding->pool).rbegin()->first);
        return true;
    }

    [[nodiscard]] bool place_automatic(const Wish& wish) {
        keep_earlier_seats(wish);  // seats that yielded, but that no fixed pool took in the end
        const std::uint64_t open = open_units(wish, search_for(wish, {}));
        const std::optional<CpuSet> spare =
            others_share_ ? spare_core(wish, claims_.of_others(wish.pool)) : std::nullopt;
        const std::uint64_t left = spare ? context_.tree(wish.seat.unit).units_at(*spare).size() : 0;
        const std::uint64_t fitting = (open - std::min(open, left)) / wish.seat.count;
        const AutoCount count = auto_count(fitting, context_.universe.quota, wish.seat.count);
        if (open < wish.seat.count) return false;
        if (count.quota_below_one) warn_quota(wish, wish.seat.count);

        while (!claims_.of(wish.pool).empty() && claims_.of(wish.pool).rbegin()->first >= count.workers)
            claims_.release(wish.pool, claims_.of(wish.pool).rbegin()->first);
        // Only now is it known which core the kept seats leave over.
        const std::optional<CpuSet> kept_free = spare && fitting > 0 ? spare_core(wish, claims_.all()) : std::nullopt;
        fill(wish, count.workers, search_for(wish, kept_free.value_or(CpuSet{})));
        return true;
    }

    // The core that an automatic pool is to leave to workers without seats: the last one free of `claimed`. None where
    // they have a core already that this pool can't reach.
    [[nodiscard]] std::optional<CpuSet> spare_core(const Wish& wish, const CpuSet& claimed) const {
        const CpuSet outside = context_.usable.cpus - claims_.of_others(wish.pool) - context_.scope;
        std::optional<CpuSet> spare;
        for (const CpuSet& core : context_.topology.cores) {
            const CpuSet usable = core & context_.usable.cpus;
            if (usable.empty()) continue;
            if (usable.is_subset_of(outside)) return std::nullopt;
            if (!usable.intersects(claimed)) spare = usable;
        }
        return spare;
    }

    [[nodiscard]] SeatSearch search_for(const Wish& wish, const CpuSet& without) const {
        const CpuSet blocked = whole_cores(context_.topology, claims_.of_others(wish.pool)) | without;
        SeatSearch search(context_.tree(wish.seat.unit), wish.seat.count, blocked);
        for (const auto& [slot, cpus] : claims_.of(wish.pool)) search.hold(cpus);
        return search;
    }

    // What the pool may use: free units and those it holds.
    [[nodiscard]] std::uint64_t open_units(const Wish& wish, const SeatSearch& search) const {
        return search.free() + std::uint64_t{claims_.of(wish.pool).size()} * wish.seat.count;
    }

    // Seats for all slots that have none. There is room for them.
    void fill(const Wish& wish, std::uint32_t workers, SeatSearch search) {
        auto missing = workers - static_cast<std::uint32_t>(claims_.of(wish.pool).size());
        for (std::uint32_t slot = 0; slot < workers; ++slot) {
            if (claims_.of(wish.pool).contains(slot)) continue;
            const std::optional<CpuSet> seat = search.take(wish.seat.place, missing--);
            ASSERT(seat);
            claims_.add(wish.pool, slot, *seat);
        }
        finish(wish, workers);
    }

    void finish(const Wish& wish, std::uint32_t workers) {
        std::vector<CpuSet>& seats = result_.pools[wish.pool];
        for (const auto& [slot, cpus] : claims_.of(wish.pool)) seats.push_back(cpus);
        ASSERT(seats.size() == workers);
    }

    void warn_quota(const Wish& wish, double busy) {
        result_.warnings.push_back(quota_below_one(wish.pool, *context_.universe.quota, busy));
    }

    const Context& context_;
    const std::vector<Wish>& wishes_;
    const bool others_share_;
    Claims claims_;
    std::vector<const Wish*> failed_;
    ExclusiveSeats result_;
};

std::vector<Wish> wishes_of(const Context& context, const std::vector<PoolRequest>& requests) {
    std::unordered_map<std::string, std::vector<const LedgerEntry*>> earlier;
    for (const LedgerEntry& entry : context.ledger)
        if (entry.exclusive) earlier[entry.pool].push_back(&entry);

    std::vector<Wish> wishes;
    for (const PoolRequest& request : requests) {
        Wish wish{.pool = request.pool, .automatic = request.workers.automatic, .workers = request.workers.number};
        if (const auto* seats = std::get_if<CpuSeats>(&request.cpu))
            wish.given = &seats->seats;
        else if (const auto* seat = std::get_if<CpuExclusive>(&request.cpu))
            wish.seat = *seat;
        else
            continue;
        if (wish.automatic) wish.workers = 0;
        if (const auto found = earlier.find(wish.pool); found != earlier.end()) wish.earlier = std::move(found->second);
        wishes.push_back(std::move(wish));
    }
    sort_by_turn(wishes, context);
    return wishes;
}

// Two pools that both want all that is left have no answer; both are told, and neither takes part.
std::vector<PlanNote> drop_ambiguous(const Context& context, std::vector<Wish>& wishes) {
    const auto automatic = [](const Wish& wish) { return wish.automatic && !wish.given; };
    std::vector<std::string> pools;
    for (const Wish& wish : wishes)
        if (automatic(wish)) pools.push_back(wish.pool);
    if (pools.size() < 2) return {};
    std::ranges::sort(pools);
    std::erase_if(wishes, automatic);
    std::vector<PlanNote> errors;
    for (const std::string& pool : pools) errors.push_back(auto_ambiguous(context, pool, pools));
    return errors;
}

}  // namespace

ExclusiveSeats place_exclusive(const Context& context, const std::vector<PoolRequest>& requests, bool others_share) {
    std::vector<Wish> wishes = wishes_of(context, requests);
    std::vector<PlanNote> errors = drop_ambiguous(context, wishes);
    for (;;) {
        Attempt attempt(context, wishes, others_share);
        const std::optional<std::string> left_out = attempt.run();
        ExclusiveSeats seats = attempt.take_result();
        if (!left_out) {
            seats.errors.insert(seats.errors.end(), errors.begin(), errors.end());
            return seats;
        }
        errors.push_back(seats.errors.back());
        std::erase_if(wishes, [&](const Wish& wish) { return wish.pool == *left_out; });
    }
}

}  // namespace pinion::cpu
