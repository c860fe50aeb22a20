// SPDX-License-Identifier: Apache-2.0
// What the store on disk makes one transaction of, how often it syncs, and that nothing is answered before.
#include <atomic>

#include "failing_disk.h"
#include "model/job_limits.h"
#include "store_harness.h"

namespace pinion::jobs {
namespace {

using testing::IsEmpty;

// A store whose commits are held until they are let go, and counted.
class StoreCommits : public testing::Test {
protected:
    // Has one in the hands of the committer, so that all that is posted from here on waits behind it.
    void hold_one() {
        desk.store->post(VoidClaim{JobId{1}});
        commits.until_held(1);
        applied = 0;
    }
    // Posts one more, and waits for it and with it for all others.
    void let_go() {
        desk.store->post(CancelMap{.token = 99, .map = MapId{1}, .pool = JobPoolId{0}});
        commits.let_go();
        while (desk.wait<MapCancelled>().token != 99) {
        }
    }
    ScratchFolder folder{true};
    SlowCommits commits;
    std::atomic<std::uint64_t> applied = 0;  // requests
    StoreDesk desk{SqliteStoreOptions{.folder = folder.path, .hook = [this](StorePoint point) {
                                          if (point == StorePoint::before_commit) commits.wait();
                                          if (point == StorePoint::request_applied) ++applied;
                                      }}};
};

TEST_F(StoreCommits, WhatQueuedBehindASlowOneGoesInOne) {
    hold_one();
    constexpr std::uint64_t submits = 500;
    for (std::uint64_t i = 0; i < submits; ++i)
        desk.store->post(Enqueue{.token = i, .jobs = std::vector<NewJob>(1, NewJob{.payload = "1"})});
    desk.store->post(OpenMap{submits, JobPoolId{0}, "film", false});
    commits.let_go();
    for (std::uint64_t i = 0; i < submits; ++i) {
        const auto answer = desk.wait<Enqueued>();
        ASSERT_TRUE(answer.jobs.has_value());
        EXPECT_EQ(answer.token, i);
    }
    desk.wait<MapStored>();
    EXPECT_EQ(commits.begun(), 2U) << "the slow one, and one of all others";
}

TEST_F(StoreCommits, OneTakesSoManyRequestsAndNoMore) {
    hold_one();
    for (std::size_t i = 1; i < limits::store_batch_requests; ++i) desk.store->post(VoidClaim{JobId{1}});
    let_go();
    EXPECT_EQ(commits.begun(), 2U);
}

TEST_F(StoreCommits, OneRequestMoreIsOneCommitMore) {
    hold_one();
    for (std::size_t i = 0; i < limits::store_batch_requests; ++i) desk.store->post(VoidClaim{JobId{1}});
    let_go();
    EXPECT_EQ(commits.begun(), 3U);
}

TEST_F(StoreCommits, NothingIsAnsweredAndNothingIsSeenBeforeItsOwn) {
    hold_one();
    desk.store->post(Enqueue{.token = 1, .jobs = std::vector<NewJob>(2, NewJob{.payload = "1"})});
    desk.store->post(done(JobId{1}));
    desk.store->post(NoteClaim{.job = JobId{1}, .token = 2});
    desk.store->post(OpenMap{3, JobPoolId{0}, "film", false});
    desk.store->post(SealMap{.map = MapId{1}, .seal = {}, .answer = true});
    commits.let_go_of_one();
    commits.until_held(2);
    EXPECT_THAT(*desk.ask<Listed>(ListJobs{.token = 5, .limit = 10}).jobs, IsEmpty());
    EXPECT_THAT(desk.answers, IsEmpty()) << "what is not committed is no promise";
    let_go();
    EXPECT_EQ(desk.answers.size(), 5U);
    EXPECT_EQ(desk.ask<Listed>(ListJobs{.token = 6, .limit = 10}).jobs->size(), 2U);
}

// Its enqueue and its end; a claim is worth a write where it is alone only.
TEST_F(StoreCommits, TheClaimOfAJobWhoseEndIsThereIsNotWritten) {
    hold_one();
    for (std::uint64_t job = 1; job <= 10; ++job) {
        desk.store->post(NoteClaim{.job = JobId{job}});
        desk.store->post(done(JobId{job}));
    }
    desk.store->post(NoteClaim{.job = JobId{11}});
    let_go();
    EXPECT_EQ(applied, 10U + 1U + 1U) << "ten ends, the claim of one that runs on, the last";
}

TEST(SyncedCommits, AreTwoAJob) {
    failing_disk::become(failing_disk::Mode::healthy);
    ScratchFolder folder;
    StoreDesk desk({.folder = folder.path, .vfs = failing_disk::vfs()});
    desk.one({.payload = "0"});  // the log has its header
    const auto before = failing_disk::syncs();
    constexpr std::uint64_t jobs = 10;
    for (std::uint64_t i = 0; i < jobs; ++i) {
        const JobId job = desk.one({.payload = "1"});
        desk.store->post(NoteClaim{.job = job});
        desk.ask<Flushed>(Flush{JobPoolId{1}, i});  // of a pool that trusts the kernel: the claim is written
        desk.ask<Finished>(done(job));
    }
    EXPECT_EQ(failing_disk::syncs() - before, 2 * jobs);
}

}  // namespace
}  // namespace pinion::jobs
