// SPDX-License-Identifier: Apache-2.0
// The properties of the placement specification over random machines, requests and ledgers:
// whom a seat belongs to and what is said of it: P1, P11–P14, P16.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "random_case.h"

namespace pinion::cpu::testing {
namespace {

// How many workers a pool without an error is to have; nothing where that depends on the machine.
std::optional<std::size_t> declared(const Case& made, const PoolRequest& request) {
    const auto* wish = std::get_if<CpuExclusive>(&request.cpu);
    const bool shrinks = wish && wish->oversubscribe == CpuExclusive::Oversubscribe::shrink;
    if (request.workers.automatic || shrinks) return std::nullopt;
    if (!request.workers.per) return request.workers.number;
    const CpuSet reach = wish ? reach_of(made, *wish) : resolve(made.topology, made.universe).cpus;
    std::size_t with_cpus = 0;
    for (const CpuSet& domain : domains_of(made.topology, *request.workers.per))
        if (domain.intersects(reach)) ++with_cpus;
    return with_cpus * request.workers.number;
}

// That a seat is made of as many units as were asked for, whole as far as they are in reach.
void expect_units(const Case& made, const CpuExclusive& wish, const CpuSet& seat) {
    const CpuSet reach = reach_of(made, wish);
    EXPECT_TRUE(seat.is_subset_of(reach));
    std::size_t kinds = 0;
    CpuSet same_kind = reach;
    for (const CpuSet& kind : kinds_of(made.topology, resolve(made.topology, made.universe).cpus, wish.kind))
        if (kind.intersects(seat)) {
            ++kinds;
            same_kind = reach & kind;
        }
    EXPECT_EQ(kinds, 1U);
    if (wish.unit == Unit::threads) {
        EXPECT_EQ(seat.count(), wish.count);
        return;
    }
    const bool one = wish.smt == CpuExclusive::Smt::one;
    CpuSet whole = whole_cores(made.topology, seat) & same_kind;
    if (wish.unit == Unit::cores) {
        EXPECT_EQ(cores_in(made.topology, seat), wish.count);
    }
    if (wish.unit != Unit::cores) {
        const CpuLevel level = wish.unit == Unit::l3     ? CpuLevel::l3
                               : wish.unit == Unit::numa ? CpuLevel::numa
                                                         : CpuLevel::package;
        std::vector<CpuSet> touched = domains_of(made.topology, level);
        std::erase_if(touched, [&](const CpuSet& domain) { return !domain.intersects(seat); });
        ASSERT_EQ(touched.size(), 1U);
        whole = touched.front() & same_kind;
    }
    EXPECT_EQ(one ? whole_cores(made.topology, seat) & same_kind : seat, whole);
    if (one) {
        EXPECT_EQ(seat.count(), cores_in(made.topology, whole));
    }
}

TEST(Properties, P1EveryWorkerGetsItsUnitsAndSharesThemWithNobody) {
    for_seeds(3000, [](std::uint64_t seed) {
        const Case made = random_case(seed);
        const Plan p = made.cold();
        const CpuSet usable = resolve(made.topology, made.universe).cpus;
        CpuSet held;
        std::map<std::uint32_t, std::string> pool_of_core;  // by the core's first CPU
        for (const PoolSeats& entry : p.pools) {
            const CpuExclusive* wish = exclusive_of(made, entry.pool);
            if (const auto workers = declared(made, request_of(made, entry.pool))) {
                EXPECT_EQ(entry.seats.size(), *workers);
            }
            const bool stacks = wish && wish->oversubscribe == CpuExclusive::Oversubscribe::stack;
            CpuSet own;
            for (std::uint32_t slot = 0; slot < entry.seats.size(); ++slot) {
                const Seat& seat = entry.seats[slot];
                EXPECT_EQ(seat.slot, slot);
                EXPECT_FALSE(seat.mask.empty());
                EXPECT_TRUE(seat.mask.is_subset_of(usable));
                if (!seat.exclusive) {
                    EXPECT_TRUE(seat.mask.is_subset_of(p.shared));
                    continue;
                }
                EXPECT_FALSE(seat.cpus.intersects(held));
                EXPECT_FALSE(seat.cpus.intersects(p.shared));
                EXPECT_TRUE(stacks || !seat.cpus.intersects(own));
                own |= seat.cpus;
                if (!wish) continue;
                expect_units(made, *wish, seat.cpus);
                for (const CpuSet& core : made.topology.cores)
                    if (core.intersects(seat.cpus)) {
                        EXPECT_EQ(pool_of_core.emplace(core.first(), entry.pool).first->second, entry.pool);
                    }
            }
            held |= own;
        }
        EXPECT_TRUE((usable - held - p.shared).is_subset_of(whole_cores(made.topology, held)));  // idle siblings
        for (const PoolRequest& request : made.requests)
            EXPECT_NE(p.find(request.pool) != nullptr, has_error(p, request.pool)) << request.pool;
    });
}

TEST(Properties, P11NobodyElseSitsWhereAPoolKeepsOthersOut) {
    std::size_t kept = 0;
    for_seeds(3000, [&](std::uint64_t seed) {
        const Case made = random_case(seed);
        const Plan p = made.cold();
        for (const PoolSeats& entry : p.pools) {
            const CpuExclusive* wish = exclusive_of(made, entry.pool);
            if (!wish || !wish->keep_out) continue;
            CpuSet domains;
            for (const CpuSet& domain : domains_of(made.topology, *wish->keep_out))
                for (const Seat& seat : entry.seats)
                    if (domain.intersects(seat.cpus)) domains |= domain;
            for (const auto& [slot, cpus] : exclusive_seats(p)) {
                if (slot.first == entry.pool) continue;
                ++kept;
                EXPECT_FALSE(cpus.intersects(domains)) << slot.first << "/" << slot.second << " and " << entry.pool;
            }
        }
    });
    if (std::getenv("PINION_SEED") == nullptr) {
        EXPECT_GT(kept, 100U);
    }
}

TEST(Properties, P12BindWidensWithinThePoolOnly) {
    for_seeds(2000, [](std::uint64_t seed) {
        const Case made = random_case(seed);
        const Plan p = made.cold();
        for (const PoolSeats& entry : p.pools) {
            CpuSet pool;
            for (const Seat& seat : entry.seats) pool |= seat.cpus;
            const CpuExclusive* wish = exclusive_of(made, entry.pool);
            for (const Seat& seat : entry.seats) {
                if (!seat.exclusive) continue;
                EXPECT_TRUE(seat.cpus.is_subset_of(seat.mask));
                EXPECT_TRUE(seat.mask.is_subset_of(pool));
                if (!wish || wish->bind == CpuExclusive::Bind::seat) {
                    EXPECT_EQ(seat.mask, seat.cpus);
                }
                if (wish && wish->bind == CpuExclusive::Bind::pool) {
                    EXPECT_EQ(seat.mask, pool);
                }
            }
        }
    });
}

TEST(Properties, P13FloatingWorkersGetWhatExclusiveSeatsLeave) {
    for_seeds(2000, [](std::uint64_t seed) {
        Case made = random_case(seed);
        made.requests.push_back(pool("float", 2, CpuNone{}));
        const Plan p = made.cold();
        CpuSet left = resolve(made.topology, made.universe).cpus;
        bool idles = false;
        for (const auto& [slot, cpus] : exclusive_seats(p)) left -= cpus;
        for (const PoolRequest& request : made.requests)
            if (const auto* wish = std::get_if<CpuExclusive>(&request.cpu))
                idles = idles || wish->smt == CpuExclusive::Smt::one;
        if (p.find("float") == nullptr) {
            EXPECT_TRUE(p.shared.empty());
            EXPECT_NE(codes(p.errors).find("E_NO_SHARED(float)"), std::string::npos);
            return;
        }
        for (const Seat& seat : p.find("float")->seats) EXPECT_EQ(seat.mask, p.shared);
        EXPECT_TRUE(p.shared.is_subset_of(left));
        if (!idles) {
            EXPECT_EQ(p.shared, left);
        }
    });
}

TEST(Properties, P13bSoftWorkersAreBalancedAndStayPut) {
    for_seeds(1500, [](std::uint64_t seed) {
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
        // Workers that belong in a domain can't balance it with others.
        const bool anywhere = std::ranges::none_of(made.requests, [](const PoolRequest& request) {
            return std::holds_alternative<CpuAuto>(request.cpu) && request.workers.per;
        });
        if (!loads.empty() && anywhere) {
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

TEST(Properties, SoftWorkersOfADomainSitInItWhileItHasASharedCore) {
    for_seeds(1000, [](std::uint64_t seed) {
        Case made = random_case(seed);
        Random random(seed);
        const auto level = static_cast<CpuLevel>(random.between(1, 3));
        made.requests.push_back(pool("each", WorkerCount{.number = random.between(1, 4), .per = level}, CpuAuto{}));
        const CpuSet usable = resolve(made.topology, made.universe).cpus;
        std::vector<CpuSet> present;
        for (const CpuSet& domain : domains_of(made.topology, level))
            if (domain.intersects(usable)) present.push_back(domain);
        const Plan cold = made.cold();
        for (const Plan& p : {cold, made.plan_with(cold.ledger())}) {
            const PoolSeats* each = p.find("each");
            if (each == nullptr) continue;
            std::size_t outside = 0;
            for (const Seat& seat : each->seats) {
                const CpuSet& home = present.at(seat.slot % present.size());
                if (!home.intersects(p.shared)) ++outside;
                EXPECT_TRUE(seat.cpus.is_subset_of(home.intersects(p.shared) ? home : p.shared));
            }
            const auto note = std::ranges::find_if(
                p.warnings, [](const PlanNote& n) { return n.code == "W_NO_SHARED" && n.pool == "each"; });
            EXPECT_EQ(note == p.warnings.end() ? 0U : note->missing, outside);
            if (note != p.warnings.end()) {
                EXPECT_EQ(note->slots.size(), outside);
                EXPECT_EQ(note->wanted, each->seats.size());
            }
        }
    });
}

// What each code carries besides its sentence.
void expect_numbers(const PlanNote& note, const Case& made) {
    const CpuSet& all = made.topology.root.cpus;
    EXPECT_LE(note.missing, note.wanted);
    EXPECT_TRUE(std::ranges::is_sorted(note.slots));
    if (note.code == "E_CPU_NOT_ALLOWED" || note.code == "E_CONFLICT" || note.code == "W_HALF_CORE" ||
        note.code == "E_AUTO_AMBIGUOUS" || note.code == "W_NO_HOUSEKEEPING" || note.code == "W_NO_SHARED") {
        EXPECT_GT(note.missing, 0U);
        const bool names_none =
            note.message.ends_with(" names no CPU") || note.message.starts_with("'within' is 0 CPUs");
        EXPECT_EQ(note.cpus.empty(), names_none);
    }
    if (note.code == "W_HALF_CORE") {
        EXPECT_EQ(note.cpus.count() + note.missing, note.wanted);
        EXPECT_EQ(whole_cores(made.topology, note.cpus).count(), note.wanted);
    }
    if (note.code == "E_CONFLICT") {
        EXPECT_EQ(note.cpus.count(), note.missing);
        EXPECT_FALSE(note.slots.empty());
    }
    if (note.code == "E_NO_SUCH_DOMAIN" || note.code == "W_STRADDLE") {
        EXPECT_FALSE(note.levels.empty());
    }
    if (note.code == "E_OVERSUBSCRIBED" || note.code == "E_NO_SHARED") {
        EXPECT_TRUE(note.account);
    }
    if (note.code == "E_SEATS_SHORT" || note.code == "E_NO_SUCH_DOMAIN" || note.code == "W_STACKED" ||
        note.code == "W_SHRUNK") {
        EXPECT_GT(note.missing, 0U);
    }
    if (note.code == "W_QUOTA") {
        EXPECT_EQ(note.quota, made.universe.quota);
    }
    if (note.code == "W_STRADDLE" || note.code == "W_MIXED_KINDS") {
        EXPECT_FALSE(note.slots.empty());
    }
    if (note.code == "W_FLAT_TOPOLOGY") {
        EXPECT_EQ(note.cpus, all);
        EXPECT_EQ(note.wanted, made.topology.cores.size());
    }
}

TEST(Properties, EveryNoteCarriesItsNumbers) {
    std::set<std::string> seen;
    for_seeds(1500, [&](std::uint64_t seed) {
        const Case made = random_case(seed);
        const Plan p = made.cold();
        for (const auto* notes : {&p.errors, &p.warnings})
            for (const PlanNote& note : *notes) {
                SCOPED_TRACE(note.code + ": " + note.message);
                seen.insert(note.code);
                expect_numbers(note, made);
            }
    });
    if (std::getenv("PINION_SEED") == nullptr && std::getenv("PINION_ROUNDS") == nullptr) {
        for (const char* code : {"W_STRADDLE", "W_HALF_CORE", "W_NO_HOUSEKEEPING", "W_QUOTA", "W_MIXED_KINDS",
                                 "W_FLAT_TOPOLOGY", "W_STACKED", "W_SHRUNK", "W_NO_SHARED"})
            EXPECT_TRUE(seen.contains(code)) << code;
    }
}

std::uint64_t number_before(const std::string& text, const std::string& word) {
    std::uint64_t sum = 0;
    const std::regex pattern("(\\d+) " + word);
    for (std::sregex_iterator i(text.begin(), text.end(), pattern), end; i != end; ++i) sum += std::stoull((*i)[1]);
    return sum;
}

TEST(Properties, P14TheNumbersOfErrorsAddUp) {
    std::set<std::string> seen;
    for_seeds(800, [&](std::uint64_t seed) {
        const Case made = random_case(seed);
        for (const PlanNote& note : made.cold().errors) {
            SCOPED_TRACE(note.code + ": " + note.message);
            seen.insert(note.code);
            if (note.account) {
                std::uint64_t held = 0;
                for (const Holder& holder : note.account->holders) held += holder.units;
                EXPECT_EQ(note.account->total, note.account->reserved + held + note.account->free);
                EXPECT_GT(note.missing, 0U);
                if (note.code == "E_OVERSUBSCRIBED") {
                    EXPECT_EQ(note.wanted, note.account->free + note.missing);
                }
                if (note.code == "E_SEAT_TOO_WIDE") {
                    EXPECT_GE(note.account->free, note.wanted);
                }
            }
            const std::string facts = note.message.substr(0, note.message.find(". Try"));
            const std::uint64_t free = number_before(facts, "free");
            const std::uint64_t missing = facts.find("Short by ") == std::string::npos
                                              ? 0
                                              : std::stoull(facts.substr(facts.find("Short by ") + 9));
            if (note.code == "E_OVERSUBSCRIBED" || note.code == "E_NO_SHARED") {
                std::smatch total;
                ASSERT_TRUE(
                    std::regex_search(facts, total, std::regex("has (\\d+) (core|thread|CPU|L3|NUMA|package)")));
                EXPECT_EQ(std::stoull(total[1]),
                          number_before(facts, "reserved") + number_before(facts, "held") + free);
            }
            if (note.code == "E_OVERSUBSCRIBED") {
                std::smatch wish;
                ASSERT_TRUE(std::regex_search(facts, wish, std::regex("(\\d+) seats? x (\\d+) [\\w ]+ = (\\d+)")));
                EXPECT_EQ(std::stoull(wish[1]) * std::stoull(wish[2]), std::stoull(wish[3]));
                EXPECT_EQ(std::stoull(wish[3]), free + missing);
                EXPECT_GT(missing, 0U);
            }
            if (note.code == "E_NO_SUCH_DOMAIN") {
                std::smatch wish;
                ASSERT_TRUE(std::regex_search(facts, wish, std::regex("wants (?:at least )?(\\d+) .*shows (\\d+)")));
                EXPECT_GT(std::stoull(wish[1]), std::stoull(wish[2]));
            } else if (facts.find(" wants ") != std::string::npos) {  // one explicit seat
                std::smatch wish;
                ASSERT_TRUE(std::regex_search(facts, wish, std::regex("wants (\\d+) CPU")));
                const std::uint64_t here = free + number_before(facts, "usable");
                EXPECT_EQ(std::stoull(wish[1]), here + missing);
                EXPECT_EQ(missing, number_before(facts, "held") + number_before(facts, "kept") +
                                       number_before(facts, "reserved") + number_before(facts, "outside") +
                                       number_before(facts, "not allowed") + number_before(facts, "offline"));
            }
        }
    });
    if (std::getenv("PINION_SEED") == nullptr) {
        EXPECT_EQ(seen,
                  (std::set<std::string>{"E_AUTO_AMBIGUOUS", "E_CONFLICT", "E_CPU_NOT_ALLOWED", "E_NO_SHARED",
                                         "E_NO_SUCH_DOMAIN", "E_OVERSUBSCRIBED", "E_SEATS_SHORT", "E_SEAT_TOO_WIDE"}));
    }
}

TEST(Properties, P16AutomaticCountsGrowWithCpusAndQuota) {
    for_seeds(80, [](std::uint64_t seed) {
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
    for_seeds(1000, [](std::uint64_t seed) {
        Case made = random_case(seed);
        made.requests.push_back(pool("soft", 3, CpuAuto{}));
        made.requests.push_back(pool("float", 3, CpuNone{}));
        const Plan p = made.cold();
        EXPECT_EQ(p.shared.empty(), p.find("soft") == nullptr);
        EXPECT_EQ(p.shared.empty(), p.find("float") == nullptr);
    });
}

TEST(Properties, AFailedPoolDoesNotHurtTheOthers) {
    for_seeds(1500, [](std::uint64_t seed) {
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
