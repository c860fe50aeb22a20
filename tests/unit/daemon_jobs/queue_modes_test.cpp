// SPDX-License-Identifier: Apache-2.0
// Pausing, draining and resuming a queue: at once for its jobs, told when it can't be lost any more.
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "daemon/jobs/job_records.h"
#include "host_harness.h"

namespace pinion::daemon::testing {
namespace {

using jobs::QueueMode;
using jobs::StoreHealth;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class QueueModes : public HostTest {
protected:
    void order(JobPoolId pool, QueueMode mode) {
        host_.set_mode(pool, mode, "root",
                       [this](const Answer<void>& set) { answers_.push_back(set ? "kept" : set.error().message); });
        settle();
    }
    std::vector<std::string> answers_;
};

TEST_F(QueueModes, HoldAtOnceAndAreToldWhenTheyAreKept) {
    const auto pool = declare("p", {}, Durability::fsync);
    submit(pool, 1);
    settle();
    store_->shut();
    order(pool, QueueMode::paused);
    EXPECT_EQ(queue("p").mode, QueueMode::paused);
    EXPECT_EQ(arrive("p").reads(), "");
    EXPECT_THAT(answers_, IsEmpty());
    EXPECT_THAT(records_, IsEmpty());
    store_->open();
    settle();
    EXPECT_THAT(answers_, ElementsAre("kept"));
    EXPECT_THAT(records_, ElementsAre("p: paused: nothing is handed out, by root"));
}

TEST_F(QueueModes, AreNotedWithWhoWantsThemAndSinceWhen) {
    const auto pool = declare("p");
    EXPECT_EQ(host_.figures("p")->mode_by, "");
    const auto before = wall_now();
    order(pool, QueueMode::paused);
    const auto figures = *host_.figures("p");
    EXPECT_EQ(figures.mode, "paused");
    EXPECT_EQ(figures.mode_by, "root");
    EXPECT_GE(figures.mode_at, before);
    EXPECT_LE(figures.mode_at, wall_now());
}

TEST(PausedNote, SaysWhoAndWhen) {
    ::setenv("TZ", "UTC-2", 1);
    ::tzset();
    const WallTime at(std::chrono::sys_days(std::chrono::year{2026} / 8 / 3) + 12h + 2min + 59s);
    JobFigures figures{.mode = "paused", .mode_by = "root", .mode_at = at};
    EXPECT_EQ(paused_note("p", figures, at + 5h), "paused by root at 14:02");
    EXPECT_EQ(paused_note("p", figures, at + 10h), "paused by root at 2026-08-03 14:02");
    EXPECT_EQ(paused_note("p", figures, at + 365 * 24h), "paused by root at 2026-08-03 14:02");
    figures = {.mode = "paused"};
    EXPECT_EQ(paused_note("p", figures, at), "queue paused; pinionctl queue resume p") << "by an older version";
    ::unsetenv("TZ");
    ::tzset();
}

TEST_F(QueueModes, OnADiskThatTakesNothingHoldAndAreToldNotToBeKept) {
    const auto pool = declare("p", {}, Durability::os);
    const auto fleeting = declare("m", {}, Durability::memory);
    store_->shut();
    order(pool, QueueMode::paused);
    order(fleeting, QueueMode::paused);
    EXPECT_THAT(answers_, IsEmpty());
    store_->become({StoreHealth::State::full, "the disk is full", ENOSPC});
    settle();
    ASSERT_EQ(answers_.size(), 1U) << "the other's is kept in memory";
    EXPECT_TRUE(
        answers_[0].starts_with("pause the queue of 'p': it takes effect, but is not on disk, and a daemon that "
                                "ends now forgets it: the job store takes nothing: the disk is full"))
        << answers_[0];
    EXPECT_EQ(records_.back(),
              "p: paused: nothing is handed out, by root; that is not on disk, and a daemon that ends now forgets it");
    EXPECT_EQ(queue("p").mode, QueueMode::paused);
    order(pool, QueueMode::draining);
    ASSERT_EQ(answers_.size(), 2U) << "on one that is full already";
    EXPECT_TRUE(answers_[1].starts_with("drain the queue of 'p': it takes effect")) << answers_[1];
    EXPECT_EQ(queue("p").mode, QueueMode::draining);
    store_->open();
    settle();
    ASSERT_EQ(answers_.size(), 3U) << "nobody is told twice";
    EXPECT_EQ(answers_[2], "kept");
    store_->become({StoreHealth::State::stopped, "an error", EIO});
    store_->shut();
    order(pool, QueueMode::running);
    ASSERT_EQ(answers_.size(), 4U);
    EXPECT_TRUE(answers_[3].starts_with("resume the queue of 'p': it takes effect")) << answers_[3];
    EXPECT_EQ(queue("p").mode, QueueMode::running);
}

}  // namespace
}  // namespace pinion::daemon::testing
