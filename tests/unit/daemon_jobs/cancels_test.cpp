// SPDX-License-Identifier: Apache-2.0
// A cancel is answered when it can't be lost any more, and says what became of it.
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "daemon/jobs/job_cancels.h"
#include "disk_host.h"

namespace pinion::daemon::testing {
namespace {

using jobs::JobState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Cancels : public HostTest {
protected:
    // What was answered, in order: a state, "map", "ended", or why it was refused.
    void cancel(JobId job) {
        host_.cancel(job, [this](const Answer<JobState>& end) {
            answers_.emplace_back(end ? jobs::to_string(*end) : end.error().message);
        });
        settle();
    }
    void cancel(MapId map) {
        host_.cancel_map(map, [this](const Answer<bool>& was) {
            answers_.emplace_back(!was ? was.error().message : *was ? "map" : "ended");
        });
        settle();
    }
    JobId one(JobPoolId pool, MapId map = {}) {
        submit(pool, 1, map);
        settle();
        return placed_.at(0).id;
    }
    void seal(MapId map, jobs::MapSeal seal) {
        host_.seal_map(map, seal, [this](const Answer<void>& sealed) {
            answers_.emplace_back(sealed ? "sealed" : sealed.error().message);
        });
        settle();
    }
    std::vector<std::string> answers_;
};

TEST_F(Cancels, ASealIsAnsweredWhenItIsWritten) {
    const auto pool = declare("p");
    const auto map = open_map(pool, "film");
    store_->shut();
    submit(pool, 2, map);
    seal(map, {.items = 2});
    EXPECT_THAT(answers_, IsEmpty()) << "items of the map are on their way";
    store_->open();
    settle();
    EXPECT_THAT(answers_, ElementsAre("sealed"));
    store_->shut();
    seal(map, {.items = 2});
    EXPECT_EQ(answers_.size(), 1U);
    store_->open();
    settle();
    EXPECT_THAT(answers_, ElementsAre("sealed", "sealed"));
}

TEST_F(Cancels, OfAQueuedJobIsAnsweredWhenItsEndIsWritten) {
    const auto job = one(declare("p"));
    store_->shut();
    cancel(job);
    cancel(job);
    EXPECT_THAT(answers_, IsEmpty());
    store_->open();
    settle();
    EXPECT_THAT(answers_, ElementsAre("cancelled", "cancelled"));
    cancel(job);
    EXPECT_EQ(answers_.back(), "cancelled") << "the end that it had before";
}

TEST_F(Cancels, OfAJobWhoseEndIsOnItsWayIsAnsweredWithThatEnd) {
    const auto job = one(declare("p"));
    const auto worker = arrive("p");
    store_->shut();
    answer(worker, "7");
    cancel(job);
    store_->open();
    settle();
    EXPECT_THAT(answers_, ElementsAre("done"));
}

TEST_F(Cancels, OfAJobThatRunsIsAnsweredWhenItsTreeIsGone) {
    const auto job = one(declare("p"));
    const auto worker = arrive("p");
    ASSERT_NE(worker.reads(), "");
    cancel(job);
    ASSERT_EQ(unwanted_.size(), 1U);
    EXPECT_THAT(answers_, IsEmpty());
    die(worker);
    EXPECT_THAT(answers_, ElementsAre("cancelled"));
}

TEST_F(Cancels, OfAJobWhosePoolHasLeftTheConfigurationIsRefused) {
    const auto job = one(declare("p"));
    host_.withdraw("p");
    settle();
    cancel(job);
    ASSERT_EQ(answers_.size(), 1U);
    EXPECT_THAT(answers_[0], HasSubstr("its pool 'p' is not in the configuration"));
    EXPECT_THAT(answers_[0], HasSubstr("declare 'p' again"));
    const auto again = declare("p");
    EXPECT_EQ(host_.queue(again)->ready, 1U) << "nothing was cancelled";
    cancel(job);
    EXPECT_EQ(answers_.back(), "cancelled");
}

TEST_F(Cancels, OfAMapIsAnsweredWhenItIsWritten) {
    const auto pool = declare("p");
    const auto map = open_map(pool, "film");
    submit(pool, 3, map);
    settle();
    store_->shut();
    cancel(map);
    cancel(map);
    EXPECT_THAT(answers_, IsEmpty()) << "the second neither";
    EXPECT_EQ(arrive("p").reads(), "") << "but it takes effect at once";
    store_->open();
    settle();
    EXPECT_THAT(answers_, ElementsAre("map", "map"));
    EXPECT_EQ(queue("p").cancelled, 3U);
    host_.seal_map(map, {.items = 3});
    settle();
    cancel(map);
    EXPECT_EQ(answers_.back(), "ended");
}

TEST_F(Cancels, OfAMapHoldForItemsThatComeAfterItsEnd) {
    const auto pool = declare("p");
    const auto map = open_map(pool, "film");
    one(pool, map);
    cancel(map);
    host_.seal_map(map, {.items = 1});
    settle();
    EXPECT_EQ(open_map(pool, "film"), map);
    JobOrder order{.pool = pool, .map = map, .first_index = 1};
    order.inputs.emplace_back("1");
    host_.submit(std::move(order), [](const Answer<std::vector<jobs::PlacedJob>>&) {});
    settle();
    EXPECT_EQ(arrive("p").reads(), "");
    EXPECT_EQ(queue("p").cancelled, 2U);
}

TEST_F(Cancels, OfAMapOutliveTheirPoolsAbsence) {
    const auto pool = declare("p");
    const auto map = open_map(pool, "film");
    const auto worker = arrive("p");
    const auto job = one(pool, map);
    ASSERT_NE(worker.reads(), "");
    cancel(map);
    EXPECT_THAT(answers_, ElementsAre("map"));
    host_.withdraw("p");
    die(worker);
    EXPECT_EQ(host_.phase(job), jobs::JobPhase::none);
    const auto again = declare("p");
    submit(again, 3, map);
    settle();
    EXPECT_EQ(host_.queue(again)->ready, 0U);
}

TEST_F(Cancels, OfMapsWithoutANameDoNotComeWithTheirPoolWhileTheirClientsAreThere) {
    const auto pool = declare("p");
    const auto theirs = open_map(pool, "");
    const auto left = open_map(pool, "");
    host_.begin_filling(theirs);
    submit(pool, 1, theirs);
    submit(pool, 2, left);
    settle();
    host_.withdraw("p");
    settle();
    const auto again = declare("p");
    EXPECT_EQ(host_.queue(again)->ready, 1U);
    EXPECT_EQ(host_.queue(again)->cancelled, 2U);
    host_.end_filling(theirs);
}

TEST(JobCancels, OnADiskThatTakesNothingAreToldSo) {
    JobCancels cancels;
    std::vector<std::string> told;
    const auto note = [&](const auto& answer) { told.push_back(answer ? "?" : answer.error().message); };
    cancels.add(JobId{17}, note);
    cancels.add(JobId{jobs::first_memory_id + 1}, note);
    for (const MapId map : {MapId{3}, MapId{jobs::first_memory_id + 1}}) {
        cancels.add(map, note);
        cancels.posted(map, map.value);
        cancels.add_seal(map, note);
    }
    cancels.add_mode(1, {.what = "pause the queue of 'p'", .on_disk = true, .done = note});
    cancels.add_mode(2, {.what = "drain the queue of 'm'", .on_disk = false, .done = note});
    cancels.refuse_on_disk("no room");
    EXPECT_THAT(told, ElementsAre("cancel job 17: no room", "cancel the map: no room", "seal the map: no room",
                                  "pause the queue of 'p': no room"));
    cancels.written(3);
    cancels.ended(JobId{17}, JobState::cancelled);
    cancels.sealed(MapId{3});
    cancels.mode_written(1);
    EXPECT_EQ(told.size(), 4U) << "once";
    cancels.written(jobs::first_memory_id + 1);
    EXPECT_EQ(told.size(), 5U);
    cancels.sealed(MapId{jobs::first_memory_id + 1});
    EXPECT_EQ(told.size(), 6U);
    cancels.mode_written(2);
    EXPECT_EQ(told.size(), 7U);
}

// A daemon over a store on disk, and its successor over what a SIGKILL leaves of that: a copy of the folder.
class AfterADeath : public ::testing::Test {
protected:
    AfterADeath() {
        std::string name = std::filesystem::temp_directory_path() / "pinion-cancels-XXXXXX";
        folder_ = ::mkdtemp(name.data());
        std::filesystem::create_directory(folder_ + "/a");
        first_.emplace(folder_ + "/a", [this](jobs::StorePoint point) {
            if (point == jobs::StorePoint::committed && copies_.exchange(false)) copy();
        });
    }
    ~AfterADeath() override {
        second_.reset();
        first_.reset();
        std::filesystem::remove_all(folder_);
    }
    void copy() { std::filesystem::copy(folder_ + "/a", folder_ + "/b", std::filesystem::copy_options::recursive); }
    DiskHost& die() {
        if (!std::filesystem::exists(folder_ + "/b")) copy();
        return second_.emplace(folder_ + "/b");
    }
    std::string folder_;
    std::atomic<bool> copies_ = false;  // at the next commit, while nothing else is written
    std::optional<DiskHost> first_, second_;
};

TEST_F(AfterADeath, AMapWhoseCancelWasAnsweredStaysCancelled) {
    const auto pool = first_->declare();
    const auto map = first_->open_map(pool, "film");
    const auto other = first_->submit(pool, {}, 0, 1);
    // More than one commit takes, so that most of the ends come after the cancel.
    const auto jobs = first_->submit(pool, map, 0, 9000);
    copies_ = true;
    bool answered = false;
    first_->host.cancel_map(map, [&](const Answer<bool>& was) { answered = was && *was; });
    first_->until([&] { return answered; });
    DiskHost& next = die();
    const auto again = next.declare();
    next.until([&] {
        return next.host.queue(again) && next.host.queue(again)->finishing + next.host.queue(again)->ready <= 1;
    });
    for (const JobId job : {jobs.front(), jobs[5000], jobs.back()}) EXPECT_EQ(next.state(job), JobState::cancelled);
    EXPECT_EQ(next.state(other[0]), JobState::queued);
    const auto later = next.submit(again, map, 9000, 1);
    next.until([&] { return next.state(later[0]) == JobState::cancelled; });
}

TEST_F(AfterADeath, ASealThatWasAnsweredIsNotLost) {
    const auto pool = first_->declare();
    const auto map = first_->open_map(pool, "");
    const auto jobs = first_->submit(pool, map, 0, 1);
    copies_ = true;
    bool answered = false;
    first_->host.seal_map(map, {.items = 1, .goes_on = true}, [&](const Answer<void>& was) { answered = !!was; });
    first_->until([&] { return answered; });
    DiskHost& next = die();
    const auto again = next.declare();
    next.until([&] { return next.host.queue(again) && next.host.queue(again)->ready == 1; });
    EXPECT_EQ(next.state(jobs[0]), JobState::queued);
}

TEST_F(AfterADeath, APauseThatWasAnsweredIsNotForgotten) {
    const auto pool = first_->declare();
    first_->submit(pool, {}, 0, 1);
    copies_ = true;
    bool answered = false;
    first_->host.set_mode(pool, jobs::QueueMode::paused, "root", [&](const Answer<void>& was) { answered = !!was; });
    first_->until([&] { return answered; });
    DiskHost& next = die();
    const auto again = next.declare();
    next.until([&] { return next.host.queue(again) && next.host.queue(again)->ready == 1; });
    EXPECT_EQ(next.host.queue(again)->mode, jobs::QueueMode::paused);
    EXPECT_EQ(next.host.figures("p")->mode_by, "root");
    EXPECT_NE(next.host.figures("p")->mode_at, WallTime{});
    EXPECT_EQ(next.host.figures("p")->mode_at, first_->host.figures("p")->mode_at);
}

TEST_F(AfterADeath, TheInputsOfAPoolCompleteOnceOnRecord) {
    const auto pool = first_->declare({.inputs = {"1", "2"}});
    first_->until([&] { return first_->host.queue(pool) && first_->host.queue(pool)->ready == 2; });
    const auto other = first_->submit(pool, {}, 0, 1);
    DiskHost& next = die();
    const auto again = next.declare({.inputs = {"1", "2"}});
    next.until([&] { return next.host.queue(again) && next.host.queue(again)->ready == 3; });
    next.cancel_all();
    next.until([&] { return !next.records.empty(); });
    EXPECT_THAT(next.records, ElementsAre("p: its inputs completed: 0 done, 0 failed, 2 cancelled"));
    second_.reset();
    DiskHost& third = die();
    const auto last = third.declare({.inputs = {"1", "2"}});
    third.submit(last, {}, 0, 1);
    EXPECT_THAT(third.records, IsEmpty());
}

TEST_F(AfterADeath, AMapWithoutANameIsCancelledUnlessNobodyWasToWaitForIt) {
    const auto pool = first_->declare();
    std::vector<JobId> ephemeral, going_on, alone;
    ephemeral = first_->submit(pool, first_->open_map(pool, ""), 0, 2);
    const auto map = first_->open_map(pool, "");
    going_on = first_->submit(pool, map, 0, 1);
    first_->host.seal_map(map, {.items = 1, .goes_on = true});
    const auto named = first_->submit(pool, first_->open_map(pool, "film"), 0, 1);
    alone = first_->submit(pool, {}, 0, 1);
    DiskHost& next = die();
    const auto again = next.declare();
    next.until([&] {
        return next.host.queue(again) && next.host.queue(again)->ready + next.host.queue(again)->finishing == 3;
    });
    for (const JobId job : ephemeral) next.until([&] { return next.state(job) == JobState::cancelled; });
    for (const JobId job : {going_on[0], named[0], alone[0]}) EXPECT_EQ(next.state(job), JobState::queued);
}

}  // namespace
}  // namespace pinion::daemon::testing
