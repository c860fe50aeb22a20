// SPDX-License-Identifier: Apache-2.0
// The order of a plan: exclusive seats, then what they leave to soft and floating workers, then what is to be said.
#include "cpu/plan.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "cpu/context.h"
#include "cpu/domain.h"
#include "cpu/exclusive.h"
#include "cpu/explicit_seats.h"
#include "cpu/findings.h"
#include "cpu/memory_nodes.h"
#include "cpu/notes.h"
#include "cpu/soft.h"

namespace pinion::cpu {
namespace {

// The domains that a soft pool has workers in, where it counts them so.
std::vector<CpuSet> soft_domains(const Context& context, const PoolRequest& request) {
    if (!request.workers.per) return {};
    std::vector<CpuSet> domains = context.domains(*request.workers.per);
    std::erase_if(domains, [&](const CpuSet& domain) { return !domain.intersects(context.usable.cpus); });
    return domains;
}

std::uint32_t count_sharing(const Context& context, const PoolRequest& request, Plan& plan) {
    if (request.workers.per) return count_per_domain(request.workers, soft_domains(context, request).size());
    if (!request.workers.automatic) return request.workers.number;
    const std::uint32_t fitting = request.is_soft() ? shared_cores(context, plan.shared) : context.usable.cpus.count();
    const AutoCount count = auto_count(request.workers, fitting, context.universe.quota, 1);
    if (count.quota_below_one) plan.warnings.push_back(quota_below_one(request.pool, *context.universe.quota, 1));
    return count.workers;
}

// What a worker on `seat` may use of all that its pool has.
CpuSet bound(const Context& context, const CpuSet& seat, const CpuSet& pool, CpuExclusive::Bind bind) {
    switch (bind) {
        case CpuExclusive::Bind::seat: return seat;
        case CpuExclusive::Bind::core: return pool & context.widened(seat, CpuLevel::core);
        case CpuExclusive::Bind::l3: return pool & context.widened(seat, CpuLevel::l3);
        case CpuExclusive::Bind::numa: return pool & context.widened(seat, CpuLevel::numa);
        case CpuExclusive::Bind::package: return pool & context.widened(seat, CpuLevel::package);
        case CpuExclusive::Bind::pool: break;
    }
    return pool;
}

// How the pool asked for seats of its own; the defaults where it named CPUs.
CpuExclusive request_of(const std::vector<PoolRequest>& requests, const std::string& pool) {
    const auto found = std::ranges::find(requests, pool, &PoolRequest::pool);
    if (found == requests.end()) return {};
    if (const auto* seat = std::get_if<CpuExclusive>(&found->cpu)) return *seat;
    return {.memory = memory_of(found->cpu)};
}

// How many threads a library may start on a seat without two of them on one unit.
std::uint32_t library_threads(const Context& context, const CpuSet& cpus, CpuExclusive::Unit unit) {
    return unit == CpuExclusive::Unit::threads ? cpus.count() : cores_touched(context, cpus);
}

void add_exclusive(const Context& context, const std::vector<PoolRequest>& requests, ExclusiveSeats seats, Plan& plan) {
    for (auto& [pool, chosen] : seats.pools) {
        const CpuExclusive wish = request_of(requests, pool);
        CpuSet all;
        for (const CpuSet& cpus : chosen) all |= cpus;
        PoolSeats& entry = plan.pools.emplace_back(pool, std::vector<Seat>{});
        for (CpuSet& cpus : chosen) {
            Seat& seat = entry.seats.emplace_back();
            seat.slot = static_cast<std::uint32_t>(entry.seats.size() - 1);
            seat.nodes = nodes_near(context.topology.root, cpus);
            seat.mask = bound(context, cpus, all, wish.bind) | cpus;
            seat.cpus = std::move(cpus);
            seat.exclusive = true;
            seat.memory = wish.memory;
            seat.library_threads = library_threads(context, seat.cpus, wish.unit);
        }
    }
    plan.shared = context.usable.cpus - seats.claims.all();
    plan.warnings = std::move(seats.warnings);
    plan.errors = std::move(seats.errors);
}

void add_floating(const PoolRequest& request, std::uint32_t workers, Plan& plan) {
    PoolSeats& entry = plan.pools.emplace_back(request.pool, std::vector<Seat>(workers));
    for (std::uint32_t slot = 0; slot < workers; ++slot) {
        entry.seats[slot].slot = slot;
        entry.seats[slot].mask = plan.shared;
    }
}

void add_soft(const Context& context, const std::vector<SoftPool>& pools, Plan& plan) {
    if (pools.empty()) return;
    std::map<CpuSet, std::vector<std::uint32_t>> nodes;  // by core: there may be many more workers than cores
    for (const SoftPool& pool : pools)
        if (auto note = outside_domains(plan.shared, pool)) plan.warnings.push_back(*std::move(note));
    for (auto& [pool, cores] : place_soft(context, plan.shared, pools)) {
        PoolSeats& entry = plan.pools.emplace_back(pool, std::vector<Seat>(cores.size()));
        for (std::uint32_t slot = 0; slot < cores.size(); ++slot) {
            Seat& seat = entry.seats[slot];
            seat.slot = slot;
            seat.cpus = cores[slot];
            seat.mask = cores[slot];
            seat.memory = MemoryPolicy::near;
            seat.library_threads = 1;  // a core, whatever threads it has
            const auto [known, fresh] = nodes.try_emplace(seat.cpus);
            if (fresh) known->second = nodes_near(context.topology.root, seat.cpus);
            seat.nodes = known->second;
        }
    }
}

// The order of the requests must not show in the answer.
void sort_answer(Plan& plan) {
    std::ranges::sort(plan.pools, {}, &PoolSeats::pool);
    const auto by_pool = [](const PlanNote& note) { return std::tie(note.pool, note.code, note.message); };
    std::ranges::sort(plan.warnings, {}, by_pool);
    std::ranges::sort(plan.errors, {}, by_pool);
}

Plan plan_once(const Topology& topology, const Universe& universe, const std::vector<PoolRequest>& requests,
               const Ledger& ledger) {
    const Context context(topology, universe, ledger);
    Plan plan;
    ExclusiveSeats exclusive = place_exclusive(context, requests, std::ranges::any_of(requests, &PoolRequest::shares));
    const Claims claims = exclusive.claims;
    add_exclusive(context, requests, std::move(exclusive), plan);

    std::vector<SoftPool> soft;
    for (const PoolRequest& request : requests) {
        if (!request.is_soft() && !request.is_floating()) continue;
        if (request.workers.per && context.domains(*request.workers.per).empty()) {
            plan.errors.push_back(no_such_level(request.pool, "workers: {per}", *request.workers.per));
            continue;
        }
        if (plan.shared.empty() && request.shares()) {
            plan.errors.push_back(no_shared(context, claims, request));
            continue;
        }
        const std::uint32_t workers = count_sharing(context, request, plan);
        if (request.is_floating() || workers == 0)
            add_floating(request, workers, plan);
        else
            soft.push_back({request.pool, workers, soft_domains(context, request)});
    }
    add_soft(context, soft, plan);
    const std::vector<PlanNote> found = findings(context, plan);
    plan.warnings.insert(plan.warnings.end(), found.begin(), found.end());
    sort_answer(plan);
    return plan;
}

}  // namespace

const PoolSeats* Plan::find(const std::string& pool) const noexcept {
    const auto found = std::ranges::lower_bound(pools, pool, {}, &PoolSeats::pool);
    return found != pools.end() && found->pool == pool ? &*found : nullptr;
}

Ledger Plan::ledger() const {
    Ledger ledger;
    for (const PoolSeats& pool : pools)
        for (const Seat& seat : pool.seats)
            if (!seat.cpus.empty()) ledger.push_back({pool.pool, seat.slot, seat.cpus, seat.exclusive});
    return ledger;
}

Plan plan(const Topology& topology, const Universe& universe, const std::vector<PoolRequest>& requests,
          const Ledger& ledger) {
    Plan found = plan_once(topology, universe, requests, ledger);
    const std::vector<PlanNote> refused = without_memory(topology, found);
    if (refused.empty()) {
        settle_memory(topology, found);
        return found;
    }
    // What the refused pools held is the others'.
    std::vector<PoolRequest> rest = requests;
    std::erase_if(rest, [&](const PoolRequest& request) {
        return std::ranges::find(refused, request.pool, &PlanNote::pool) != refused.end();
    });
    found = plan(topology, universe, rest, ledger);
    found.errors.insert(found.errors.end(), refused.begin(), refused.end());
    sort_answer(found);
    return found;
}

}  // namespace pinion::cpu
