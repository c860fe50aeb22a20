// SPDX-License-Identifier: Apache-2.0
// The properties of the placement specification over random machines, requests and ledgers:
// what stays where it is: P2, P3, P4, P7, P8, P15.
#include <gtest/gtest.h>

#include <algorithm>

#include "cpu/keep.h"
#include "random_case.h"

namespace pinion::cpu::testing {
namespace {

TEST(Properties, P2TheOrderOfRequestsAndLedgerDoesNotMatter) {
    for_seeds(1500, [](std::uint64_t seed) {
        Case made = random_case(seed);
        const Plan first = made.cold();
        Ledger ledger = first.ledger();
        const Plan second = made.plan_with(ledger);
        Random random(seed);
        random.shuffle(made.requests);
        random.shuffle(ledger);
        EXPECT_EQ(made.cold(), first);
        EXPECT_EQ(made.plan_with(ledger), second);
    });
}

TEST(Properties, P3PlanningAgainChangesNothing) {
    for_seeds(2500, [](std::uint64_t seed) {
        const Case made = random_case(seed);
        const Plan cold = made.cold();
        EXPECT_EQ(made.plan_with(cold.ledger()), cold);
    });
}

TEST(Properties, P4RemovingShrinkingAndAddingMoveNobodyElse) {
    for_seeds(2500, [](std::uint64_t seed) {
        Case made = random_case(seed);
        const Plan before = made.cold();
        Random random(seed);
        const std::size_t index = random.below(static_cast<std::uint32_t>(made.requests.size()));
        const std::string changed = made.requests[index].pool;
        const std::uint32_t kind = random.below(3);
        if (kind == 0) {
            made.requests.erase(made.requests.begin() + static_cast<std::ptrdiff_t>(index));
        } else if (kind == 1 && made.requests[index].workers.number > 0) {
            --made.requests[index].workers.number;
        } else {
            made.requests.push_back(pool("new", random.between(1, 4), random_seat(random)));
        }
        const Plan after = made.plan_with(before.ledger());
        const bool keeps_out = std::ranges::any_of(made.requests, [](const PoolRequest& request) {
            const auto* wish = std::get_if<CpuExclusive>(&request.cpu);
            return wish && wish->keep_out;
        });
        const auto now = exclusive_seats(after);
        for (const auto& [slot, cpus] : exclusive_seats(before)) {
            const auto found = now.find(slot);
            // An automatic pool may lose its last slots, and a shrunk pool its own.
            if (found == now.end()) {
                const PoolSeats* entry = after.find(slot.first);
                EXPECT_TRUE(slot.first == changed || (entry && entry->seats.size() <= slot.second)) << slot.first;
                continue;
            }
            // Where a fixed pool took its place, an automatic one's last workers may find another.
            const CpuSet around = whole_cores(made.topology, cpus);
            const bool yielded = request_of(made, slot.first).workers.automatic && slot.second > 0 &&
                                 (keeps_out || std::ranges::any_of(now, [&](const auto& seat) {
                                      return seat.first.first != slot.first && seat.second.intersects(around);
                                  }));
            if (!yielded) {
                EXPECT_EQ(found->second.to_list(), cpus.to_list()) << slot.first << "/" << slot.second;
            }
        }
    });
}

// Nothing is left to do: the same machine again moves nobody, soft workers neither, and calls nobody home.
void expect_settled(const Case& made, const Kept& kept) {
    const Kept again = made.keep(kept.seats, false, true);
    EXPECT_TRUE(again.plan.pools == kept.plan.pools);
    EXPECT_TRUE(again.seats == kept.seats);
    EXPECT_EQ(again.returning.to_list(), kept.returning.to_list());
}

// What the daemon asks for where only the machine has changed: the counts and the reserve that it has.
void settle_counts(Case& made, const Plan& plan) {
    const CpuSet reserved = resolve(made.topology, made.universe).reserved;
    made.universe.machine.reserve_cores = 0;
    made.universe.machine.reserve_per = std::nullopt;
    made.universe.machine.reserve_cpus = reserved;
    std::erase_if(made.requests, [&](const PoolRequest& request) { return plan.find(request.pool) == nullptr; });
    for (PoolRequest& request : made.requests)
        request.workers = {.number = static_cast<std::uint32_t>(plan.find(request.pool)->seats.size())};
}

TEST(Properties, P7LosingOneCpuMovesOnlyItsSeatAndItsReturnRestoresThePlan) {
    for_seeds(2500, [](std::uint64_t seed) {
        Case made = random_case(seed);
        Random random(seed);
        const std::vector<std::uint32_t> all = made.topology.root.cpus.members();
        const CpuSet lost{all[random.below(static_cast<std::uint32_t>(all.size()))]};
        const Kept home = made.keep({}, false);
        const auto before = exclusive_seats(home.plan);
        EXPECT_EQ(before, exclusive_seats(made.cold()));
        settle_counts(made, home.plan);
        Case cut = made;
        cut.topology = without(made.topology, lost);

        const Kept away = cut.keep(home.seats, false, true);
        const auto now = exclusive_seats(away.plan);
        CpuSet owned;
        for (const auto& [slot, cpus] : before) {
            owned |= cpus;
            if (cpus.intersects(lost)) continue;
            ASSERT_TRUE(now.contains(slot)) << slot.first << "/" << slot.second;
            EXPECT_EQ(now.at(slot), cpus) << slot.first << "/" << slot.second;
        }
        EXPECT_TRUE(away.plan.errors.empty()) << codes(away.plan.errors);
        expect_settled(cut, away);

        // Nobody moves while the CPU is just back, and everybody who is away can go home.
        const Kept waiting = made.keep(away.seats, false, true);
        for (const auto& [slot, cpus] : exclusive_seats(waiting.plan))
            if (now.contains(slot)) {
                EXPECT_EQ(now.at(slot), cpus) << slot.first << "/" << slot.second;
            }
        if (owned.intersects(lost)) {
            EXPECT_FALSE(waiting.returning.empty());
        }
        const Kept returned = made.keep(waiting.seats, true, true);
        EXPECT_EQ(exclusive_seats(returned.plan), before);
        EXPECT_TRUE(returned.returning.empty());
        expect_settled(made, returned);
    });
}

Domain renamed(const Domain& domain, const std::vector<std::uint32_t>& names) {
    Domain other{.types = domain.types, .cpus = {}, .numa_nodes = domain.numa_nodes, .children = {}};
    for (const std::uint32_t cpu : domain.cpus.members()) other.cpus.add(names[cpu]);
    for (const Domain& child : domain.children) other.children.push_back(renamed(child, names));
    return other;
}

CpuSet renamed(const CpuSet& set, const std::vector<std::uint32_t>& names) {
    CpuSet other;
    for (const std::uint32_t cpu : set.members()) other.add(names[cpu]);
    return other;
}

TEST(Properties, P8TheNamesOfCpusDoNotMatter) {
    for_seeds(1500, [](std::uint64_t seed) {
        const Case made = random_case(seed);
        Case other = made;
        Random random(seed);
        std::vector<std::uint32_t> names(made.topology.root.cpus.members().back() + 1);
        for (std::uint32_t i = 0; i < names.size(); ++i) names[i] = i;
        random.shuffle(names);

        other.topology.root = renamed(made.topology.root, names);
        for (CpuSet& core : other.topology.cores) core = renamed(core, names);
        for (CpuKind& kind : other.topology.kinds) kind.cpus = renamed(kind.cpus, names);
        other.universe.allowed = renamed(made.universe.allowed, names);
        if (made.universe.machine.cpus)
            other.universe.machine.cpus->cpus = renamed(made.universe.machine.cpus->cpus, names);
        if (made.universe.machine.reserve_cpus)
            other.universe.machine.reserve_cpus = renamed(*made.universe.machine.reserve_cpus, names);
        other.universe.isolated = renamed(made.universe.isolated, names);
        if (made.universe.machine.reserve_cores > 0) return;  // CPU 0 is the boot CPU by its name
        for (PoolRequest& request : other.requests)
            if (auto* given = std::get_if<CpuSeats>(&request.cpu))
                for (CpuSet& seat : given->seats) seat = renamed(seat, names);
        for (PoolRequest& request : other.requests)
            if (auto* wish = std::get_if<CpuExclusive>(&request.cpu); wish && wish->within)
                wish->within->cpus = renamed(wish->within->cpus, names);

        const Plan p = made.cold();
        const Plan q = other.cold();
        ASSERT_EQ(p.pools.size(), q.pools.size());
        EXPECT_EQ(renamed(p.shared, names), q.shared);
        for (std::size_t i = 0; i < p.pools.size(); ++i) {
            ASSERT_EQ(p.pools[i].seats.size(), q.pools[i].seats.size());
            for (std::size_t s = 0; s < p.pools[i].seats.size(); ++s)
                EXPECT_EQ(renamed(p.pools[i].seats[s].cpus, names), q.pools[i].seats[s].cpus);
        }
    });
}

TEST(Properties, P15AJunkLedgerChangesNothing) {
    for_seeds(1500, [](std::uint64_t seed) {
        const Case made = random_case(seed);
        Random random(seed);
        Ledger junk;
        for (std::uint32_t i = random.between(1, 20); i > 0; --i) {
            CpuSet set;
            for (std::uint32_t n = random.below(6); n > 0; --n) set.add(200 + random.below(3000));  // another machine's
            junk.push_back({"p" + std::to_string(random.below(9)), random.one_in(4) ? ~0U : random.below(9), set,
                            random.one_in(2)});
        }
        for (std::uint32_t slot = 0; slot < 7; ++slot) {
            junk.push_back({"gone", slot, made.topology.root.cpus, true});
            junk.push_back({"p1", slot, made.topology.root.cpus | CpuSet{3000}, false});
            junk.push_back({"p2", 1000 + slot, CpuSet{0}, true});
        }
        // The last two are valid only where one core, or one unit, is all there is.
        if (made.topology.cores.size() < 6) return;
        if (cores_in(made.topology, resolve(made.topology, made.universe).cpus) < 2) return;
        EXPECT_EQ(made.plan_with(junk), made.cold());
    });
}

}  // namespace
}  // namespace pinion::cpu::testing
