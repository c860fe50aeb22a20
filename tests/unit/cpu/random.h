// SPDX-License-Identifier: Apache-2.0
// Chance with a seed, for properties over many cases: each failure names its seed; PINION_SEED=N runs one seed alone,
// PINION_ROUNDS=N so many of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "model/cpu_set.h"

namespace pinion::cpu::testing {

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(engine_() % bound); }
    std::uint32_t between(std::uint32_t low, std::uint32_t high) { return low + below(high - low + 1); }
    bool one_in(std::uint32_t n) { return below(n) == 0; }
    template <class T>
    void shuffle(std::vector<T>& values) {
        for (std::size_t i = values.size(); i > 1; --i)
            std::swap(values[i - 1], values[below(static_cast<std::uint32_t>(i))]);
    }
    CpuSet some_of(const CpuSet& set, std::uint32_t one_in_n) {
        CpuSet some;
        for (const std::uint32_t cpu : set.members())
            if (one_in(one_in_n)) some.add(cpu);
        return some;
    }

private:
    std::mt19937_64 engine_;
};

inline void for_seeds(std::uint64_t rounds, const std::function<void(std::uint64_t)>& check) {
    if (const char* one = std::getenv("PINION_SEED")) return check(std::strtoull(one, nullptr, 10));
    if (const char* count = std::getenv("PINION_ROUNDS")) rounds = std::strtoull(count, nullptr, 10);
    for (std::uint64_t seed = 1; seed <= rounds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        check(seed);
        if (::testing::Test::HasFailure()) {
            std::cerr << "failed with PINION_SEED=" << seed << "\n";
            return;
        }
    }
}

}  // namespace pinion::cpu::testing
