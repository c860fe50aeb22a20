// SPDX-License-Identifier: Apache-2.0
#include "cpu/exclusive.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "cpu/explicit_seats.h"
#include "cpu/keep_out.h"
#include "cpu/notes.h"
#include "cpu/pool_search.h"
#include "model/limits.h"

namespace pinion::cpu {
namespace {

// One run over all wishes. It ends early at a pool that fails though the ledger had given it seats: those stood in the
// way of the pools before it, so they are to choose again without it.
class Attempt {
public:
    Attempt(const Context& context, const std::vector<Wish>& wishes, bool others_share)
        : context_(context), wishes_(wishes), keep_out_(context, wishes), others_share_(others_share) {}

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
        if (wish.automatic()) return place_automatic(wish);
        return place_fixed(wish);
    }

    void keep_earlier_seats(const Wish& wish) {
        if (wish.earlier.empty()) return;
        const std::uint32_t slots = wish.automatic() ? limits::max_workers_per_pool : wish.workers;
        const CpuSet blocked = keep_out_.closed(wish, claims_);
        for (const LedgerEntry* entry : wish.earlier) {
            if (entry->slot >= slots || claims_.of(wish.pool).contains(entry->slot)) continue;
            if (entry->held) {
                if (!entry->cpus.intersects(claims_.all())) claims_.add(wish.pool, entry->slot, entry->cpus);
                continue;
            }
            const std::optional<CpuSet> seat = still_valid(context_, wish, entry->slot, entry->cpus);
            if (!seat || seat->intersects(blocked) || seat->intersects(claims_.all())) continue;
            claims_.add(wish.pool, entry->slot, *seat);
        }
    }

    // The named seats, or what is left of them.
    [[nodiscard]] static std::vector<CpuSet> given_now(const Wish& wish) {
        std::vector<CpuSet> seats = *wish.given;
        for (const LedgerEntry* entry : wish.earlier)
            if (entry->held && entry->slot < seats.size()) seats[entry->slot] = entry->cpus;
        return seats;
    }

    [[nodiscard]] std::optional<PlanNote> find_obstacle(const Wish& wish, const std::vector<CpuSet>& seats,
                                                        std::uint32_t workers) const {
        GivenSeats given{wish.pool, workers, seats, keep_out_.kept(wish.pool, claims_)};
        for (const LedgerEntry* entry : wish.earlier)
            if (entry->held && entry->cpus.empty()) given.absent.insert(entry->slot);
        return check_given(context_, claims_, given);
    }

    [[nodiscard]] bool place_given(const Wish& wish) {
        const AutoCount count = count_given(wish);
        const std::vector<CpuSet> seats = given_now(wish);
        if (find_obstacle(wish, seats, count.workers)) return false;
        for (std::uint32_t slot = 0; slot < count.workers; ++slot) claims_.add(wish.pool, slot, seats[slot]);
        if (count.quota_below_one) warn_quota(wish, most_cores(*wish.given));
        finish(wish, count.workers);
        return true;
    }

    [[nodiscard]] AutoCount count_given(const Wish& wish) const {
        if (!wish.automatic()) return {.workers = wish.workers};
        return auto_count(wish.count, wish.given->size(), context_.universe.quota, most_cores(*wish.given));
    }

    [[nodiscard]] double most_cores(const std::vector<CpuSet>& seats) const {
        std::uint32_t most = 1;
        for (const CpuSet& seat : seats) most = std::max(most, cores_touched(context_, seat));
        return most;
    }

    // The CPUs that a worker can keep busy: its cores, or the threads of a seat counted in these.
    [[nodiscard]] double busy(const Wish& wish) const {
        using Unit = CpuExclusive::Unit;
        if (wish.seat.unit == Unit::cores || wish.seat.unit == Unit::threads) return wish.seat.count;
        double most = 1;
        for (const Reach& reach : wish.reaches)
            for (const CpuSet& kind : reach.kinds)
                most = std::max(most, most_cores(context_.tree(kind, wish.seat.unit).units()));
        return most;
    }

    [[nodiscard]] bool place_fixed(const Wish& wish) {
        if (claims_.of(wish.pool).size() == wish.workers) {  // all kept: the usual case of a reload
            finish(wish, wish.workers);
            return true;
        }
        const bool stacks = wish.seat.oversubscribe == CpuExclusive::Oversubscribe::stack;
        if (stacks && !find_sharing(wish).empty()) return place_stacked(wish);
        PoolSearch search = search_for(wish, {});
        if (search.seatable(claims_.of(wish.pool), wish.workers) < wish.workers) {
            if (!make_room(wish)) return place_fewer(wish);
            search = search_for(wish, {});
        }
        const std::uint32_t seated = fill(wish, wish.workers, std::move(search));
        ASSERT(seated == wish.workers);
        finish(wish, seated);
        return true;
    }

    // As many as there is room for, where the pool agreed to that.
    [[nodiscard]] bool place_fewer(const Wish& wish) {
        using enum CpuExclusive::Oversubscribe;
        if (wish.seat.oversubscribe == error) return false;
        if (wish.seat.oversubscribe == stack) return place_stacked(wish);
        std::uint32_t seats = search_for(wish, {}).seatable(claims_.of(wish.pool), wish.workers);
        if (seats == 0) return false;
        release_from(wish, seats);
        seats = fill(wish, seats, search_for(wish, {}));
        result_.warnings.push_back(too_many_workers(wish, seats));
        finish(wish, seats);
        return true;
    }

    // As many seats as there is room for, beside those that are kept; the other slots join them. Who shared a seat goes
    // on to, since that is still valid.
    [[nodiscard]] bool place_stacked(const Wish& wish) {
        const std::map<std::uint32_t, std::uint32_t> sharing = find_sharing(wish);
        PoolSearch search = search_for(wish, {});
        const Claims::Slots& own = claims_.of(wish.pool);
        std::vector<std::uint32_t> missing(wish.reaches.size());
        for (std::uint32_t slot = 0; slot < wish.workers; ++slot)
            if (!own.contains(slot) && !sharing.contains(slot)) ++missing[wish.reach_of(slot)];
        for (std::size_t reach = 0; reach < missing.size(); ++reach)
            missing[reach] =
                static_cast<std::uint32_t>(std::min<std::uint64_t>(missing[reach], search.capacity(reach)));
        for (std::uint32_t slot = 0; slot < wish.workers; ++slot) {
            std::uint32_t& left = missing[wish.reach_of(slot)];
            if (left == 0 || own.contains(slot) || sharing.contains(slot)) continue;
            const std::optional<CpuSet> seat = search.take(slot, left--);
            if (seat) claims_.add(wish.pool, slot, *seat);
        }
        return join_rest(wish, sharing);
    }

    // Whose earlier seat is held by another slot of the pool: slot → that slot.
    [[nodiscard]] std::map<std::uint32_t, std::uint32_t> find_sharing(const Wish& wish) const {
        const Claims::Slots& own = claims_.of(wish.pool);
        std::map<std::uint32_t, std::uint32_t> sharing;
        for (const LedgerEntry* entry : wish.earlier) {
            if (entry->slot >= wish.workers || own.contains(entry->slot) || entry->cpus.empty()) continue;
            for (const auto& [host, cpus] : own)
                if (wish.reach_of(host) == wish.reach_of(entry->slot) && entry->cpus.intersects(cpus))
                    sharing.emplace(entry->slot, host);
        }
        return sharing;
    }

    [[nodiscard]] bool join_rest(const Wish& wish, const std::map<std::uint32_t, std::uint32_t>& sharing) {
        const Claims::Slots& own = claims_.of(wish.pool);
        std::vector<std::vector<std::uint32_t>> hosts(wish.reaches.size());
        std::uint32_t seats = 0;
        for (const auto& [slot, cpus] : own) {
            if (cpus.empty()) continue;
            hosts[wish.reach_of(slot)].push_back(slot);
            ++seats;
        }
        if (std::ranges::any_of(hosts, &std::vector<std::uint32_t>::empty)) return false;
        result_.warnings.push_back(too_many_workers(wish, seats));
        finish(wish, static_cast<std::uint32_t>(own.size()));

        std::vector<CpuSet>& chosen = result_.pools[wish.pool];
        const std::vector<CpuSet> owned = std::exchange(chosen, std::vector<CpuSet>(wish.workers));
        for (auto seat = owned.begin(); const auto& [slot, cpus] : own) chosen[slot] = *seat++;
        for (std::uint32_t slot = 0; slot < wish.workers; ++slot) {
            if (own.contains(slot)) continue;
            const std::vector<std::uint32_t>& there = hosts[wish.reach_of(slot)];
            const auto host = sharing.find(slot);
            chosen[slot] =
                chosen[host != sharing.end() ? host->second : there[(slot / wish.reaches.size()) % there.size()]];
        }
        return true;
    }

    // Why the pool could not be placed, from what is held now.
    [[nodiscard]] PlanNote explain(const Wish& wish) {
        if (wish.given) {
            auto error = find_obstacle(wish, given_now(wish), count_given(wish).workers);
            ASSERT(error);
            return *std::move(error);
        }
        const Claims before = claims_;
        while (yield_seat(wish)) {
        }
        PlanNote error = does_not_fit({context_, claims_, keep_out_, wish});
        claims_ = before;
        return error;
    }

    // Automatic pools take what fixed ones leave: where these don't fit, their last seats go, all but one. Where that
    // is not enough nothing is changed.
    [[nodiscard]] bool make_room(const Wish& wish) {
        const Claims before = claims_;
        while (yield_seat(wish))
            if (search_for(wish, {}).seatable(claims_.of(wish.pool), wish.workers) == wish.workers) return true;
        claims_ = before;
        return false;
    }

    bool yield_seat(const Wish& to) {
        const CpuSet wanted = to.cpus();
        for (const Wish& wish : wishes_) {
            const Claims::Slots& seats = claims_.of(wish.pool);
            if (!wish.automatic() || wish.given || wish.pool == to.pool || seats.size() < 2) continue;
            if (!wish.cpus().intersects(wanted)) continue;
            claims_.release(wish.pool, seats.rbegin()->first);
            return true;
        }
        return false;
    }

    [[nodiscard]] bool place_automatic(const Wish& wish) {
        keep_earlier_seats(wish);  // seats that yielded, but that no fixed pool took in the end
        const CpuSet closed = keep_out_.closed(wish, claims_);
        if (PoolSearch(context_, wish, closed).capacity() == 0) return false;
        const std::optional<CpuSet> spare =
            others_share_ ? spare_core(wish, claims_.of_others(wish.pool)) : std::nullopt;
        const std::uint64_t fitting = PoolSearch(context_, wish, closed | spare.value_or(CpuSet{})).capacity();
        const AutoCount count = auto_count(wish.count, fitting, context_.universe.quota, busy(wish));
        if (count.quota_below_one) warn_quota(wish, busy(wish));

        release_from(wish, count.workers);
        // Only now is it known which core the kept seats leave over.
        const std::optional<CpuSet> kept_free = spare && fitting > 0 ? spare_core(wish, claims_.all()) : std::nullopt;
        finish(wish, fill_automatic(wish, count.workers, kept_free.value_or(CpuSet{})));
        return true;
    }

    // Kept seats may lie so that fewer fit beside them than on an empty machine: then the last of them go.
    [[nodiscard]] std::uint32_t fill_automatic(const Wish& wish, std::uint32_t workers, const CpuSet& without) {
        for (;;) {
            const std::uint32_t seats = fill(wish, workers, search_for(wish, without));
            const Claims::Slots& held = claims_.of(wish.pool);
            if (held.empty() || held.rbegin()->first < seats) return seats;
            claims_.release(wish.pool, held.rbegin()->first);
        }
    }

    // The core that an automatic pool is to leave to workers without seats: the last one free of `claimed`. None where
    // they have a core already that this pool can't reach.
    [[nodiscard]] std::optional<CpuSet> spare_core(const Wish& wish, const CpuSet& claimed) const {
        const CpuSet outside = context_.usable.cpus - claims_.of_others(wish.pool) - wish.cpus();
        std::optional<CpuSet> spare;
        for (const CpuSet& core : context_.topology.cores) {
            const CpuSet usable = core & context_.usable.cpus;
            if (usable.empty()) continue;
            if (usable.is_subset_of(outside)) return std::nullopt;
            if (!usable.intersects(claimed)) spare = usable;
        }
        return spare;
    }

    [[nodiscard]] PoolSearch search_for(const Wish& wish, const CpuSet& without) const {
        PoolSearch search(context_, wish, keep_out_.closed(wish, claims_) | without);
        search.hold(claims_.of(wish.pool));
        return search;
    }

    void release_from(const Wish& wish, std::uint32_t slot) {
        while (!claims_.of(wish.pool).empty() && claims_.of(wish.pool).rbegin()->first >= slot)
            claims_.release(wish.pool, claims_.of(wish.pool).rbegin()->first);
    }

    // Seats for the slots below `workers` that have none, in their order; how many slots from 0 on have one then.
    std::uint32_t fill(const Wish& wish, std::uint32_t workers, PoolSearch search) {
        std::vector<std::uint32_t> missing(wish.reaches.size());
        for (std::uint32_t slot = 0; slot < workers; ++slot)
            if (!claims_.of(wish.pool).contains(slot)) ++missing[wish.reach_of(slot)];
        for (std::uint32_t slot = 0; slot < workers; ++slot) {
            if (claims_.of(wish.pool).contains(slot)) continue;
            const std::optional<CpuSet> seat = search.take(slot, missing[wish.reach_of(slot)]--);
            if (!seat) return slot;
            claims_.add(wish.pool, slot, *seat);
        }
        return workers;
    }

    void finish(const Wish& wish, std::uint32_t workers) {
        std::vector<CpuSet>& seats = result_.pools[wish.pool];
        for (const auto& [slot, cpus] : claims_.of(wish.pool)) seats.push_back(cpus);
        ASSERT(seats.size() == workers);
        if (wish.seat.smt != CpuExclusive::Smt::one) return;
        CpuSet all;
        for (const CpuSet& seat : seats) all |= seat;
        const CpuSet first = first_threads(context_.topology, all);
        for (CpuSet& seat : seats) seat &= first;
    }

    void warn_quota(const Wish& wish, double busy) {
        result_.warnings.push_back(quota_below_one(wish.pool, *context_.universe.quota, busy));
    }

    const Context& context_;
    const std::vector<Wish>& wishes_;
    const KeepOut keep_out_;
    const bool others_share_;
    Claims claims_;
    std::vector<const Wish*> failed_;
    ExclusiveSeats result_;
};

}  // namespace

ExclusiveSeats place_exclusive(const Context& context, const std::vector<PoolRequest>& requests, bool others_share) {
    Wishes wishes = wishes_of(context, requests);
    std::vector<PlanNote>& errors = wishes.errors;
    for (;;) {
        Attempt attempt(context, wishes.in_turn, others_share);
        const std::optional<std::string> left_out = attempt.run();
        ExclusiveSeats seats = attempt.take_result();
        if (!left_out) {
            seats.errors.insert(seats.errors.end(), errors.begin(), errors.end());
            return seats;
        }
        errors.push_back(seats.errors.back());
        std::erase_if(wishes.in_turn, [&](const Wish& wish) { return wish.pool == *left_out; });
    }
}

}  // namespace pinion::cpu
