// SPDX-License-Identifier: Apache-2.0
// What a worker was sent ahead can't be recalled: how much may wait there for one job that takes long.
#include <deque>
#include <map>

#include "harness.h"
#include "model/job_limits.h"

namespace pinion::jobs {
namespace {

struct Case {
    Duration each;  // that the jobs before took
    std::optional<std::uint32_t> prefetch;
    std::size_t behind;  // jobs that wait for the long one
};

// Two workers that do one job after the other, all of the same length, until one has a job that does not end.
class Ahead : public testing::TestWithParam<Case> {
protected:
    void SetUp() override {
        auto spec = memory_pool();
        spec.prefetch = GetParam().prefetch;
        desk.pool(0, spec);
        desk.arrive(0);
        desk.arrive(1);
        std::vector<JobEvent> events;
        for (std::uint64_t id = 1; id <= 3000; ++id) events.emplace_back(Desk::job(id));
        turn(std::move(events));
    }
    void turn(std::vector<JobEvent> events) {
        desk.turn(std::move(events));
        for (const Dispatch& sent : desk.all<Dispatch>()) at[sent.worker.slot.value].push_back(sent);
    }
    // One job's time later, so many of the workers have done one.
    void pass(std::vector<std::uint32_t> working) {
        desk.now += GetParam().each;
        std::vector<JobEvent> events;
        for (const std::uint32_t slot : working) {
            if (at[slot].empty()) continue;
            events.emplace_back(JobAnswered{at[slot].front().worker, at[slot].front().attempt, {}, {}, {}});
            events.emplace_back(FinishPersisted{at[slot].front().job});
            at[slot].pop_front();
        }
        turn(std::move(events));
    }
    Desk desk;
    std::map<std::uint32_t, std::deque<Dispatch>> at;  // what each worker has, by slot
};

TEST_P(Ahead, SoManyShortJobsWaitBehindALongOneWhileAllOthersEnd) {
    for (int i = 0; i < 500; ++i) pass({0, 1});
    for (int i = 0; i < 3000; ++i) pass({1});
    EXPECT_TRUE(at[1].empty());
    const auto view = desk.scheduler.queue(JobPoolId{0});
    EXPECT_EQ(view->ready, 0U);
    EXPECT_EQ(view->running, 1U);
    EXPECT_EQ(view->sent, GetParam().behind);
    ASSERT_EQ(at[0].size(), 1 + GetParam().behind);
    const Duration ahead = GetParam().each * static_cast<Duration::rep>(GetParam().behind);
    EXPECT_TRUE(GetParam().prefetch || ahead < limits::prefetch_work) << "less than it takes to ask for more";
    if (GetParam().behind == 0) return;
    const Why why = desk.scheduler.why(at[0].back().job);
    EXPECT_EQ(why.kind, Why::Kind::sent);
    EXPECT_EQ(why.worker, Desk::worker(0));
    EXPECT_EQ(why.ahead, GetParam().behind);
    // It dies of the long one: nobody else pays, and the other worker has the rest at once.
    turn({WorkerGone{Desk::worker(0), Departure::crash, {}}});
    ASSERT_FALSE(at[1].empty());
    for (std::size_t i = 0; i < GetParam().behind; ++i) {
        ASSERT_FALSE(at[1].empty());
        EXPECT_EQ(at[1].front().number, 1U);
        pass({1});
    }
    EXPECT_TRUE(at[1].empty()) << "the long one waits for its next attempt";
}

INSTANTIATE_TEST_SUITE_P(Prefetch, Ahead,
                         testing::Values(Case{1us, {}, limits::max_prefetch - 1},
                                         Case{10us, {}, limits::max_prefetch - 1}, Case{100us, {}, 9},
                                         Case{500us, {}, 1}, Case{1ms, {}, 0}, Case{20ms, {}, 0}, Case{10us, 1, 0},
                                         Case{20ms, 5, 4}, Case{20ms, limits::max_prefetch, limits::max_prefetch - 1}),
                         [](const auto& one) {
                             const Case& c = one.param;
                             return (c.prefetch ? "Of" + std::to_string(*c.prefetch) : std::string("Auto")) + "JobsOf" +
                                    std::to_string(c.each.count()) + "us";
                         });

}  // namespace
}  // namespace pinion::jobs
