// SPDX-License-Identifier: Apache-2.0
// The properties of the placement specification (P1, P2, …) over random machines, requests and ledgers. Each failure
// names its seed; PINION_SEED=N runs one seed alone, PINION_ROUNDS=N so many of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <span>

#include "cpu/ledger.h"
#include "cpu/universe.h"
#include "machines.h"

namespace pinion::cpu::testing {
namespace {

using Place = CpuExclusive::Place;
using Unit = CpuExclusive::Unit;

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(engine_() % bound); }
    std::uint32_t between(std::uint32_t low, std::uint32_t high) { return low + below(high - low + 1); }
    bool one_in(std::uint32_t n) { return below(n) == 0; }
    template <class T>
    void shuffle(std::vector<T>& values) {
        for (std::size_t i = values.size(); i > 1; --i)
            std::swap(values[i - 1], values[below(static_cast<std::uint32_t>(i))]);
    }
    CpuSet some_of(const CpuSet& set, std::uint32_t one_in_n) {
        CpuSet some;
        for (const std::uint32_t cpu : set.members())
            if (one_in(one_in_n)) some.add(cpu);
        return some;
    }

private:
    std::mt19937_64 engine_;
};

const std::vector<Topology>& machines() {
    static const std::vector<Topology> all{
        t1(),
        t2(),
        t3(),
        t5(),
        synthetic("pu:1"),
        synthetic("core:1 pu:2"),
        synthetic("core:2 pu:1"),
        synthetic("core:6 pu:1"),
        synthetic("package:2 l3:2 core:3 pu:2"),
        synthetic("package:2 [numa] l3:4 l2:2 core:2 pu:1"),
        synthetic("package:1 l3:2 [numa] core:5 pu:4"),
        // Uneven: parts of packages and caches are missing.
        restricted(synthetic("package:3 [numa] l3:2 core:4 pu:2"), cpus("0-9,16-21,24-39,42-43")),
    };
    return all;
}

struct Case {
    Topology topology;
    Universe universe;
    std::vector<PoolRequest> requests;
    [[nodiscard]] Plan plan_with(const Ledger& ledger) const { return plan(topology, universe, requests, ledger); }
    [[nodiscard]] Plan cold() const { return plan_with({}); }
};

Universe random_universe(Random& random, const Topology& topology) {
    Universe universe = all_of(topology);
    if (random.one_in(3)) universe.allowed -= random.some_of(universe.allowed, 4);
    if (random.one_in(4)) universe.machine.cpus = topology.root.cpus - random.some_of(topology.root.cpus, 6);
    if (random.one_in(3)) universe.machine.reserve_cores = random.between(0, 2);
    if (random.one_in(5)) universe.machine.reserve_cpus = random.some_of(topology.root.cpus, 5);
    if (random.one_in(4)) universe.quota = 0.25 * random.between(1, 40);
    return universe;
}

CpuExclusive random_seat(Random& random) {
    const Unit unit = random.one_in(3) ? Unit::threads : Unit::cores;
    const std::uint32_t count = random.one_in(2) ? 1 : random.between(1, 5);
    return {unit, count, random.one_in(2) ? Place::pack : Place::spread};
}

CpuRequest random_cpu(Random& random, const CpuSet& usable) {
    switch (random.below(6)) {
        case 0: return CpuAuto{};
        case 1: return CpuNone{};
        case 2: {
            CpuSeats given;
            for (std::uint32_t i = random.between(1, 3); i > 0; --i) given.seats.push_back(random.some_of(usable, 6));
            return given;
        }
        default: return random_seat(random);
    }
}

Case random_case(std::uint64_t seed) {
    Random random(seed);
    Case made{.topology = machines()[random.below(static_cast<std::uint32_t>(machines().size()))],
              .universe = {},
              .requests = {}};
    made.universe = random_universe(random, made.topology);
    for (std::uint32_t i = random.between(1, 5); i > 0; --i) {
        const WorkerCount workers = random.one_in(6) ? automatic : WorkerCount{false, random.below(7)};
        made.requests.push_back(pool("p" + std::to_string(i), workers, random_cpu(random, made.topology.root.cpus)));
    }
    random.shuffle(made.requests);
    return made;
}

void for_seeds(std::uint64_t rounds, const std::function<void(std::uint64_t)>& check) {
    if (const char* one = std::getenv("PINION_SEED")) return check(std::strtoull(one, nullptr, 10));
    if (const char* count = std::getenv("PINION_ROUNDS")) rounds = std::strtoull(count, nullptr, 10);
    for (std::uint64_t seed = 1; seed <= rounds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        check(seed);
        if (::testing::Test::HasFailure()) {
            std::cerr << "failed with PINION_SEED=" << seed << "\n";
            return;
        }
    }
}

const PoolRequest& request_of(const Case& made, const std::string& name) {
    return *std::ranges::find(made.requests, name, &PoolRequest::pool);
}

const CpuExclusive* exclusive_of(const Case& made, const std::string& name) {
    return std::get_if<CpuExclusive>(&request_of(made, name).cpu);
}

std::uint32_t cores_in(const Topology& topology, const CpuSet& set) {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(topology.cores, [&](const CpuSet& core) { return core.intersects(set); }));
}

// The seats of exclusive pools, by pool and slot.
std::map<std::pair<std::string, std::uint32_t>, CpuSet> exclusive_seats(const Plan& plan) {
    std::map<std::pair<std::string, std::uint32_t>, CpuSet> seats;
    for (const PoolSeats& pool : plan.pools)
        for (const Seat& seat : pool.seats)
            if (seat.exclusive) seats[{pool.pool, seat.slot}] = seat.cpus;
    return seats;
}

bool has_error(const Plan& plan, const std::string& pool) {
    return std::ranges::find(plan.errors, pool, &PlanNote::pool) != plan.errors.end();
}

TEST(Properties, P1EveryWorkerGetsItsUnitsAndSharesThemWithNobody) {
    for_seeds(1000, [](std::uint64_t seed) {
        const Case made = random_case(seed);
        const Plan p = made.cold();
        const CpuSet usable = resolve(made.topology, made.universe).cpus;
        CpuSet held;
        std::map<std::uint32_t, std::string> pool_of_core;  // by the core's first CPU
        for (const PoolSeats& entry : p.pools) {
            const CpuExclusive* wish = exclusive_of(made, entry.pool);
            if (!request_of(made, entry.pool).workers.automatic) {
                EXPECT_EQ(entry.seats.size(), request_of(made, entry.pool).workers.number);
            }
            for (std::uint32_t slot = 0; slot < entry.seats.size(); ++slot) {
                const Seat& seat = entry.seats[slot];
                EXPECT_EQ(seat.slot, slot);
                EXPECT_FALSE(seat.mask.empty());
                EXPECT_TRUE(seat.mask.is_subset_of(usable));
                if (!seat.exclusive) {
                    EXPECT_TRUE(seat.mask.is_subset_of(p.shared));
                    continue;
                }
                EXPECT_EQ(seat.mask, seat.cpus);
                EXPECT_FALSE(seat.cpus.intersects(held));
                held |= seat.cpus;
                if (!wish) continue;
                EXPECT_TRUE(seat.cpus.is_subset_of(fastest_kind(made.topology, usable)));
                if (wish->unit == Unit::threads) {
                    EXPECT_EQ(seat.cpus.count(), wish->count);
                } else {
                    EXPECT_EQ(cores_in(made.topology, seat.cpus), wish->count);
                    EXPECT_EQ(whole_cores(made.topology, seat.cpus) & usable, seat.cpus);
                }
                for (const CpuSet& core : made.topology.cores)
                    if (core.intersects(seat.cpus)) {
                        EXPECT_EQ(pool_of_core.emplace(core.first(), entry.pool).first->second, entry.pool);
                    }
            }
        }
        EXPECT_EQ(p.shared, usable - held);
        for (const PoolRequest& request : made.requests)
            EXPECT_NE(p.find(request.pool) != nullptr, has_error(p, request.pool)) << request.pool;
    });
}

TEST(Properties, P2TheOrderOfRequestsAndLedgerDoesNotMatter) {
    for_seeds(500, [](std::uint64_t seed) {
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
    for_seeds(800, [](std::uint64_t seed) {
        const Case made = random_case(seed);
        const Plan cold = made.cold();
        EXPECT_EQ(made.plan_with(cold.ledger()), cold);
    });
}

TEST(Properties, P4RemovingShrinkingAndAddingMoveNobodyElse) {
    for_seeds(800, [](std::uint64_t seed) {
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
                                 std::ranges::any_of(now, [&](const auto& seat) {
                                     return seat.first.first != slot.first && seat.second.intersects(around);
                                 });
            if (!yielded) {
                EXPECT_EQ(found->second.to_list(), cpus.to_list()) << slot.first << "/" << slot.second;
            }
        }
    });
}

TEST(Properties, P5SpreadIsPrefixStable) {
    for_seeds(400, [](std::uint64_t seed) {
        Case made = random_case(seed);
        Random random(seed);
        CpuExclusive seat = random_seat(random);
        seat.place = Place::spread;
        std::vector<Seat> before;
        for (std::uint32_t workers = 0; workers <= 12; ++workers) {
            made.requests = {pool("a", workers, seat)};
            const Plan p = made.cold();
            if (p.find("a") == nullptr) return;
            std::vector<Seat> now = p.find("a")->seats;
            EXPECT_TRUE(std::ranges::equal(before, std::span(now).first(before.size())));
            before = std::move(now);
        }
    });
}

// All domains below `domain`, itself included, with at least two children first.
void each_domain(const Domain& domain, const std::function<void(const Domain&)>& visit) {
    visit(domain);
    for (const Domain& child : domain.children) each_domain(child, visit);
}

// One exclusive pool and the state before each of its seats, replayed: what is free in a domain.
struct Replay {
    Case made;
    CpuExclusive seat;
    Domain root;  // in reach
    std::vector<CpuSet> units;
    std::vector<CpuSet> seats;

    [[nodiscard]] std::uint32_t free_in(const CpuSet& domain, std::size_t placed) const {
        CpuSet taken;
        for (std::size_t i = 0; i < placed; ++i) taken |= seats[i];
        return static_cast<std::uint32_t>(std::ranges::count_if(
            units, [&](const CpuSet& unit) { return unit.is_subset_of(domain) && !unit.intersects(taken); }));
    }
};

Replay replay(std::uint64_t seed, std::optional<Place> place = {}) {
    Replay run{.made = random_case(seed), .seat = {}, .root = {}, .units = {}, .seats = {}};
    Random random(seed);
    run.seat = random_seat(random);
    if (place) run.seat.place = *place;
    const CpuSet usable = resolve(run.made.topology, run.made.universe).cpus;
    const CpuSet reach = usable & fastest_kind(run.made.topology, usable);
    run.root = restricted(run.made.topology.root, reach);
    if (run.seat.unit == Unit::cores) {
        for (const CpuSet& core : run.made.topology.cores)
            if (core.intersects(reach)) run.units.push_back(core & reach);
    } else {
        for (const std::uint32_t cpu : reach.members()) run.units.push_back({cpu});
    }
    const auto most = static_cast<std::uint32_t>(run.units.size()) / run.seat.count;
    const std::uint32_t workers = most == 0 ? 0 : random.between(1, most);
    run.made.requests = {pool("a", workers, run.seat)};
    const Plan p = run.made.cold();
    EXPECT_NE(p.find("a"), nullptr);
    if (p.find("a") != nullptr)
        for (const Seat& seat : p.find("a")->seats) run.seats.push_back(seat.cpus);
    return run;
}

TEST(Properties, P6aNoSeatIsLooserThanItHadToBe) {
    for_seeds(500, [](std::uint64_t seed) {
        const Replay run = replay(seed);
        const LevelOrder levels(run.made.topology.root);
        const std::uint32_t unit_level = levels.of(run.seat.unit == Unit::cores ? DomainType::core : DomainType::pu);
        for (std::size_t i = 0; i < run.seats.size(); ++i) {
            std::uint32_t got = 0;    // the tightest level of a domain around the seat
            std::uint32_t could = 0;  // the tightest level of a domain that had room
            each_domain(run.root, [&](const Domain& domain) {
                const std::uint32_t level = std::min(levels.of(domain), unit_level);
                if (run.seats[i].is_subset_of(domain.cpus)) got = std::max(got, level);
                if (run.free_in(domain.cpus, i) >= run.seat.count) could = std::max(could, level);
            });
            EXPECT_EQ(got, could) << "seat " << i;
        }
    });
}

TEST(Properties, P6bSpreadFillsEvenly) {
    for_seeds(500, [](std::uint64_t seed) {
        const Replay run = replay(seed, Place::spread);
        const LevelOrder levels(run.made.topology.root);
        const std::uint32_t unit_level = levels.of(run.seat.unit == Unit::cores ? DomainType::core : DomainType::pu);
        // The tightest domain below `within` that `holds` is true of.
        const auto tightest = [&](const Domain& within, const std::function<bool(const CpuSet&)>& holds) {
            std::int64_t level = -1;
            each_domain(within, [&](const Domain& domain) {
                if (holds(domain.cpus)) level = std::max<std::int64_t>(level, std::min(levels.of(domain), unit_level));
            });
            return level;
        };
        for (std::size_t i = 0; i < run.seats.size(); ++i) {
            const auto seats_in = [&](const Domain& domain) {
                return std::ranges::count_if(std::span(run.seats).first(i + 1),
                                             [&](const CpuSet& seat) { return seat.intersects(domain.cpus); });
            };
            const auto around = [&](const CpuSet& domain) { return run.seats[i].is_subset_of(domain); };
            const auto has_room = [&](const CpuSet& domain) { return run.free_in(domain, i) >= run.seat.count; };
            const std::int64_t got = tightest(run.root, around);
            each_domain(run.root, [&](const Domain& domain) {
                for (const Domain& a : domain.children) {
                    if (!around(a.cpus)) continue;
                    for (const Domain& b : domain.children) {
                        if (seats_in(a) < seats_in(b) + 2) continue;
                        EXPECT_LT(tightest(b, has_room), got) << a.cpus.to_list() << " and " << b.cpus.to_list();
                    }
                }
            });
        }
    });
}

TEST(Properties, P7LosingOneCpuMovesOnlyItsSeatAndItsReturnRestoresThePlan) {
    for_seeds(500, [](std::uint64_t seed) {
        Case made = random_case(seed);
        Random random(seed);
        std::erase_if(made.requests, [](const PoolRequest& request) {
            return request.workers.automatic || std::holds_alternative<CpuSeats>(request.cpu);
        });
        made.universe.machine.reserve_cores = 0;  // else the reserve moves on, and takes a core away
        const Plan before = made.cold();
        const std::vector<std::uint32_t> all = made.topology.root.cpus.members();
        const CpuSet lost{all[random.below(static_cast<std::uint32_t>(all.size()))]};

        Case cut = made;
        cut.topology = restricted(made.topology, made.topology.root.cpus - lost);
        // On a hybrid machine the fast kind may be gone with it.
        const CpuSet usable = resolve(cut.topology, cut.universe).cpus;
        if (!fastest_kind(cut.topology, usable).is_subset_of(fastest_kind(made.topology, usable))) return;
        const Plan without = cut.plan_with(before.ledger());
        if (codes(without.errors) != codes(before.errors)) return;  // no room for the seat that is lost
        const auto now = exclusive_seats(without);
        for (const auto& [slot, cpus] : exclusive_seats(before))
            if (!cpus.intersects(lost)) {
                EXPECT_EQ(now.at(slot), cpus) << slot.first << "/" << slot.second;
            }

        const Ledger kept = next_ledger(before.ledger(), without, usable);
        EXPECT_EQ(cut.plan_with(kept), without);
        EXPECT_EQ(exclusive_seats(made.plan_with(kept)), exclusive_seats(before));
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
    for_seeds(400, [](std::uint64_t seed) {
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
        if (made.universe.machine.cpus) other.universe.machine.cpus = renamed(made.universe.machine.cpus->cpus, names);
        if (made.universe.machine.reserve_cpus)
            other.universe.machine.reserve_cpus = renamed(*made.universe.machine.reserve_cpus, names);
        if (made.universe.machine.reserve_cores > 0) return;  // CPU 0 is the boot CPU by its name
        for (PoolRequest& request : other.requests)
            if (auto* given = std::get_if<CpuSeats>(&request.cpu))
                for (CpuSet& seat : given->seats) seat = renamed(seat, names);

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

TEST(Properties, P9AStraddlingSeatUsesTheFewestChildren) {
    for_seeds(500, [](std::uint64_t seed) {
        const Replay run = replay(seed);
        for (std::size_t i = 0; i < run.seats.size(); ++i) {
            // The innermost domain around the seat, and recursively each part of the seat in a child of it.
            each_domain(run.root, [&](const Domain& domain) {
                const CpuSet part = domain.cpus & run.seats[i];
                if (part.empty()) return;
                const auto wanted = static_cast<std::uint32_t>(
                    std::ranges::count_if(run.units, [&](const CpuSet& unit) { return unit.is_subset_of(part); }));
                std::vector<std::uint32_t> sizes;
                std::size_t used = 0;
                for (const Domain& child : domain.children) {
                    sizes.push_back(run.free_in(child.cpus, i));
                    used += child.cpus.intersects(part) ? 1 : 0;
                }
                if (wanted == 0 || sizes.empty()) return;
                std::ranges::sort(sizes, std::ranges::greater{});
                std::size_t fewest = 0;
                for (std::uint32_t sum = 0; sum < wanted && fewest < sizes.size(); ++fewest) sum += sizes[fewest];
                EXPECT_EQ(used, fewest) << "seat " << i << " in " << domain.cpus.to_list();
            });
        }
    });
}

TEST(Properties, P10OnePoolFailsOnlyWhereTheUnitsRunOut) {
    for_seeds(500, [](std::uint64_t seed) {
        const Replay run = replay(seed);
        Case made = run.made;
        made.universe.quota.reset();
        const auto most = static_cast<std::uint32_t>(run.units.size()) / run.seat.count;
        made.requests = {pool("a", most, run.seat)};
        EXPECT_TRUE(made.cold().errors.empty());
        made.requests = {pool("a", most + 1, run.seat)};
        EXPECT_EQ(codes(made.cold().errors), "E_OVERSUBSCRIBED(a)");
        made.requests = {pool("a", automatic, run.seat)};
        const Plan p = made.cold();
        if (most == 0)
            EXPECT_EQ(codes(p.errors), "E_OVERSUBSCRIBED(a)");
        else
            EXPECT_EQ(p.find("a")->seats.size(), most);
    });
}

TEST(Properties, P13bSoftWorkersAreBalancedAndStayPut) {
    for_seeds(800, [](std::uint64_t seed) {
        Case made = random_case(seed);
        Random random(seed);
        for (std::uint32_t i = random.between(1, 3); i > 0; --i)
            made.requests.push_back(pool("soft" + std::to_string(i), random.between(0, 12), CpuAuto{}));
        const Plan cold = made.cold();
        std::map<std::string, std::uint32_t> loads;
        for (const CpuSet& core : made.topology.cores)
            if (core.intersects(cold.shared)) loads[(core & cold.shared).to_list()] = 0;
        for (const PoolSeats& entry : cold.pools)
            for (const Seat& seat : entry.seats)
                if (!seat.exclusive && !seat.cpus.empty()) {
                    EXPECT_TRUE(loads.contains(seat.cpus.to_list())) << seat.cpus.to_list();
                    EXPECT_EQ(seat.mask, seat.cpus);
                    ++loads[seat.cpus.to_list()];
                }
        const auto by_load = [](const auto& a, const auto& b) { return a.second < b.second; };
        if (!loads.empty()) {
            const auto [low, high] = std::ranges::minmax_element(loads, by_load);
            EXPECT_LE(high->second - low->second, 1U);
        }

        made.requests.push_back(pool("new", 1, random_seat(random)));
        const Plan after = made.plan_with(cold.ledger());
        for (const PoolSeats& entry : cold.pools) {
            const PoolSeats* now = after.find(entry.pool);
            for (const Seat& seat : entry.seats) {
                if (seat.exclusive || seat.cpus.empty() || now == nullptr || seat.slot >= now->seats.size()) continue;
                const Seat& later = now->seats[seat.slot];
                EXPECT_TRUE(later.cpus.is_subset_of(after.shared));
                if (seat.cpus.is_subset_of(after.shared)) {
                    EXPECT_TRUE(seat.cpus.is_subset_of(later.cpus));
                }
            }
        }
    });
}

std::uint64_t number_before(const std::string& text, const std::string& word) {
    std::uint64_t sum = 0;
    const std::regex pattern("(\\d+) " + word);
    for (std::sregex_iterator i(text.begin(), text.end(), pattern), end; i != end; ++i) sum += std::stoull((*i)[1]);
    return sum;
}

TEST(Properties, P14TheNumbersOfErrorsAddUp) {
    std::set<std::string> seen;
    for_seeds(400, [&](std::uint64_t seed) {
        const Case made = random_case(seed);
        for (const PlanNote& note : made.cold().errors) {
            SCOPED_TRACE(note.code + ": " + note.message);
            seen.insert(note.code);
            const std::string facts = note.message.substr(0, note.message.find(". Try"));
            const std::uint64_t free = number_before(facts, "free");
            const std::uint64_t missing = facts.find("Short by ") == std::string::npos
                                              ? 0
                                              : std::stoull(facts.substr(facts.find("Short by ") + 9));
            if (note.code == "E_OVERSUBSCRIBED" || note.code == "E_NO_SHARED") {
                std::smatch total;
                ASSERT_TRUE(std::regex_search(facts, total, std::regex("has (\\d+) (core|thread|CPU)")));
                EXPECT_EQ(std::stoull(total[1]),
                          number_before(facts, "reserved") + number_before(facts, "held") + free);
            }
            if (note.code == "E_OVERSUBSCRIBED") {
                std::smatch wish;
                ASSERT_TRUE(std::regex_search(facts, wish, std::regex("(\\d+) seats? x (\\d+) \\w+ = (\\d+)")));
                EXPECT_EQ(std::stoull(wish[1]) * std::stoull(wish[2]), std::stoull(wish[3]));
                EXPECT_EQ(std::stoull(wish[3]), free + missing);
                EXPECT_GT(missing, 0U);
            }
            if (facts.find(" wants ") != std::string::npos) {  // one explicit seat
                std::smatch wish;
                ASSERT_TRUE(std::regex_search(facts, wish, std::regex("wants (\\d+) CPU")));
                const std::uint64_t here = free + number_before(facts, "usable");
                EXPECT_EQ(std::stoull(wish[1]), here + missing);
                EXPECT_EQ(missing, number_before(facts, "held") + number_before(facts, "reserved") +
                                       number_before(facts, "outside") + number_before(facts, "not allowed") +
                                       number_before(facts, "offline"));
            }
        }
    });
    if (std::getenv("PINION_SEED") == nullptr) {
        EXPECT_EQ(seen, (std::set<std::string>{"E_AUTO_AMBIGUOUS", "E_CONFLICT", "E_CPU_NOT_ALLOWED", "E_NO_SHARED",
                                               "E_OVERSUBSCRIBED", "E_SEATS_SHORT"}));
    }
}

TEST(Properties, P15AJunkLedgerChangesNothing) {
    for_seeds(800, [](std::uint64_t seed) {
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

TEST(Properties, P16AutomaticCountsGrowWithCpusAndQuota) {
    for_seeds(60, [](std::uint64_t seed) {
        Case made = random_case(seed);
        Random random(seed);
        const std::vector<CpuRequest> forms{CpuAuto{}, CpuNone{}, random_seat(random)};
        made.requests = {pool("a", automatic, forms[random.below(3)])};
        if (random.one_in(2)) made.requests.push_back(pool("s", 2, CpuAuto{}));
        made.universe.machine = {};
        if (!made.topology.kinds.empty()) made.universe.quota.reset();
        const bool hybrid = !made.topology.kinds.empty();
        std::vector<std::uint32_t> order = made.topology.root.cpus.members();
        random.shuffle(order);
        made.universe.allowed = {};
        std::size_t before = 0;
        for (const std::uint32_t cpu : order) {
            if (hybrid && !made.topology.kinds.back().cpus.contains(cpu)) continue;
            made.universe.allowed.add(cpu);
            const Plan p = made.cold();
            const std::size_t now = p.find("a") ? p.find("a")->seats.size() : 0;
            EXPECT_GE(now, before) << made.universe.allowed.to_list();
            if (p.find("a")) {
                EXPECT_GT(now, 0U);
            }
            before = now;
        }
        before = 0;
        for (double quota = 0.25; quota < 20; quota += 0.25) {
            made.universe.quota = quota;
            const Plan p = made.cold();
            const std::size_t now = p.find("a") ? p.find("a")->seats.size() : 0;
            EXPECT_GE(now, before) << quota;
            before = now;
        }
    });
}

TEST(Properties, ASoftPoolAlwaysWorksWhereACpuIsShared) {
    for_seeds(800, [](std::uint64_t seed) {
        Case made = random_case(seed);
        made.requests.push_back(pool("soft", 3, CpuAuto{}));
        made.requests.push_back(pool("float", 3, CpuNone{}));
        const Plan p = made.cold();
        EXPECT_EQ(p.shared.empty(), p.find("soft") == nullptr);
        EXPECT_EQ(p.shared.empty(), p.find("float") == nullptr);
    });
}

TEST(Properties, AFailedPoolDoesNotHurtTheOthers) {
    for_seeds(800, [](std::uint64_t seed) {
        Case made = random_case(seed);
        const Plan with = made.cold();
        if (with.errors.empty()) return;
        std::erase_if(made.requests, [&](const PoolRequest& request) {
            return has_error(with, request.pool) && !std::holds_alternative<CpuAuto>(request.cpu) &&
                   !std::holds_alternative<CpuNone>(request.cpu);
        });
        EXPECT_EQ(made.cold().pools, with.pools);
    });
}

}  // namespace
}  // namespace pinion::cpu::testing
