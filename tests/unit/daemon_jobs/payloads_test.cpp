// SPDX-License-Identifier: Apache-2.0
// Payloads that are not at hand: how long their reading takes is nothing that a worker or a job is to pay for, and
// nothing that changes their order.
#include <algorithm>

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

// A job that is claimed on disk when the daemon dies is charged with an attempt, of which it may have only one.
TEST_F(Payloads, AJobIsClaimedWhenItsWorkerHasIt) {
    const auto pool = declare("p", timed(), Durability::fsync);
    store_->shut_reads();
    submit(pool, 1);
    settle();
    const auto worker = arrive("p");
    EXPECT_EQ(store_->claims(), 0U);
    die(worker);
    const auto next = arrive("p", 2);
    EXPECT_EQ(store_->claims(), 0U);
    store_->open_reads();
    settle();
    EXPECT_EQ(store_->claims(), 1U);
    answer(next, "1");
    EXPECT_EQ(queue("p").done, 1U);
}

// What the scheduler takes for a worker's oldest job must be what it executes.
class OrderOfPayloads : public Payloads {
protected:
    OrderOfPayloads() {
        const auto pool = declare("p", {.prefetch = 2});
        store_->shut_reads();
        submit(pool, 2);
        settle();
    }
    // The inputs of so many jobs that the worker gets, in order.
    std::string inputs(const Player& worker, std::ptrdiff_t count) {
        std::string jobs = worker.reads();
        while (std::ranges::count(jobs, '\n') < count && sd_event_run(loop_.raw(), 10'000'000) > 0)
            jobs += worker.reads();
        std::string inputs;
        constexpr std::string_view member = "\"input\":";
        for (auto at = jobs.find(member); at != std::string::npos; at = jobs.find(member, at + 1))
            inputs += jobs.at(at + member.size());
        return inputs;
    }
};

TEST_F(OrderOfPayloads, OneThatCannotBeReadForNowIsNotOvertaken) {
    const auto worker = arrive("p");
    store_->open_reads(1);
    settle();
    EXPECT_EQ(worker.reads(), "");
    EXPECT_EQ(inputs(worker, 2), "01");
}

TEST_F(OrderOfPayloads, OneThatCannotBeReadAtAllHoldsNoneBack) {
    const auto worker = arrive("p");
    store_->open_reads(1, EIO);
    EXPECT_EQ(inputs(worker, 1), "1");
}

TEST_F(OrderOfPayloads, WhatWaitedForAWorkerThatDiedGoesToTheNext) {
    const auto worker = arrive("p");
    store_->open_reads(1);
    settle();
    die(worker);
    EXPECT_EQ(inputs(arrive("p", 2), 2), "01");
    EXPECT_EQ(queue("p").retried, 0U) << "it was handed none of them";
}

}  // namespace
}  // namespace pinion::daemon::testing
