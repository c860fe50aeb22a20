// SPDX-License-Identifier: Apache-2.0
#include "cpu/soft.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "base/check.h"

namespace pinion::cpu {
namespace {

// The shared cores and how many soft workers each has.
class SharedCores {
public:
    SharedCores(const Context& context, const CpuSet& shared)
        : context_(context),
          shared_(shared),
          tree_(restricted(context.topology.root, shared), context.levels, CpuExclusive::Unit::cores),
          load_(tree_.units().size()) {
        const CpuSet taken = context.usable.cpus - shared;
        const CpuSet disturbed = whole_cores(context.topology, taken);
        for (const CpuSet& core : tree_.units()) {
            slower_.push_back(kinds_faster_than(core));
            disturbed_.push_back(core.intersects(disturbed));
        }
    }

    // Where a worker that belongs in `domain` may sit.
    [[nodiscard]] CpuSet reach_of(const CpuSet* domain) const {
        return domain == nullptr || !domain->intersects(shared_) ? shared_ : *domain & shared_;
    }

    // The core of a worker that sat on `cpus`: its CPUs that still exist lie in one core and are all in its reach.
    [[nodiscard]] std::optional<std::uint32_t> kept(const CpuSet& cpus, const CpuSet& reach) const {
        const CpuSet present = cpus & context_.usable.cpus;
        if (present.empty() || !present.is_subset_of(reach)) return std::nullopt;
        const std::vector<std::uint32_t> cores = tree_.units_at(present);
        if (cores.size() != 1) return std::nullopt;
        return cores.front();
    }

    [[nodiscard]] const CpuSet& sit(std::uint32_t core) {
        ++load_[core];
        return tree_.units()[core];
    }

    // Opens the cores of `reach` that are the best choice now to the search.
    void open_best(SeatSearch& search, const CpuSet& reach) const {
        const std::vector<std::uint32_t> cores = tree_.units_at(reach);
        ASSERT(!cores.empty());
        std::uint32_t best = cores.front();
        for (const std::uint32_t core : cores)
            if (key(core) < key(best)) best = core;
        for (const std::uint32_t core : cores)
            if (key(core) == key(best)) search.set_free(core, true);
    }

    [[nodiscard]] const SeatTree& tree() const noexcept { return tree_; }
    [[nodiscard]] const CpuSet& shared() const noexcept { return shared_; }

private:
    using Key = std::tuple<std::uint32_t, std::uint32_t, bool>;
    [[nodiscard]] Key key(std::uint32_t core) const { return {load_[core], slower_[core], disturbed_[core]}; }

    [[nodiscard]] std::uint32_t kinds_faster_than(const CpuSet& core) const {
        const auto& kinds = context_.topology.kinds;
        std::uint32_t faster = 0;
        for (auto kind = kinds.rbegin(); kind != kinds.rend(); ++kind, ++faster)
            if (kind->cpus.intersects(core)) return faster;
        return faster;
    }

    const Context& context_;
    const CpuSet& shared_;
    SeatTree tree_;
    std::vector<std::uint32_t> load_;  // by core, as the next two
    std::vector<std::uint32_t> slower_;
    std::vector<bool> disturbed_;  // an exclusive seat holds another thread of it
};

using Placed = std::vector<std::optional<CpuSet>>;  // by slot

void keep_earlier(const Ledger& ledger, SharedCores& cores, const std::vector<const SoftPool*>& pools,
                  std::map<std::string, Placed>& placed) {
    std::map<std::string, const SoftPool*> by_name;
    for (const SoftPool* pool : pools) by_name.emplace(pool->pool, pool);
    // The first entry of a slot that still holds is the one: its home comes before where it sits meanwhile.
    std::map<std::pair<std::string, std::uint32_t>, std::uint32_t> earlier;
    for (const LedgerEntry& entry : ledger) {
        if (entry.exclusive) continue;
        const auto pool = by_name.find(entry.pool);
        if (pool == by_name.end() || entry.slot >= pool->second->workers) continue;
        const CpuSet reach = cores.reach_of(pool->second->find_domain(entry.slot));
        if (const auto core = cores.kept(entry.cpus, reach)) earlier.emplace(std::pair(entry.pool, entry.slot), *core);
    }
    for (const auto& [worker, core] : earlier) placed[worker.first][worker.second] = cores.sit(core);
}

void place_rest(const SoftPool& pool, SharedCores& cores, Placed& placed) {
    std::map<CpuSet, SeatSearch> searches;  // by reach
    for (std::uint32_t slot = 0; slot < placed.size(); ++slot) {
        if (placed[slot]) continue;
        const CpuSet reach = cores.reach_of(pool.find_domain(slot));
        auto found = searches.find(reach);
        if (found == searches.end()) {
            found = searches.emplace(reach, SeatSearch(cores.tree(), 1, cores.shared())).first;  // nothing is open yet
            for (const auto& seat : placed)
                if (seat) found->second.hold(*seat);
        }
        SeatSearch& search = found->second;
        if (search.free() == 0) cores.open_best(search, reach);
        const auto core = search.take(CpuExclusive::Place::spread, 1);
        ASSERT(core);
        placed[slot] = cores.sit(cores.tree().units_at(*core).front());
        for (auto& [other, far] : searches)
            if (&far != &search) far.hold(*core);
    }
}

}  // namespace

std::uint32_t shared_cores(const Context& context, const CpuSet& shared) {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(context.topology.cores, [&](const CpuSet& core) { return core.intersects(shared); }));
}

std::map<std::string, std::vector<CpuSet>> place_soft(const Context& context, const CpuSet& shared,
                                                      const std::vector<SoftPool>& pools) {
    ASSERT(!shared.empty());
    SharedCores cores(context, shared);
    std::vector<const SoftPool*> in_turn;
    for (const SoftPool& pool : pools) in_turn.push_back(&pool);
    std::ranges::sort(in_turn, {}, [](const SoftPool* pool) -> const std::string& { return pool->pool; });
    std::map<std::string, Placed> placed;
    for (const SoftPool* pool : in_turn) placed[pool->pool].resize(pool->workers);
    keep_earlier(context.ledger, cores, in_turn, placed);

    std::map<std::string, std::vector<CpuSet>> seats;
    for (const SoftPool* pool : in_turn) {
        Placed& workers = placed[pool->pool];
        place_rest(*pool, cores, workers);
        std::vector<CpuSet>& chosen = seats[pool->pool];
        for (auto& seat : workers) chosen.push_back(*std::move(seat));
    }
    return seats;
}

}  // namespace pinion::cpu
