// SPDX-License-Identifier: Apache-2.0
// Payloads that are not at hand: how long their reading takes is nothing that a worker or a job is to pay for, and
// nothing that changes their order.
#include "host_harness.h"

namespace pinion::daemon::testing {
namespace {

using ::testing::IsEmpty;

class Payloads : public HostTest {
protected:
    void pass(Duration span) {
        const auto deadline = std::chrono::steady_clock::now() + span;
        while (std::chrono::steady_clock::now() < deadline) sd_event_run(loop_.raw(), 10'000);
    }
    void until_killed() {
        while (unwanted_.empty()) ASSERT_GT(sd_event_run(loop_.raw(), 10'000'000), 0);
        EXPECT_EQ(unwanted_[0].second, supervise::Unwanted::timeout);
    }
    static JobPoolSpec timed() {
        JobPoolSpec spec;
        spec.job.timeout = 100ms;
        spec.job.attempts = 1;
        return spec;
    }
};

TEST_F(Payloads, AReadThatOutlastsTheTimeoutKillsNobodyAndIsChargedToNobody) {
    const auto pool = declare("p", timed());
    store_->shut_reads();
    submit(pool, 1);
    settle();
    const auto worker = arrive("p");
    pass(250ms);
    EXPECT_THAT(unwanted_, IsEmpty()) << "it never saw the job";
    store_->open_reads();
    settle();
    answer(worker, "1");
    EXPECT_EQ(queue("p").done, 1U);
}

TEST_F(Payloads, TheTimeoutRunsFromWhenTheWorkerHasTheJob) {
    const auto pool = declare("p", timed());
    store_->shut_reads();
    submit(pool, 1);
    settle();
    const auto worker = arrive("p");
    pass(150ms);
    store_->open_reads();
    settle();
    EXPECT_NE(worker.reads(), "");
    EXPECT_THAT(unwanted_, IsEmpty());
    until_killed();
}

}  // namespace
}  // namespace pinion::daemon::testing
