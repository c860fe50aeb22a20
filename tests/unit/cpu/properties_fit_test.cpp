// SPDX-License-Identifier: Apache-2.0
// The properties of the placement specification over random machines, requests and ledgers:
// how close seats lie and how evenly: P5, P6, P9, P10.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "replay.h"

namespace pinion::cpu::testing {
namespace {

TEST(Properties, P5SpreadIsPrefixStable) {
    for_seeds(500, [](std::uint64_t seed) {
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

TEST(Properties, P6aNoSeatIsLooserThanItHadToBe) {
    for_seeds(1000, [](std::uint64_t seed) {
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
    for_seeds(1000, [](std::uint64_t seed) {
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

TEST(Properties, P9AStraddlingSeatUsesTheFewestChildren) {
    for_seeds(1000, [](std::uint64_t seed) {
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
    for_seeds(1000, [](std::uint64_t seed) {
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

}  // namespace
}  // namespace pinion::cpu::testing
