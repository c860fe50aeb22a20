// SPDX-License-Identifier: Apache-2.0
// The one source of chance in a simulated history: the same seed makes the same history on every machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>

#include "base/time.h"

namespace pinion::sim {

class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    // SplitMix64.
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }
    std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(next() % bound); }
    bool one_in(std::uint32_t n) { return below(n) == 0; }
    Duration up_to(Duration longest) {
        return Duration(static_cast<Duration::rep>(next() % (static_cast<std::uint64_t>(longest.count()) + 1)));
    }
    template <class T>
    T pick(std::initializer_list<T> choices) {
        return *(choices.begin() + below(static_cast<std::uint32_t>(choices.size())));
    }

private:
    std::uint64_t state_;
};

}  // namespace pinion::sim
