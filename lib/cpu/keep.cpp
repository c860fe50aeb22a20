// SPDX-License-Identifier: Apache-2.0
#include "cpu/keep.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "cpu/domain.h"
#include "cpu/universe.h"

namespace pinion::cpu {
namespace {

bool owns_seats(const PoolRequest& request) {
    return std::holds_alternative<CpuExclusive>(request.cpu) || std::holds_alternative<CpuSeats>(request.cpu);
}

CpuLoss loss_of(const PoolRequest& request) {
    if (const auto* seat = std::get_if<CpuExclusive>(&request.cpu)) return seat->on_cpu_loss;
    if (const auto* seats = std::get_if<CpuSeats>(&request.cpu))
        return seats->on_cpu_loss == CpuLoss::stop ? CpuLoss::stop : CpuLoss::share;
    return CpuLoss::move;
}

class Keeper {
public:
    explicit Keeper(const Keep& keep)
        : keep_(keep),
          universe_(keep.universe),
          present_(keep.topology.root.cpus & keep.universe.allowed),
          usable_(resolve(keep.topology, keep.universe).cpus) {
        for (const PoolRequest& request : keep.requests) requests_.emplace(request.pool, &request);
        for (const KeptSeat& kept : keep.earlier) judge(kept);
    }

    Kept run() {
        Kept kept;
        do {
            kept.plan = plan(keep_.topology, universe_, asked(), ledger());
        } while (give_way(kept.plan));
        for (const std::string& pool : taken_out_) add_remains(pool, kept.plan);
        for (PoolSeats& pool : kept.plan.pools)
            for (Seat& seat : pool.seats) settle(*requests_.at(pool.pool), kept.plan.shared, seat);
        remember(kept);
        return kept;
    }

private:
    using Key = std::pair<std::string, std::uint32_t>;

    // What the plan is told of a seat, from what is there of it.
    void judge(const KeptSeat& kept) {
        const auto found = requests_.find(kept.pool);
        if (found == requests_.end() || kept.exclusive != owns_seats(*found->second)) return;
        const PoolRequest& request = *found->second;
        if (keep_.reshaped.contains(kept.pool)) {
            tell(kept, kept.home);
            if (!kept.at_home()) tell(kept, kept.seat);
            return;
        }
        if (contradicts(kept, request)) return;
        known_.emplace(Key(kept.pool, kept.slot), &kept);
        const CpuSet there = kept.home & present_;
        if (there == kept.home && (kept.at_home() || keep_.go_home)) return tell(kept, kept.home);
        judge_incomplete(kept, request, there);
    }

    // A CPU that somebody owns already: no ledger of ours says so of seats that don't stack, but a damaged one may.
    [[nodiscard]] bool contradicts(const KeptSeat& kept, const PoolRequest& request) {
        const auto* seat = std::get_if<CpuExclusive>(&request.cpu);
        if (seat == nullptr || seat->oversubscribe == CpuExclusive::Oversubscribe::stack) return false;
        if (kept.seat.intersects(claimed_)) return true;
        claimed_ |= kept.seat;
        return false;
    }

    void judge_incomplete(const KeptSeat& kept, const PoolRequest& request, const CpuSet& there) {
        const bool whole = there == kept.home;
        const bool elsewhere = !kept.seat.is_subset_of(kept.home) && kept.seat.intersects(present_);
        if (elsewhere) {
            if (whole) awaited_.emplace_back(&kept, there);
            close(kept, there);
            if (!kept.seat.is_subset_of(present_)) lost_[kept.pool].push_back(kept.slot);
            return tell(kept, kept.seat);
        }
        CpuSet part = kept.seat & kept.home & present_;
        if (keep_.go_home || (part.empty() && !kept.seat.empty())) part = there;
        if (part != there) awaited_.emplace_back(&kept, there - part);
        close(kept, there - part);
        if (!part.empty()) return hold(kept, request, part);
        if (!kept.exclusive || loss_of(request) == CpuLoss::move)
            lost_[kept.pool].push_back(kept.slot);
        else
            hold(kept, request, {});
    }

    void tell(const KeptSeat& kept, const CpuSet& cpus) {
        if (!cpus.empty()) told_[{kept.pool, kept.slot}].push_back({kept.pool, kept.slot, cpus, kept.exclusive});
    }

    // What the configuration took away is not held. An automatic pool is counted anew, so that no slot may be without.
    void hold(const KeptSeat& kept, const PoolRequest& request, const CpuSet& part) {
        const CpuSet held = part & usable_;
        const bool held_back = !kept.exclusive || request.workers.automatic || (held.empty() && !part.empty());
        if (held_back) return tell(kept, part);
        told_[{kept.pool, kept.slot}] = {{kept.pool, kept.slot, held, true, true}};
    }

    void close(const KeptSeat& kept, const CpuSet& cpus) {
        if (kept.exclusive) universe_.closed |= cpus;
    }

    [[nodiscard]] Ledger ledger() const {
        Ledger ledger;
        for (const auto& [key, entries] : told_)
            if (!taken_out_.contains(key.first)) ledger.insert(ledger.end(), entries.begin(), entries.end());
        return ledger;
    }

    [[nodiscard]] std::vector<PoolRequest> asked() const {
        std::vector<PoolRequest> asked = keep_.requests;
        std::erase_if(asked, [&](const PoolRequest& request) { return taken_out_.contains(request.pool); });
        // Counts stay: a slot without CPUs is on_cpu_loss's, and no reason to stop the last ones.
        for (PoolRequest& request : asked)
            if (auto* seat = std::get_if<CpuExclusive>(&request.cpu);
                keep_.unasked && seat != nullptr && seat->oversubscribe == CpuExclusive::Oversubscribe::shrink)
                seat->oversubscribe = CpuExclusive::Oversubscribe::error;
        return asked;
    }

    // Where a pool does not fit because of what it lost, the last of those slots goes without a seat of its own.
    // Whether anything is to be tried again.
    bool give_way(const Plan& plan) {
        bool again = false;
        for (const PlanNote& error : plan.errors) {
            const auto request = requests_.find(error.pool);
            if (request == requests_.end() || taken_out_.contains(error.pool)) continue;
            auto& lost = lost_[error.pool];
            if (!lost.empty() && owns_seats(*request->second) && !request->second->workers.automatic) {
                told_[{error.pool, lost.back()}] = {{error.pool, lost.back(), {}, true, true}};
                lost.pop_back();
                again = true;
            } else if (keep_.unasked) {
                take_out(error.pool);
                again = true;
            }
        }
        return again;
    }

    void take_out(const std::string& pool) {
        taken_out_.insert(pool);
        for (const auto& [key, kept] : known_)
            if (key.first == pool && kept->exclusive) universe_.closed |= kept->seat & present_;
    }

    // The seats of a pool that has no plan: what is left of each.
    void add_remains(const std::string& pool, Plan& plan) const {
        PoolSeats seats{pool, {}};
        for (std::uint32_t slot = 0; slot < requests_.at(pool)->workers.number; ++slot) {
            Seat& seat = seats.seats.emplace_back();
            seat.slot = slot;
            const auto known = known_.find({pool, slot});
            if (known == known_.end() || !known->second->exclusive) continue;
            seat.cpus = known->second->seat & present_;
            seat.mask = seat.cpus;
            seat.exclusive = true;
            seat.nodes = nodes_near(keep_.topology.root, seat.cpus);
        }
        plan.pools.insert(std::ranges::lower_bound(plan.pools, pool, {}, &PoolSeats::pool), std::move(seats));
        std::erase_if(plan.errors, [&](const PlanNote& error) { return error.pool == pool; });
    }

    // A slot without a seat of its own shares or is parked; `bind` may leave it its pool's other seats.
    static void settle(const PoolRequest& request, const CpuSet& shared, Seat& seat) {
        if (!seat.cpus.empty()) return;
        const bool owner = owns_seats(request);
        seat.exclusive = false;
        if (owner && loss_of(request) == CpuLoss::stop) seat.mask = {};
        if (owner && loss_of(request) != CpuLoss::stop && seat.mask.empty()) seat.mask = shared;
        seat.parked = seat.mask.empty();
    }

    void remember(Kept& kept) const {
        // Those of who owns them are closed to others; a shared core may be somebody's fallback by now.
        const CpuSet owned = usable_ - kept.plan.shared;
        for (const auto& [waiting, cpus] : awaited_)
            if (waiting->exclusive || !cpus.intersects(owned)) kept.returning |= cpus;
        for (const PoolSeats& pool : kept.plan.pools) {
            const bool owner = owns_seats(*requests_.at(pool.pool));
            for (const Seat& seat : pool.seats) {
                const auto known = known_.find({pool.pool, seat.slot});
                const KeptSeat* before = known == known_.end() ? nullptr : known->second;
                if (before == nullptr && seat.cpus.empty()) continue;
                const bool away = before != nullptr && is_away(*before, seat);
                kept.seats.push_back({pool.pool, seat.slot, away ? before->home : seat.cpus, seat.cpus, owner});
            }
        }
        // What could not be placed at all may be again, and then sits where it sat.
        for (const auto& [key, seat] : known_)
            if (kept.plan.find(key.first) == nullptr) kept.seats.push_back(*seat);
        std::ranges::sort(kept.seats, {}, [](const KeptSeat& seat) { return std::tie(seat.pool, seat.slot); });
    }

    [[nodiscard]] bool is_away(const KeptSeat& before, const Seat& seat) const {
        if (seat.cpus == before.home) return false;
        return !before.home.is_subset_of(present_) || (!before.at_home() && !keep_.go_home) || seat.cpus.empty();
    }

    const Keep& keep_;
    Universe universe_;
    const CpuSet present_;
    const CpuSet usable_;
    CpuSet claimed_;  // by the seats that were judged
    std::map<std::string, const PoolRequest*> requests_;
    std::map<Key, const KeptSeat*> known_;
    std::map<Key, Ledger> told_;
    std::map<std::string, std::vector<std::uint32_t>> lost_;  // slots that may be seated elsewhere
    std::set<std::string> taken_out_;
    std::vector<std::pair<const KeptSeat*, CpuSet>> awaited_;  // who would get which CPUs by going home
};

}  // namespace

Kept keep_seats(const Keep& keep) { return Keeper(keep).run(); }

}  // namespace pinion::cpu
