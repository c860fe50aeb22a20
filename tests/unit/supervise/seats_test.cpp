// SPDX-License-Identifier: Apache-2.0
// Seats that others still use, and workers whose CPUs are gone.
#include "harness.h"

namespace pinion::supervise {
namespace {

cpu::Seat own(std::uint32_t slot, std::uint32_t cpu) {
    return {.slot = slot, .cpus = {cpu}, .mask = {cpu}, .exclusive = true};
}
cpu::Seat soft(std::uint32_t slot, std::uint32_t cpu) { return {.slot = slot, .cpus = {cpu}, .mask = {cpu}}; }
cpu::Seat parked(std::uint32_t slot, CpuSet mask = {}) {
    return {.slot = slot, .mask = std::move(mask), .parked = true};
}

class Seats : public testing::Test, public Harness {
protected:
    using Harness::declare;
    void declare(const std::string& pool, std::vector<cpu::Seat> seats, bool seats_only = false) {
        send(PoolDeclared{std::make_shared<const PoolSpec>(service(pool)), std::move(seats), false, seats_only});
    }
    void run(const std::string& pool, std::vector<cpu::Seat> seats) {
        declare(pool, std::move(seats));
        spawn_all(pool);
    }
};

TEST_F(Seats, OfAPoolThatStopsAreNotGivenOnBeforeItsWholeTreeIsGone) {
    run("old", {own(0, 0), own(1, 1)});
    send(PoolWithdrawn{"old"});
    declare("fresh", {own(0, 1), own(1, 2)});
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(view("fresh", 0).note, "waits for a worker that is stopping to leave its CPUs 1");
    die("old", 0);
    EXPECT_EQ(count<Spawn>(), 0U);
    const auto worker = id("old", 1);
    send(WorkerExited{worker, exit_with(0)});
    EXPECT_EQ(count<Spawn>(), 0U) << "its tree may still live";
    send(TreeEmptied{worker});
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0}));
}

TEST_F(Seats, OfSlotsThatAreNoMoreAreWaitedForToo) {
    run("a", {own(0, 0), own(1, 1)});
    declare("a", {own(0, 0)});
    declare("b", {own(0, 1)});
    EXPECT_EQ(count<Spawn>(), 0U);
    die("a", 1);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0}));
}

TEST_F(Seats, NeitherDoesAnOperatorsStartGoBefore) {
    run("old", {own(0, 0)});
    send(PoolWithdrawn{"old"});
    declare("fresh", {own(0, 0)});
    start("fresh", 0);
    EXPECT_EQ(count<Spawn>(), 0U);
    die("old");
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Seats, SoftWorkersWaitForOwnersOnly) {
    run("old", {own(0, 0)});
    run("mild", {soft(0, 1)});
    send(PoolWithdrawn{"old"});
    send(PoolWithdrawn{"mild"});
    declare("fresh", {soft(0, 0), soft(1, 1)});
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1}));
    declare("owner", {own(0, 1)});
    EXPECT_EQ(count<Spawn>(), 0U) << "who owns a seat waits for soft workers as well";
    die("mild");
    EXPECT_EQ(count<Spawn>(), 1U);
    die("old");
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Seats, WhoWaitsForThemDoesNotKeepOthersFromStarting) {
    run("old", {own(0, 0)});
    send(PoolWithdrawn{"old"});
    declare("fresh", {own(0, 0), own(1, 1), own(2, 2)});
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{1, 2}));
}

TEST_F(Seats, APoolThatLeavesWhileItWaitsIsGoneAtOnce) {
    run("old", {own(0, 0)});
    send(PoolWithdrawn{"old"});
    declare("fresh", {own(0, 0)});
    send(PoolWithdrawn{"fresh"});
    EXPECT_EQ(count<PoolRemoved>(), 1U);
    die("old");
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_EQ(count<PoolRemoved>(), 1U);
}

TEST_F(Seats, AWorkerThatLivesMovesOnlyWhenTheOthersTreeIsGone) {
    run("old", {own(0, 0)});
    run("a", {own(0, 1)});
    send(PoolWithdrawn{"old"});
    declare("a", {own(0, 0)}, true);
    EXPECT_EQ(count<Repin>(), 0U);
    EXPECT_EQ(view("a", 0).note, "waits for a worker that is stopping before it moves to CPUs 0");
    EXPECT_EQ(view("a", 0).seat, own(0, 1)) << "where it sits";
    const auto worker = id("old", 0);
    send(WorkerExited{worker, exit_with(0)});
    EXPECT_EQ(count<Repin>(), 0U) << "its tree may still live";
    send(TreeEmptied{worker});
    EXPECT_EQ(slots<Repin>(), (std::vector<std::uint32_t>{0}));
    EXPECT_EQ(view("a", 0).seat, own(0, 0));
    EXPECT_EQ(view("a", 0).note, "");
}

TEST_F(Seats, OfWhoCanNotMoveYetAreWaitedForToo) {
    run("old", {own(0, 0)});
    run("a", {own(0, 1)});
    run("b", {own(0, 2)});
    send(PoolWithdrawn{"old"});
    declare("a", {own(0, 0)}, true);
    declare("b", {own(0, 1)}, true);
    declare("c", {own(0, 2)});
    EXPECT_EQ(count<Repin>() + count<Spawn>(), 0U) << "each waits for the one before";
    const auto worker = id("old", 0);
    send(WorkerExited{worker, exit_with(0)});
    send(TreeEmptied{worker});
    EXPECT_EQ(count<Repin>(), 2U);
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Seats, WorkersThatChangePlacesDoNotWaitForEachOther) {
    run("a", {own(0, 0), own(1, 1)});
    declare("a", {own(0, 1), own(1, 0)}, true);
    EXPECT_EQ(slots<Repin>(), (std::vector<std::uint32_t>{0, 1}));
}

TEST_F(Seats, WhoDiesBeforeItCouldMoveStartsOnItsNewSeatOnceThatIsFree) {
    run("old", {own(0, 0)});
    run("a", {own(0, 1)});
    send(PoolWithdrawn{"old"});
    declare("a", {own(0, 0)}, true);
    die("a");
    EXPECT_EQ(count<Spawn>(), 0U);
    declare("b", {own(0, 1)});
    EXPECT_EQ(count<Spawn>(), 1U) << "it has left its old seat";
    die("old");
    EXPECT_EQ(count<Spawn>(), 1U);
    EXPECT_EQ(count<Repin>(), 0U);
}

TEST_F(Seats, WhatADeadWorkerLeftKeepsTheSeatItWasOn) {
    run("a", {own(0, 0), own(1, 1)});
    const auto worker = id("a", 0);
    send(WorkerExited{worker, exit_with(1)});
    declare("a", {own(0, 1), own(1, 0)}, true);
    EXPECT_EQ(count<Repin>(), 0U);
    send(TreeEmptied{worker});
    EXPECT_EQ(slots<Repin>(), (std::vector<std::uint32_t>{1}));
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0}));
}

TEST_F(Seats, WhoLeavesWhileItWaitsToMoveIsNotMovedAnyMore) {
    run("old", {own(0, 0)});
    run("a", {own(0, 1)});
    send(PoolWithdrawn{"old"});
    declare("a", {own(0, 0)}, true);
    send(PoolWithdrawn{"a"});
    declare("b", {own(0, 0)});
    die("old");
    EXPECT_EQ(count<Repin>(), 0U);
    EXPECT_EQ(count<Spawn>(), 1U) << "the seat is b's";
}

TEST_F(Seats, AnOperatorsStartPassesTheGateEvenWhereItHasToWaitForCpus) {
    auto gated = service("fresh");
    gated.start.after = {"db"};
    run("old", {own(0, 0)});
    send(PoolWithdrawn{"old"});
    send(PoolDeclared{std::make_shared<const PoolSpec>(gated), {own(0, 0)}, false, false});
    start("fresh", 0);
    EXPECT_EQ(count<Spawn>(), 0U);
    die("old");
    EXPECT_EQ(count<Spawn>(), 1U);
}

TEST_F(Seats, AMoveThatIsTakenBackIsNotMade) {
    run("old", {own(0, 0)});
    run("a", {own(0, 1)});
    send(PoolWithdrawn{"old"});
    declare("a", {own(0, 0)}, true);
    declare("a", {own(0, 1)}, true);
    die("old");
    EXPECT_EQ(count<Repin>(), 0U);
    EXPECT_EQ(view("a", 0).seat, own(0, 1));
}

TEST_F(Seats, AWorkerWhoseCpusGoWhileItIsSpawnedLeavesThemAsSoonAsItIsThere) {
    declare("a", {own(0, 0)});
    declare("a", {parked(0, {5})}, true);
    EXPECT_EQ(count<Repin>() + count<Signal>(), 0U) << "there is nobody yet";
    send(SpawnSucceeded{id("a", 0)});
    ASSERT_EQ(count<Repin>(), 1U);
    EXPECT_EQ(all<Repin>()[0].seat.mask, (CpuSet{5}));
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{0}));
}

TEST_F(Seats, AWorkerWithoutCpusIsStoppedAndStartsWhenTheyAreBack) {
    run("a", {own(0, 0), own(1, 1)});
    declare("a", {parked(0, {5}), own(1, 1)}, true);
    EXPECT_EQ(slots<Repin>(), (std::vector<std::uint32_t>{0})) << "it leaves the others' CPUs while it stops";
    EXPECT_EQ(slots<Signal>(), (std::vector<std::uint32_t>{0}));
    EXPECT_EQ(facts<WorkerStopping>().at(0).reason, "its CPUs are gone");
    EXPECT_TRUE(facts<PoolChanged>().empty()) << "the pool itself is as it was";
    die("a", 0);
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_EQ(view("a", 0).note, "waits for CPUs: those of its seat are gone");
    start("a");
    restart("a", 0);
    EXPECT_EQ(count<Spawn>(), 0U) << "nor does an operator start it";
    declare("a", {own(0, 0), own(1, 1)}, true);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0}));
}

TEST_F(Seats, WhoHasCompletedStaysSoWithoutCpus) {
    auto spec = service("a");
    spec.restart.policy = RestartWhen::on_failure;
    send(PoolDeclared{std::make_shared<const PoolSpec>(spec), {own(0, 0)}});
    spawn_all("a");
    die("a", 0, exit_with(0));
    send(PoolDeclared{std::make_shared<const PoolSpec>(spec), {parked(0)}, false, true});
    EXPECT_EQ(state("a"), WorkerState::completed);
    send(PoolDeclared{std::make_shared<const PoolSpec>(spec), {own(0, 0)}, false, true});
    EXPECT_EQ(state("a"), WorkerState::completed);
    EXPECT_EQ(count<Spawn>(), 0U);
}

TEST_F(Seats, ANewSlotWithoutCpusDoesNotStart) {
    declare("a", {parked(0)});
    EXPECT_EQ(count<Spawn>(), 0U);
    declare("a", {own(0, 3)}, true);
    EXPECT_EQ(slots<Spawn>(), (std::vector<std::uint32_t>{0}));
}

TEST_F(Seats, WhoBacksOffWithoutCpusIsNotRestarted) {
    run("a", {own(0, 0)});
    die("a");
    spawn_all("a");
    die("a");
    ASSERT_EQ(state("a"), WorkerState::backoff);
    declare("a", {parked(0)}, true);
    EXPECT_EQ(supervisor.next_deadline(), no_deadline);
    declare("a", {own(0, 0)}, true);
    EXPECT_EQ(count<Spawn>(), 1U);
}

}  // namespace
}  // namespace pinion::supervise
