// SPDX-License-Identifier: Apache-2.0
// What the tests of libpinion share: deadlines, and children that are killed at any moment.
#pragma once

#include <pinion/pinion.h>

#include <chrono>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace pinion::testing {

using namespace std::chrono_literals;

// Longer than anything here takes on a busy machine.
inline constexpr auto plenty = 60s;

// 0, 1, 2…
inline std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

// Lets a process run for a random span below `most`, then kills it. Where it fell is what the test is about.
inline void kill_at_random(Process& process, std::mt19937& random, std::chrono::microseconds most) {
    std::uniform_int_distribution<long> spans(0, most.count());
    static_cast<void>(process.join(std::chrono::microseconds(spans(random))));
    process.kill();
    process.join();
}

}  // namespace pinion::testing
