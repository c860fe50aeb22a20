// SPDX-License-Identifier: Apache-2.0
// Random histories of job pools: PINION_SEED=N replays one, PINION_SIM_STEPS=N makes the dose larger or smaller.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "jobs_world.h"

namespace pinion::sim {
namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(JobsSimulation, EveryPromiseHoldsInEveryHistory) {
    const auto steps = number_from("PINION_SIM_STEPS", 200'000);
    const auto only = number_from("PINION_SEED", 0);
    const auto first = only ? only : number_from("PINION_FIRST_SEED", 1);
    std::uint64_t done = 0, finished = 0, crashes = 0, deaths = 0, kills = 0, returns = 0, pushes = 0, cancels = 0;
    std::uint64_t seed = first;
    const auto begin = std::chrono::steady_clock::now();
    for (; done < steps; ++seed) {
        JobsWorld world(seed);
        bool fine = true;
        for (int i = 0; i < 1500 && fine; ++i) fine = world.step();
        if (fine) fine = world.wind_up();
        ASSERT_TRUE(fine) << "seed " << seed << " (PINION_SEED=" << seed << " replays it), event " << world.event_count
                          << ": " << world.violations.front();
        done += world.event_count;
        finished += world.finished;
        crashes += world.crashes;
        deaths += world.daemon_deaths;
        kills += world.kills;
        returns += world.returns;
        pushes += world.pushes;
        cancels += world.kept_cancels;
        if (only) break;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::cout << "seeds " << first << " to " << seed - 1 << ": " << done << " events, " << finished << " jobs, "
              << crashes << " workers gone, " << deaths << " deaths of the daemon, " << kills << " kills, " << returns
              << " returns of pools, " << pushes << " pushes, "
              << static_cast<std::uint64_t>(static_cast<double>(done) / took.count()) << " events/s\n";
    // A history in which nothing happens proves nothing.
    EXPECT_GT(finished * 50, done);
    EXPECT_GT(crashes * 200, done);
    EXPECT_GT(kills * 1000, done);
    EXPECT_GT(returns * 2000, done);
    EXPECT_GT(pushes * 500, done);
    EXPECT_GT(cancels * 20'000, done);
}

TEST(JobsSimulation, ASeedRepeats) {
    JobsWorld first(7);
    JobsWorld second(7);
    for (int i = 0; i < 500; ++i) ASSERT_EQ(first.step(), second.step());
    EXPECT_EQ(first.event_count, second.event_count);
    EXPECT_EQ(first.finished, second.finished);
}

}  // namespace
}  // namespace pinion::sim
