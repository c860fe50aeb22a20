// SPDX-License-Identifier: Apache-2.0
// Workers and commits: what runs is on record, however long the disk takes.
#include "../jobs/store_harness.h"
#include "disk_host.h"

namespace pinion::daemon::testing {
namespace {

using ::testing::HasSubstr;

// The commits of its store are held until the test lets go of them.
class HeldCommits : public ::testing::Test {
protected:
    ~HeldCommits() override { commits_.let_go(); }
    // All that the loop has to do at once.
    void settle() {
        while (sd_event_run(host_.loop.raw(), 0) > 0) {
        }
    }
    void submit(JobPoolId pool) {
        JobOrder order{.pool = pool};
        order.inputs = {"1"};
        host_.host.submit(std::move(order),
                          [this](const Answer<std::vector<jobs::PlacedJob>>& placed) { told_ = placed.has_value(); });
        settle();
    }
    jobs::ScratchFolder folder_{true};
    jobs::SlowCommits commits_;
    bool told_ = false;
    DiskHost host_{folder_.path, [this](jobs::StorePoint point) {
                       if (point == jobs::StorePoint::before_commit) commits_.wait();
                   }};
};

TEST_F(HeldCommits, AFreeWorkerIsGivenAJobWhenItsSubmitIsCommittedAndNotBefore) {
    const auto pool = host_.declare();
    const auto worker = host_.arrive();
    submit(pool);
    commits_.until_held(1);
    settle();
    EXPECT_FALSE(told_);
    EXPECT_EQ(worker.reads(), "") << "it could run, and nobody would know of it";
    commits_.let_go_of_one();
    std::string job;
    host_.until([&] { return !(job += worker.reads()).empty(); });
    EXPECT_TRUE(told_);
    EXPECT_THAT(job, HasSubstr(R"("input":1)"));
}

// The end is committed with what it queues: neither is before.
TEST_F(HeldCommits, AFreeWorkerIsGivenWhatAnEndPushesWhenThatEndIsCommittedAndNotBefore) {
    const auto pool = host_.declare();
    const auto worker = host_.arrive();
    submit(pool);
    commits_.until_held(1);
    commits_.let_go_of_one();
    std::string job;
    host_.until([&] { return !(job += worker.reads()).empty(); });
    commits_.until_held(2);  // its claim
    worker.writes(job.substr(0, job.find(',')) + R"(,"result":1,"push":[{"pool":"p","input":"next"}]})" + "\n");
    commits_.let_go_of_one();
    host_.until([&] { return host_.host.queue(pool)->finishing == 1; });
    commits_.until_held(3);
    settle();
    EXPECT_EQ(worker.reads(), "") << "it is free, and the end may yet be lost";
    commits_.let_go();
    std::string next;
    host_.until([&] { return !(next += worker.reads()).empty(); });
    EXPECT_THAT(next, HasSubstr(R"("input":"next")"));
}

}  // namespace
}  // namespace pinion::daemon::testing
