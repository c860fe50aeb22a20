// SPDX-License-Identifier: Apache-2.0
// What a pool may ask of its seats beyond their size: where, of which kind, how close, how far from others.
#include <gmock/gmock.h>

#include <set>

#include "machines.h"

namespace pinion::cpu::testing {
namespace {

using ::testing::HasSubstr;
using Unit = CpuExclusive::Unit;

std::string masks(const Plan& plan, const std::string& name) {
    std::string text;
    if (const PoolSeats* entry = plan.find(name))
        for (const Seat& seat : entry->seats) text += (text.empty() ? "{" : " {") + seat.mask.to_list() + "}";
    return text;
}

CpuScope at(CpuLevel level, std::uint32_t index) { return {{}, {{level, index}}}; }

TEST(SeatBlock, AWholeDomainIsASeat) {
    const Plan p =
        plan_on(t3(), {pool("a", 2, CpuExclusive{.unit = Unit::l3}), pool("b", 1, CpuExclusive{.unit = Unit::numa})});
    EXPECT_EQ(seats(p, "b"), "{0-7,32-39}");  // the larger seat chooses first
    EXPECT_EQ(seats(p, "a"), "{8-11,40-43} {16-19,48-51}");
    EXPECT_EQ(seats(plan_on(t2(), {pool("a", automatic, CpuExclusive{.unit = Unit::package})}), "a"),
              "{0,2,4,6,8,10,12,14} {1,3,5,7,9,11,13,15}");
}

TEST(SeatBlock, AWholeDomainIsFreeOnlyAsAWhole) {
    CpuExclusive core = cores(1);
    core.within = at(CpuLevel::numa, 1);
    const Plan p = plan_on(t2(), {pool("a", 2, CpuExclusive{.unit = Unit::numa}), pool("b", 1, core)});
    ASSERT_EQ(codes(p.errors), "E_OVERSUBSCRIBED(a)");
    EXPECT_EQ(p.errors[0].message,
              "2 seats x 1 NUMA node = 2 NUMA nodes; the machine has 2 NUMA nodes: 1 held by pool 'b' (b/0), 1 free. "
              "Short by 1. Try: workers: 1 | cpu: auto (a shared core for each)");
}

TEST(SeatBlock, WithinIsAHardScope) {
    CpuExclusive seat = cores(2);
    seat.within = at(CpuLevel::numa, 1);
    EXPECT_EQ(seats(plan_on(t2(), {pool("a", 2, seat)}), "a"), "{1,3,9,11} {5,7,13,15}");
    const Plan p = plan_on(t2(), {pool("a", 3, seat)});
    ASSERT_EQ(codes(p.errors), "E_OVERSUBSCRIBED(a)");
    EXPECT_THAT(p.errors[0].message,
                HasSubstr("numa:1 has 4 cores: 4 free. Short by 2. Try: workers: 2 | within: all (8 free)"));
    seat.within = CpuScope(cpus("0,8,3"), {{CpuLevel::core, 2}});
    EXPECT_EQ(seats(plan_on(t2(), {pool("a", 1, seat)}), "a"), "{0,4,8,12}");
}

TEST(SeatBlock, AScopeThatIsNotThereIsAnError) {
    CpuExclusive seat = cores(1);
    seat.within = at(CpuLevel::numa, 2);
    Plan p = plan_on(t2(), {pool("a", 1, seat)});
    ASSERT_EQ(codes(p.errors), "E_NO_SUCH_DOMAIN(a)");
    EXPECT_EQ(p.errors[0].message, "'within: numa:2' wants 3 NUMA nodes: this machine shows 2, counted from 0");
    seat.within = CpuScope(cpus("16-20"));
    EXPECT_EQ(codes(plan_on(t2(), {pool("a", 1, seat)}).errors), "E_CPU_NOT_ALLOWED(a)");
    p = plan_on(synthetic("core:4 pu:1"),
                {pool("a", 1, CpuExclusive{.unit = Unit::l3}), pool("b", 1, CpuExclusive{.require = CpuLevel::l3}),
                 pool("c", {.number = 1, .per = CpuLevel::l3}, CpuAuto{})});
    EXPECT_EQ(codes(p.errors), "E_NO_SUCH_DOMAIN(a) E_NO_SUCH_DOMAIN(b) E_NO_SUCH_DOMAIN(c)");
    EXPECT_EQ(p.errors[0].message, "'seat: l3' wants at least 1 L3 cache: this machine shows 0");
}

TEST(SeatBlock, RequireFailsRatherThanStraddle) {
    CpuExclusive seat = cores(3);
    seat.require = CpuLevel::l3;
    EXPECT_EQ(
        seats(plan_on(t3(), {pool("a", automatic, seat)}), "a"),
        "{0-2,32-34} {8-10,40-42} {16-18,48-50} {24-26,56-58} {4-6,36-38} {12-14,44-46} {20-22,52-54} {28-30,60-62}");
    const Plan p = plan_on(t3(), {pool("a", 9, seat)});
    ASSERT_EQ(codes(p.errors), "E_SEAT_TOO_WIDE(a)");
    EXPECT_EQ(p.errors[0].message,
              "9 seats x 3 cores = 27 cores, each inside one L3 cache; the machine has 32 cores: 32 free, which hold 8 "
              "such seats. Short by 1 seat. Try: workers: 8 | a smaller seat than 3 cores | require: none");
    EXPECT_EQ(p.errors[0].missing, 1U);
}

TEST(SeatBlock, RequireHoldsForEarlierSeatsToo) {
    const Ledger ledger{{"a", 0, cpus("6-7,14-15"), true}};
    CpuExclusive seat = cores(2);
    EXPECT_EQ(seats(plan_on(t2(), {pool("a", 1, seat)}, ledger), "a"), "{6-7,14-15}");
    seat.require = CpuLevel::numa;
    EXPECT_EQ(seats(plan_on(t2(), {pool("a", 1, seat)}, ledger), "a"), "{0,2,8,10}");
}

TEST(SeatBlock, KeepOutHoldsBothWays) {
    CpuExclusive quiet = cores(1);
    quiet.keep_out = CpuLevel::l3;
    // "quiet" has fewer workers, and so chooses last: it goes where nobody is.
    const Plan last = plan_on(t3(), {pool("quiet", 1, quiet), pool("a", 7, cores(1))});
    EXPECT_EQ(seats(last, "quiet"), "{28,60}");
    // With more workers it chooses first, and the others keep away.
    const Plan first = plan_on(t2(), {pool("quiet", 3, cores(1)), pool("a", 1, quiet)});
    EXPECT_EQ(codes(first.errors), "E_OVERSUBSCRIBED(a)");
    EXPECT_THAT(first.errors[0].message, HasSubstr("8 held by pool 'quiet' (quiet/0..2), 0 free"));
    const Plan explicit_seat =
        plan_on(t2(), {pool("a", 1, quiet), pool("b", 1, CpuSeats{{cpus("2")}})}, {{"a", 0, cpus("0,8"), true}});
    ASSERT_EQ(codes(explicit_seat.errors), "E_CONFLICT(b)");
    EXPECT_EQ(
        explicit_seat.errors[0].message,
        "seat 0 (2) wants 1 CPU: 0 free, 1 kept to itself by another pool's 'keep_out' (2). Short by 1. Try: name "
        "other CPUs in one of the pools");
}

TEST(SeatBlock, BindWidensTheMaskWithinThePool) {
    CpuExclusive seat = cores(1);
    const auto with = [&](CpuExclusive::Bind bind) {
        seat.bind = bind;
        return masks(plan_on(t2(), {pool("a", 4, seat), pool("b", 1, cores(1))}), "a");
    };
    EXPECT_EQ(with(CpuExclusive::Bind::seat), "{0,8} {1,9} {2,10} {3,11}");
    EXPECT_EQ(with(CpuExclusive::Bind::core), "{0,8} {1,9} {2,10} {3,11}");
    EXPECT_EQ(with(CpuExclusive::Bind::l3), "{0,2,8,10} {1,3,9,11} {0,2,8,10} {1,3,9,11}");
    EXPECT_EQ(with(CpuExclusive::Bind::numa), with(CpuExclusive::Bind::package));
    EXPECT_EQ(with(CpuExclusive::Bind::pool), "{0-3,8-11} {0-3,8-11} {0-3,8-11} {0-3,8-11}");
}

TEST(SeatBlock, OneThreadOfEachCoreIdlesTheSiblings) {
    CpuExclusive seat = cores(2);
    seat.smt = CpuExclusive::Smt::one;
    const Plan p = plan_on(t1(), {pool("a", 1, seat), pool("soft", 2, CpuAuto{})});
    EXPECT_EQ(seats(p, "a"), "{0-1}");
    EXPECT_EQ(p.shared.to_list(), "2-3,6-7");
    EXPECT_EQ(plan_on(t1(), {pool("a", 1, seat), pool("soft", 2, CpuAuto{})}, p.ledger()), p);
    // Without its first thread a core gives the next one.
    Universe universe = all_of(t1());
    universe.allowed = cpus("1-7");
    EXPECT_EQ(seats(plan(t1(), universe, {pool("a", 2, seat)}, {}), "a"), "{1,4} {2-3}");
}

TEST(SeatBlock, EfficiencyUsesTheSlowerCoresOnly) {
    CpuExclusive seat = cores(1);
    seat.kind = CpuExclusive::Kind::efficiency;
    EXPECT_EQ(plan_on(t5(), {pool("a", automatic, seat)}).find("a")->seats.size(), 8U);
    const Plan p = plan_on(t5(), {pool("a", 9, seat)});
    ASSERT_EQ(codes(p.errors), "E_OVERSUBSCRIBED(a)");
    EXPECT_THAT(p.errors[0].message, HasSubstr("kind efficiency has 8 cores: 8 free. Short by 1"));
    EXPECT_EQ(seats(plan_on(t1(), {pool("a", 1, seat)}), "a"), "{0,4}");  // no machine of two kinds
}

TEST(SeatBlock, ASeatNeverMixesKinds) {
    CpuExclusive seat = cores(3);
    seat.kind = CpuExclusive::Kind::any;
    EXPECT_EQ(seats(plan_on(t5(), {pool("a", automatic, seat)}), "a"), "{0-1,8-9,16-17} {32,34,36} {40,42,44}");
    const Plan p = plan_on(t5(), {pool("a", 4, seat)});
    ASSERT_EQ(codes(p.errors), "E_SEAT_TOO_WIDE(a)");
    EXPECT_THAT(p.errors[0].message,
                HasSubstr("each of one kind of core; the machine has 12 cores: 12 free, which hold 3"));
}

TEST(SeatBlock, WorkersForEachNodeLieInTheirNode) {
    const WorkerCount two_each{.number = 2, .per = CpuLevel::numa};
    const Plan p = plan_on(t2(), {pool("a", two_each, cores(1, pack))});
    EXPECT_EQ(seats(p, "a"), "{0,8} {1,9} {2,10} {3,11}");
    const WorkerCount five_each{.number = 5, .per = CpuLevel::numa};
    const Plan many = plan_on(t2(), {pool("a", five_each, cores(1))});
    ASSERT_EQ(codes(many.errors), "E_OVERSUBSCRIBED(a)");
    EXPECT_THAT(many.errors[0].message,
                HasSubstr("5 seats x 1 core = 5 cores; numa:0 has 4 cores: 4 free. Short by 1"));
    EXPECT_EQ(plan_on(t3(), {pool("a", {.number = 3, .per = CpuLevel::l3}, CpuAuto{})}).find("a")->seats.size(), 24U);
}

TEST(SeatBlock, SoftWorkersForEachNodeSitInTheirNode) {
    const WorkerCount two_each{.number = 2, .per = CpuLevel::numa};
    const CpuExclusive node_0{.count = 3, .within = CpuScope{{}, {{CpuLevel::numa, 0}}}};
    // Node 0 has one shared core left, node 1 four.
    const Plan p = plan_on(t2(), {pool("db", 1, node_0), pool("web", two_each, CpuAuto{})});
    EXPECT_EQ(seats(p, "web"), "{6,14} {1,9} {6,14} {3,11}");
    EXPECT_EQ(codes(p.warnings), "");
    // All of node 0 is held: its workers sit elsewhere, and that is said.
    CpuExclusive all = node_0;
    all.count = 4;
    const Plan full = plan_on(t2(), {pool("db", 1, all), pool("web", two_each, CpuAuto{})});
    EXPECT_EQ(seats(full, "web"), "{1,9} {3,11} {5,13} {7,15}");
    ASSERT_EQ(codes(full.warnings), "W_NO_SHARED(web)");
    EXPECT_EQ(
        full.warnings[0].message,
        "2 of 4 workers (web/0,2) belong on the CPUs '0,2,4,6,8,10,12,14', of which exclusive seats leave 0: they "
        "sit on other shared cores");
    // Those who sit elsewhere crowd nobody while there is a core without a worker.
    const CpuExclusive cache_0{.count = 4, .within = CpuScope{{}, {{CpuLevel::l3, 0}}}};
    const WorkerCount two_a_cache{.number = 2, .per = CpuLevel::l3};
    const Plan wide = plan_on(t3(), {pool("db", 1, cache_0), pool("web", two_a_cache, CpuAuto{})});
    std::set<CpuSet> cores_used;
    for (const Seat& seat : wide.find("web")->seats) EXPECT_TRUE(cores_used.insert(seat.cpus).second) << seat.slot;
    EXPECT_EQ(cores_used.size(), 16U);
    // They go home with the next plan that has room there.
    const Universe universe = all_of(t2());
    const std::vector<PoolRequest> alone{pool("web", two_each, CpuAuto{})};
    EXPECT_EQ(seats(plan(t2(), universe, alone, full.ledger()), "web"), "{0,8} {3,11} {2,10} {7,15}");
}

TEST(SeatBlock, ASeatMustFitInWhatItsWorkersAreCountedFor) {
    const Plan p = plan_on(t3(), {pool("a", {.number = 1, .per = CpuLevel::l3}, CpuExclusive{.unit = Unit::numa}),
                                  pool("b", {.number = 1, .per = CpuLevel::numa}, CpuExclusive{.unit = Unit::l3})});
    ASSERT_EQ(codes(p.errors), "E_SEAT_TOO_WIDE(a)");
    EXPECT_EQ(p.errors[0].message,
              "'workers: {per: l3}' wants the seats of a worker inside one L3 cache, and 1 NUMA node spans more than 1 "
              "of them");
    EXPECT_EQ(seats(p, "b"), "{0-3,32-35} {8-11,40-43} {16-19,48-51} {24-27,56-59}");
}

TEST(SeatBlock, ShrinkAndStackSayWhatTheyDid) {
    CpuExclusive seat = cores(1);
    seat.oversubscribe = CpuExclusive::Oversubscribe::shrink;
    Plan p = plan_on(t1(), {pool("a", 6, seat)});
    EXPECT_EQ(seats(p, "a"), "{0,4} {1,5} {2,6} {3,7}");
    ASSERT_EQ(codes(p.warnings), "W_NO_HOUSEKEEPING W_SHRUNK(a)");
    EXPECT_EQ(p.warnings[1].message,
              "6 workers want 6 seats, 4 fit. Short by 2: the pool has fewer workers ('oversubscribe: shrink')");
    seat.oversubscribe = CpuExclusive::Oversubscribe::stack;
    p = plan_on(t1(), {pool("a", 6, seat)});
    EXPECT_EQ(seats(p, "a"), "{0,4} {1,5} {2,6} {3,7} {0,4} {1,5}");
    EXPECT_EQ(codes(p.warnings), "W_NO_HOUSEKEEPING W_STACKED(a)");
    EXPECT_EQ(plan_on(t1(), {pool("a", 6, seat)}, p.ledger()), p);
    // Without a single seat there is nothing to share.
    seat.count = 5;
    EXPECT_EQ(codes(plan_on(t1(), {pool("a", 6, seat)}).errors), "E_OVERSUBSCRIBED(a)");
}

TEST(SeatBlock, TheMostBoundsAutomaticCountsOnly) {
    const WorkerCount most_two{.automatic = true, .most = 2};
    EXPECT_EQ(plan_on(t1(), {pool("a", most_two, cores(1))}).find("a")->seats.size(), 2U);
    EXPECT_EQ(plan_on(t1(), {pool("a", most_two, CpuAuto{})}).find("a")->seats.size(), 2U);
    EXPECT_EQ(plan_on(t1(), {pool("a", most_two, CpuNone{})}).find("a")->seats.size(), 2U);
    EXPECT_EQ(plan_on(t1(), {pool("a", {.number = 3, .most = 2}, cores(1))}).find("a")->seats.size(), 3U);
}

TEST(SeatBlock, AutomaticPoolsInScopesApartDoNotRival) {
    CpuExclusive left = cores(1);
    CpuExclusive right = cores(1);
    left.within = at(CpuLevel::numa, 0);
    right.within = at(CpuLevel::numa, 1);
    const Plan p = plan_on(t2(), {pool("a", automatic, left), pool("b", automatic, right)});
    EXPECT_EQ(seats(p, "a"), "{0,8} {2,10} {4,12} {6,14}");
    EXPECT_EQ(seats(p, "b"), "{1,9} {3,11} {5,13} {7,15}");
    right.within.reset();
    EXPECT_EQ(codes(plan_on(t2(), {pool("a", automatic, left), pool("b", automatic, right)}).errors),
              "E_AUTO_AMBIGUOUS(a) E_AUTO_AMBIGUOUS(b)");
}

TEST(SeatBlock, TheMemoryPolicyIsPartOfTheSeat) {
    CpuExclusive seat = cores(1);
    seat.memory = CpuExclusive::Memory::interleave;
    const Plan p = plan_on(t2(), {pool("a", 1, seat), pool("b", 1, CpuAuto{}), pool("c", 1, CpuNone{})});
    EXPECT_EQ(p.find("a")->seats[0].memory, CpuExclusive::Memory::interleave);
    EXPECT_EQ(p.find("b")->seats[0].memory, CpuExclusive::Memory::near);
    EXPECT_EQ(p.find("c")->seats[0].memory, CpuExclusive::Memory::off);
}

TEST(SeatBlock, ErrorsCarryTheirNumbers) {
    const Plan p = plan_on(t1(), {pool("db", 2, cores(1)), pool("api", 1, cores(3))});
    ASSERT_EQ(codes(p.errors), "E_OVERSUBSCRIBED(db)");
    const PlanNote& note = p.errors[0];
    ASSERT_TRUE(note.account);
    EXPECT_EQ(*note.account, (Account{.noun = "core",
                                      .scope = "the machine",
                                      .total = 4,
                                      .reserved = 0,
                                      .free = 1,
                                      .holders = {{"api", {0}, 3}}}));
    EXPECT_EQ(note.wanted, 2U);
    EXPECT_EQ(note.missing, 1U);
}

}  // namespace
}  // namespace pinion::cpu::testing
