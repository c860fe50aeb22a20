// SPDX-License-Identifier: Apache-2.0
#include "cpu/findings.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "cpu/notes.h"

namespace pinion::cpu {
namespace {

void collect(const Domain& domain, DomainType type, std::vector<CpuSet>& found) {
    if (has_type(domain, type)) found.push_back(domain.cpus);
    for (const Domain& child : domain.children) collect(child, type, found);
}

bool crosses(const CpuSet& seat, const std::vector<CpuSet>& domains) {
    return std::ranges::count_if(domains, [&](const CpuSet& domain) { return domain.intersects(seat); }) > 1;
}

bool is_exclusive(const PoolSeats& pool) { return !pool.seats.empty() && pool.seats.front().exclusive; }

// Which borders a seat crosses. A border of caches is named where it is the outermost one (nodes and packages have
// caches of their own, so theirs imply it), one of cores where a single core could have held the seat.
class Borders {
public:
    explicit Borders(const Topology& topology) : cores_(topology.cores) {
        collect(topology.root, DomainType::l3, l3s_);
        collect(topology.root, DomainType::numa, nodes_);
        collect(topology.root, DomainType::package, packages_);
        for (const CpuSet& core : cores_) widest_core_ = std::max(widest_core_, core.count());
    }

    [[nodiscard]] std::vector<std::string> crossed_by(const CpuSet& seat) const {
        std::vector<std::string> levels;
        if (crosses(seat, nodes_)) levels.emplace_back("numa");
        if (crosses(seat, packages_)) levels.emplace_back("package");
        if (levels.empty() && crosses(seat, l3s_)) levels.emplace_back("l3");
        if (levels.empty() && seat.count() <= widest_core_ && splits_cores(seat)) levels.emplace_back("core");
        return levels;
    }

private:
    // Whether it takes parts of several cores rather than whole ones.
    [[nodiscard]] bool splits_cores(const CpuSet& seat) const {
        return crosses(seat, cores_) && std::ranges::any_of(cores_, [&](const CpuSet& core) {
                   return core.intersects(seat) && !core.is_subset_of(seat);
               });
    }

    const std::vector<CpuSet>& cores_;
    std::vector<CpuSet> l3s_;
    std::vector<CpuSet> nodes_;
    std::vector<CpuSet> packages_;
    std::uint32_t widest_core_ = 1;
};

void find_straddles(const Context& context, const Plan& plan, std::vector<PlanNote>& notes) {
    const Borders borders(context.topology);
    for (const PoolSeats& pool : plan.pools) {
        if (!is_exclusive(pool)) continue;
        std::vector<std::string> levels;
        std::vector<std::uint32_t> slots;
        for (const Seat& seat : pool.seats) {
            const std::vector<std::string> crossed = borders.crossed_by(seat.cpus);
            if (!crossed.empty()) slots.push_back(seat.slot);
            for (const std::string& level : crossed)
                if (std::ranges::find(levels, level) == levels.end()) levels.push_back(level);
        }
        if (slots.empty()) continue;
        PlanNote& note = notes.emplace_back();
        note = {"W_STRADDLE", pool.pool,
                counted(slots.size(), "seat") + " of " + std::to_string(pool.seats.size()) + " (" +
                    slot_ranges(pool.pool, slots) + ") straddle (" + join(levels, ", ") +
                    "): work on such a seat crosses that border"};
        note.slots = std::move(slots);
        note.levels = std::move(levels);
    }
}

void find_half_cores(const Context& context, const Plan& plan, std::vector<PlanNote>& notes) {
    CpuSet seated;
    for (const PoolSeats& pool : plan.pools)
        for (const Seat& seat : pool.seats) seated |= seat.cpus;
    for (const CpuSet& core : context.topology.cores) {
        const CpuSet ours = core & context.usable.cpus;
        if (ours == core || !ours.intersects(seated)) continue;
        PlanNote& note = notes.emplace_back();
        note = {"W_HALF_CORE", "",
                "of the core with CPUs '" + core.to_list() + "' only '" + ours.to_list() +
                    "' may be used by pools: what runs on '" + (core - ours).to_list() + "' slows the worker there"};
        note.wanted = core.count();
        note.missing = (core - ours).count();
        note.cpus = ours;
    }
}

void find_mixed_kinds(const Context& context, const Plan& plan, std::vector<PlanNote>& notes) {
    for (const PoolSeats& pool : plan.pools) {
        if (!is_exclusive(pool)) continue;
        std::vector<std::string> parts;  // fastest first
        std::vector<std::uint32_t> slower;
        for (auto kind = context.topology.kinds.rbegin(); kind != context.topology.kinds.rend(); ++kind) {
            std::vector<std::uint32_t> slots;
            for (const Seat& seat : pool.seats)
                if (seat.cpus.intersects(kind->cpus)) slots.push_back(seat.slot);
            if (slots.empty()) continue;
            if (!parts.empty()) slower.insert(slower.end(), slots.begin(), slots.end());
            parts.push_back(slot_ranges(pool.pool, slots) + " on '" + kind->cpus.to_list() + "'");
        }
        if (parts.size() < 2) continue;
        PlanNote& note = notes.emplace_back();
        note = {"W_MIXED_KINDS", pool.pool,
                "its seats lie on " + std::to_string(parts.size()) +
                    " kinds of core, fastest first: " + join(parts, ", ") + "; these workers differ in speed"};
        note.wanted = pool.seats.size();
        note.missing = slower.size();
        std::ranges::sort(slower);
        note.slots = std::move(slower);
    }
}

// Nothing but cores of one thread below the machine: what they share is hidden, as in many virtual machines.
bool is_flat(const Topology& topology) {
    if (topology.cores.size() < 2) return false;
    constexpr std::array told{DomainType::l3, DomainType::l2, DomainType::group};
    if (std::ranges::any_of(told, [&](DomainType type) { return has_type(topology.root, type); })) return false;
    return std::ranges::all_of(topology.root.children,
                               [](const Domain& child) { return has_type(child, DomainType::pu); });
}

}  // namespace

std::vector<std::string> straddled(const Topology& topology, const CpuSet& seat) {
    return Borders(topology).crossed_by(seat);
}

std::vector<PlanNote> findings(const Context& context, const Plan& plan) {
    std::vector<PlanNote> notes;
    find_half_cores(context, plan, notes);
    if (std::ranges::none_of(plan.pools, is_exclusive)) return notes;

    find_straddles(context, plan, notes);
    find_mixed_kinds(context, plan, notes);
    if (plan.shared.empty() && context.usable.reserved.empty()) {
        PlanNote& note = notes.emplace_back();
        note = {"W_NO_HOUSEKEEPING", "",
                "exclusive seats hold all " + counted(context.usable.cpus.count(), "CPU") +
                    ": the daemon and the rest of the system run on the workers' CPUs. Try: machine: {reserve: 1}"};
        note.wanted = 1;
        note.missing = 1;
        note.cpus = context.usable.cpus;
    }
    if (is_flat(context.topology)) {
        PlanNote& note = notes.emplace_back();
        note = {"W_FLAT_TOPOLOGY", "",
                "this machine shows neither caches nor hardware threads: its " +
                    counted(context.topology.cores.size(), "CPU") +
                    " are taken for as many equal cores, which they need not be"};
        note.wanted = context.topology.cores.size();
        note.cpus = context.topology.root.cpus;
    }
    return notes;
}

}  // namespace pinion::cpu
