// SPDX-License-Identifier: Apache-2.0
// Random histories by seed. A broken promise prints its seed; PINION_SEED=N runs that history alone.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include "history.h"

namespace pinion::sim {
namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

constexpr std::uint64_t events_of_a_history = 5'000;

TEST(Simulation, EveryPromiseHoldsInEveryHistory) {
    const auto steps = number_from("PINION_SIM_STEPS", 3'000'000);
    const auto only = number_from("PINION_SEED", 0);
    const auto first = only ? only : number_from("PINION_FIRST_SEED", 1);
    const auto begin = std::chrono::steady_clock::now();
    std::uint64_t done = 0;
    std::uint64_t spawns = 0;
    std::uint64_t deaths = 0;
    std::uint64_t seed = first;
    for (; done < steps; ++seed) {
        History history(seed);
        const auto broken = history.run(events_of_a_history);
        ASSERT_TRUE(broken.empty()) << "seed " << seed << " (PINION_SEED=" << seed << " replays it), event "
                                    << history.world.events << ": " << broken.front();
        done += history.world.events;
        spawns += history.checker.spawns();
        deaths += history.checker.deaths();
        if (only) break;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::cout << "seeds " << first << " to " << seed - 1 << ": " << done << " events, " << spawns << " spawns, "
              << deaths << " deaths, " << static_cast<std::uint64_t>(static_cast<double>(done) / took.count())
              << " events/s\n";
    // A history in which nothing happens proves nothing.
    EXPECT_GT(spawns * 20, done);
    EXPECT_GT(deaths * 20, done);
}

// The same seed is the same history: what replays a failure.
TEST(Simulation, ASeedRepeats) {
    History first(7);
    History second(7);
    first.run(2'000);
    second.run(2'000);
    EXPECT_EQ(first.world.events, second.world.events);
    EXPECT_EQ(first.world.now, second.world.now);
    EXPECT_EQ(first.checker.spawns(), second.checker.spawns());
}

}  // namespace
}  // namespace pinion::sim
