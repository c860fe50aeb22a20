// SPDX-License-Identifier: Apache-2.0
// What happens in the host while something is on its way to the store: maps that end, pools that leave, jobs that end.
#include <algorithm>

#include "daemon/jobs/job_reply.h"
#include "host_harness.h"

namespace pinion::daemon::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EndOfAMap : public HostTest {
protected:
    // What a client leaves behind that goes without a word.
    void leave(MapId map, std::uint64_t ticket) {
        host_.abandon(ticket);
        host_.cancel_map(map, {});
        host_.seal_map(map, {});
        settle();
    }
};

TEST_F(EndOfAMap, ItemsThatWereOnTheirWayAreCancelledWithIt) {
    const auto pool = declare("p");
    const auto map = open_map(pool, "");
    store_->shut();
    const auto ticket = submit(pool, 3, map);
    settle();
    ASSERT_EQ(store_->held(), 1U);
    leave(map, ticket);
    store_->open();
    settle();
    EXPECT_EQ(queue("p").ready, 0U) << "nobody would take their results";
    EXPECT_EQ(queue("p").cancelled, 3U);
    EXPECT_FALSE(host_.map(map)) << "nothing of the map stays behind";
    const auto worker = arrive("p");
    EXPECT_EQ(worker.reads(), "");
}

TEST_F(EndOfAMap, ItemsThatWaitedForRoomNeverCome) {
    JobPoolSpec spec;
    spec.queue.capacity = 2;
    const auto pool = declare("p", spec);
    submit(pool, 2);
    settle();
    const auto map = open_map(pool, "");
    const auto ticket = submit(pool, 2, map);
    settle();
    leave(map, ticket);
    EXPECT_FALSE(host_.map(map));
    EXPECT_EQ(queue("p").ready, 2U);
    EXPECT_EQ(queue("p").cancelled, 0U);
    EXPECT_EQ(queue("p").waiting_submits, 0U);
}

TEST_F(EndOfAMap, AnAddThatIsGivenUpInTheTurnInWhichItIsMadeLeavesNothing) {
    const auto pool = declare("p");
    const auto map = open_map(pool, "");
    leave(map, submit(pool, 3, map));
    EXPECT_EQ(queue("p").ready, 0U);
    EXPECT_FALSE(host_.map(map));
}

TEST_F(EndOfAMap, TheStoreHearsThatAllOfItHasEnded) {
    const auto pool = declare("p");
    const auto map = open_map(pool, "");
    submit(pool, 1, map);
    settle();
    const auto worker = arrive("p");
    host_.seal_map(map, {.items = 1});
    settle();
    EXPECT_TRUE(store_->dropped().empty());
    answer(worker, "1");
    EXPECT_EQ(store_->dropped(), std::vector{map});
}

TEST_F(EndOfAMap, TheSealOfANamedOneWaitsForItsItems) {
    const auto pool = declare("p");
    const auto map = open_map(pool, "film");
    store_->shut();
    submit(pool, 2, map);
    host_.seal_map(map, {});
    settle();
    ASSERT_TRUE(host_.map(map));
    EXPECT_FALSE(host_.map(map)->sealed);
    store_->open();
    settle();
    EXPECT_TRUE(host_.map(map)->sealed);
    EXPECT_EQ(host_.map(map)->unfinished, 2U);
}

TEST_F(HostTest, AMapThatTheStoreCanNotLookForIsNotSaidToBeMissing) {
    open_map(declare("p"), "film");
    const auto find = [&](const std::string& name) {
        std::string found = "?";
        host_.find_map(name, [&](const Answer<std::map<JobPoolId, MapId>>& pools) {
            found = pools ? std::to_string(pools->size()) : pools.error().message;
        });
        settle();
        return found;
    };
    EXPECT_EQ(find("film"), "1");
    EXPECT_EQ(find("reel"), "0");
    store_->refuse_maps("the disk is damaged");
    EXPECT_THAT(find("film"), ::testing::HasSubstr("the disk is damaged"));
}

TEST_F(HostTest, AMapWhoseSealWaitsForRoomIsLookedUpAsComplete) {
    const auto pool = declare("p");
    const auto complete = open_map(pool, "film");
    const auto open = open_map(pool, "reel");
    submit(pool, 1, complete);
    answer(arrive("p"), "1");
    store_->shut();
    const auto is_sealed = [this](MapId map) {
        std::optional<bool> sealed;
        host_.look_up(map, [&](const Answer<std::optional<jobs::StoredMap>>& found) { sealed = (*found)->sealed; });
        settle();
        return sealed;
    };
    store_->become({jobs::StoreHealth::State::full, "no room", ENOSPC});
    EXPECT_EQ(is_sealed(complete), false);
    host_.seal_map(complete, {.items = 1});
    EXPECT_EQ(is_sealed(complete), true);
    EXPECT_EQ(is_sealed(open), false);
}

TEST_F(HostTest, WhatIsPastItsRetentionIsForgottenHoweverOftenPoolsChange) {
    JobPoolSpec policy;
    policy.queue.retention = 1s;
    const auto until = MonotonicClock::now() + 10s;
    for (std::uint32_t i = 0; store_ == nullptr || store_->expiries() == 0; ++i) {
        ASSERT_LT(MonotonicClock::now(), until);
        policy.prefetch = 1 + i % 2;
        declare("p", policy);
        sd_event_run(loop_.raw(), 50'000);
    }
}

// The ends of a job and of a submit that names it again may come from the store together.
TEST_F(HostTest, AJobWhoseEndWasAnnouncedIsAtItsEnd) {
    const auto pool = declare("p");
    const auto map = open_map(pool, "film");
    submit(pool, 1, map);
    settle();
    const JobId job = placed_.at(0).id;
    const auto worker = arrive("p");
    store_->shut();
    answer(worker, "42");
    EXPECT_EQ(host_.phase(job), jobs::JobPhase::finishing);
    jobs::JobPhase seen = jobs::JobPhase::sent;
    on_placed_ = [&] { seen = host_.phase(job); };
    submit(pool, 1, map);
    settle();
    store_->open();
    settle();
    EXPECT_TRUE(placed_.at(0).existing);
    EXPECT_EQ(seen, jobs::JobPhase::none) << "whoever waits for an end would do so for ever";
}

TEST_F(HostTest, APoolThatComesBackHasWhatWasOnItsWayWhenItLeft) {
    const auto pool = declare("p");
    store_->shut();
    submit(pool, 2);
    settle();
    host_.withdraw("p");
    settle();
    declare("p", {.prefetch = 5});
    store_->open();
    settle();
    EXPECT_EQ(placed_.size(), 2U) << "acknowledged";
    EXPECT_EQ(queue("p").ready, 2U) << "and there";
}

// What a worker gave back and first attempts that failed are written without an answer: behind a full disk, minutes
// later.
TEST_F(HostTest, APoolThatComesBackKnowsWhatIsNotWrittenYet) {
    JobPoolSpec policy{.prefetch = 1};
    policy.job.attempts = 2;
    policy.job.delay = 0s;
    const auto pool = declare("p", policy, Durability::fsync);
    submit(pool, 2);
    settle();
    const auto stopped = arrive("p");
    const auto crashed = arrive("p", 1, 1);
    ASSERT_EQ(store_->claims(), 2U);
    store_->shut();
    host_.leaving(stopped.id);
    die(stopped);
    die(crashed);
    host_.withdraw("p");
    settle();
    declare("p", policy, Durability::fsync);
    store_->open();
    settle();
    EXPECT_EQ(queue("p").ready, 2U);
    EXPECT_THAT(arrive("p", 2).reads(), HasSubstr(R"("input":0,"attempt":1)")) << "it was given back";
    EXPECT_THAT(arrive("p", 2, 1).reads(), HasSubstr(R"("input":1,"attempt":2)")) << "one is on record";
}

TEST_F(HostTest, APoolThatComesBackToAStoppedStoreHasItsJobs) {
    const JobPoolSpec policy{.prefetch = 1};
    const auto pool = declare("p", policy, Durability::fsync);
    submit(pool, 1);
    settle();
    const auto worker = arrive("p");
    store_->shut();
    store_->become({jobs::StoreHealth::State::stopped, "an error", EIO});
    host_.leaving(worker.id);
    die(worker);
    host_.withdraw("p");
    settle();
    declare("p", policy, Durability::fsync);
    EXPECT_EQ(queue("p").ready, 1U);
    EXPECT_EQ(queue("p").failed, 0U);
}

TEST_F(HostTest, AJobThatEndsWhileItsPoolIsAwayDoesNotRunAgain) {
    const auto pool = declare("p");
    submit(pool, 1);
    settle();
    const auto worker = arrive("p");
    store_->shut();
    answer(worker, "42");
    host_.withdraw("p");
    die(worker);
    declare("p", {.prefetch = 5});
    store_->open();
    settle();
    EXPECT_EQ(arrive("p", 2).reads(), "");
    EXPECT_EQ(queue("p").ready, 0U);
}

TEST_F(HostTest, APushToAPoolThatComesBackMeanwhileIsNotForgotten) {
    const auto pool = declare("p");
    declare("next");
    submit(pool, 1);
    settle();
    const auto worker = arrive("p");
    store_->shut();
    answer(worker, R"(1,"push":[{"pool":"next","input":2}])");
    host_.withdraw("next");
    settle();
    declare("next", {.prefetch = 5});
    store_->open();
    settle();
    EXPECT_EQ(queue("next").ready, 1U);
}

TEST_F(HostTest, APushToAPoolThatIsNotThereFailsItsJobAndTheStoreHearsOfNone) {
    const auto pool = declare("p");
    submit(pool, 1);
    settle();
    const auto worker = arrive("p");
    store_->shut();
    answer(worker, R"(1,"push":[{"pool":"typo","input":2},{"pool":"p","input":3}])");
    ASSERT_EQ(store_->held(), 1U) << "its end";
    EXPECT_EQ(store_->held_pushes(), 0U);
    store_->open();
    settle();
    EXPECT_EQ(queue("p").failed, 1U);
    EXPECT_EQ(queue("p").ready + queue("p").sent + queue("p").running, 0U) << "none of them is carried out";
}

TEST_F(HostTest, APushToAPoolThatPromisesLessIsNotCarriedOut) {
    const auto pool = declare("p", {}, Durability::fsync);
    declare("weak");
    submit(pool, 1);
    settle();
    answer(arrive("p"), R"(1,"push":[{"pool":"weak","input":2}])");
    EXPECT_EQ(queue("p").failed, 1U);
    EXPECT_EQ(queue("weak").ready, 0U);
}

// Keeps the ends that it hears of.
class Ends final : public JobListener {
public:
    void job_ended(const JobEnd& end) override {
        attempts = end.attempts;
        error = std::string(end.error);
    }
    void map_settled(const jobs::MapSettled&) override {}
    void store_stopped(const std::string&) override {}
    std::uint32_t attempts = 99;
    std::string error;
};

TEST_F(HostTest, AJobThatIsCancelledBetweenTwoAttemptsWasCancelledAndHadOne) {
    JobPoolSpec spec;
    spec.job.delay = spec.job.max_delay = 1h;
    submit(declare("p", spec), 1);
    settle();
    const JobId job = placed_.at(0).id;
    Ends ends;
    host_.listen(job, ends);
    die(arrive("p"));
    ASSERT_EQ(host_.phase(job), jobs::JobPhase::delayed);
    host_.cancel(job, [](const Answer<jobs::JobState>&) {});
    settle();
    EXPECT_EQ(ends.attempts, 1U);
    EXPECT_THAT(ends.error, ::testing::HasSubstr("it was cancelled"));
    std::optional<jobs::StoredJob> stored;
    host_.look_up(job, [&](const Answer<std::optional<jobs::StoredJob>>& found) { stored = *found; });
    settle();
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->attempts.back().number, ends.attempts) << "whoever comes late hears the same";
    EXPECT_EQ(error_of(*stored), ends.error);
    host_.forget(ends);
}

// A successor's start takes a millisecond or more, in which the loop does not turn.
TEST_F(HostTest, WhatADeadWorkerHadIsWithAnotherBeforeItsSuccessorIsStarted) {
    JobPoolSpec spec;
    spec.job.delay = spec.job.max_delay = Duration::zero();
    const auto pool = declare("p", spec);
    store_->have_at_hand();
    const auto first = arrive("p");
    submit(pool, 1);
    settle();
    const auto second = arrive("p", 1, 1);
    ASSERT_NE(first.reads(), "");
    host_.drain(first.id);
    host_.died(first.id, Death{});
    host_.gone(first.id);
    EXPECT_EQ(second.reads(), "");
    host_.pass_on();
    EXPECT_THAT(second.reads(), ::testing::HasSubstr("\"attempt\":2"));
    settle();
    EXPECT_EQ(second.reads(), "") << "once";
    EXPECT_EQ(queue("p").retried, 1U);
}

// Workers that close a side of their channel and live on. Those that are at their end have a second to be so.
class HungUp : public HostTest {
protected:
    void until_told() {
        while (unwanted_.empty()) ASSERT_GT(sd_event_run(loop_.raw(), 10'000'000), 0);
        EXPECT_EQ(unwanted_.size(), 1U);
        EXPECT_EQ(unwanted_[0].second, supervise::Unwanted::protocol);
    }
};

TEST_F(HungUp, WithoutAnOutputItIsKilledAndItsJobPays) {
    submit(declare("p"), 1);
    settle();
    auto worker = arrive("p");
    worker.out.reset();
    settle();
    EXPECT_THAT(unwanted_, IsEmpty()) << "it may be at its end";
    until_told();
    EXPECT_THAT(lines_, ElementsAre(::testing::HasSubstr("closed its output and lives on")));
    die(worker);
    EXPECT_EQ(queue("p").retried, 1U);
}

TEST_F(HungUp, WithoutAnInputItMayAnswerWhatItHasRead) {
    submit(declare("p", {.prefetch = 2}), 2);
    settle();
    auto worker = arrive("p");
    const std::string jobs = worker.reads();
    ASSERT_EQ(std::ranges::count(jobs, '\n'), 2);
    worker.in.reset();
    ASSERT_GT(sd_event_run(loop_.raw(), 10'000'000), 0);
    const auto deadline = std::chrono::steady_clock::now() + 1200ms;
    while (std::chrono::steady_clock::now() < deadline) sd_event_run(loop_.raw(), 100'000);
    EXPECT_THAT(unwanted_, IsEmpty());
    for (const std::size_t at : {std::size_t{0}, jobs.find('\n') + 1}) {
        const std::string text = jobs.substr(at, jobs.find(',', at) - at) + ",\"result\":1}\n";
        ASSERT_EQ(::write(worker.out.fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
        settle();
    }
    EXPECT_EQ(queue("p").done, 2U);
    until_told();
    EXPECT_THAT(lines_, ElementsAre(::testing::HasSubstr("it can take no job")));
}

TEST_F(HungUp, WithoutAnInputAndWithAJobThatItNeverReadItIsKilled) {
    submit(declare("p"), 1);
    settle();
    auto worker = arrive("p");
    worker.in.reset();
    until_told();
    EXPECT_THAT(lines_, ElementsAre(::testing::HasSubstr("has not read the job that is next")));
}

TEST_F(HungUp, AtItsEndItIsNoNews) {
    submit(declare("p"), 1);
    settle();
    auto worker = arrive("p");
    worker.in.reset();
    worker.out.reset();
    settle();
    die(worker);
    const auto deadline = std::chrono::steady_clock::now() + 1200ms;
    while (std::chrono::steady_clock::now() < deadline) sd_event_run(loop_.raw(), 100'000);
    EXPECT_THAT(unwanted_, IsEmpty());
    EXPECT_EQ(queue("p").retried, 1U);
}

TEST_F(HostTest, WhatIsNoAnswerIsCountedInItsPool) {
    submit(declare("p"), 1);
    settle();
    const auto worker = arrive("p");
    const std::string text = "a print\n{\"id\":77,\"result\":1}\n";
    ASSERT_EQ(::write(worker.out.fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    settle();
    EXPECT_EQ(lines_.size(), 2U);
    EXPECT_EQ(host_.figures("p")->strays, 2U);
    answer(worker, "1");
    EXPECT_EQ(host_.figures("p")->strays, 2U);
    EXPECT_EQ(queue("p").done, 1U);
}

}  // namespace
}  // namespace pinion::daemon::testing
