// SPDX-License-Identifier: Apache-2.0
// Workers of job pools that are ended for the sake of their jobs.
#include <csignal>

#include "harness.h"

namespace pinion::supervise {
namespace {

class UnwantedWorkers : public testing::Test, public Harness {};

// Of what it does to its jobs the scheduler knows; here it is a start that failed, or none at all.
TEST_F(UnwantedWorkers, AWorkerOfJobsThatBreaksTheProtocolBacksOffAndOneThatIsTimedOutDoesNot) {
    declare_and_run(service("web"), 1);
    const auto end_for = [&](Unwanted why) {
        const auto worker = id("web");
        send(WorkerUnwanted{worker, why});
        send(WorkerExited{worker, killed_by(SIGKILL)});
        send(TreeEmptied{worker});
    };
    for (int i = 0; i < 3; ++i) {
        end_for(Unwanted::timeout);
        ASSERT_EQ(count<Spawn>(), 1U) << "at once";
        spawn_succeeds("web");
    }
    end_for(Unwanted::protocol);
    if (count<Spawn>() == 1) {  // the first of a series
        spawn_succeeds("web");
        end_for(Unwanted::protocol);
    }
    EXPECT_EQ(count<Spawn>(), 0U);
    EXPECT_EQ(state("web"), WorkerState::backoff);
}

}  // namespace
}  // namespace pinion::supervise
