// SPDX-License-Identifier: Apache-2.0
#include "cpu/soft.h"

#include <algorithm>
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

    // The core of a worker that sat on `cpus`: its CPUs that still exist lie in one core and are all shared.
    [[nodiscard]] std::optional<std::uint32_t> kept(const CpuSet& cpus) const {
        const CpuSet present = cpus & context_.usable.cpus;
        if (present.empty() || !present.is_subset_of(shared_)) return std::nullopt;
        const std::vector<std::uint32_t> cores = tree_.units_at(present);
        if (cores.size() != 1) return std::nullopt;
        return cores.front();
    }

    [[nodiscard]] const CpuSet& sit(std::uint32_t core) {
        ++load_[core];
        return tree_.units()[core];
    }

    // Opens the cores that are the best choice now to the search.
    void open_best(SeatSearch& search) const {
        std::uint32_t best = 0;
        for (std::uint32_t core = 1; core < load_.size(); ++core)
            if (key(core) < key(best)) best = core;
        for (std::uint32_t core = 0; core < load_.size(); ++core)
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

void keep_earlier(const Ledger& ledger, SharedCores& cores, std::map<std::string, Placed>& placed) {
    // The first entry of a slot that still holds is the one: its home comes before where it sits meanwhile.
    std::map<std::pair<std::string, std::uint32_t>, std::uint32_t> earlier;
    for (const LedgerEntry& entry : ledger) {
        if (entry.exclusive) continue;
        const auto pool = placed.find(entry.pool);
        if (pool == placed.end() || entry.slot >= pool->second.size()) continue;
        if (const auto core = cores.kept(entry.cpus)) earlier.emplace(std::pair(entry.pool, entry.slot), *core);
    }
    for (const auto& [worker, core] : earlier) placed[worker.first][worker.second] = cores.sit(core);
}

void place_rest(SharedCores& cores, Placed& placed) {
    SeatSearch search(cores.tree(), 1, cores.shared());  // nothing is open yet
    for (const auto& seat : placed)
        if (seat) search.hold(*seat);
    for (auto& seat : placed) {
        if (seat) continue;
        if (search.free() == 0) cores.open_best(search);
        const auto core = search.take(CpuExclusive::Place::spread, 1);
        ASSERT(core);
        seat = cores.sit(cores.tree().units_at(*core).front());
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
    std::map<std::string, Placed> placed;
    for (const SoftPool& pool : pools) placed[pool.pool].resize(pool.workers);
    keep_earlier(context.ledger, cores, placed);

    std::map<std::string, std::vector<CpuSet>> seats;
    for (auto& [pool, workers] : placed) {
        place_rest(cores, workers);
        std::vector<CpuSet>& chosen = seats[pool];
        for (auto& seat : workers) chosen.push_back(*std::move(seat));
    }
    return seats;
}

}  // namespace pinion::cpu
