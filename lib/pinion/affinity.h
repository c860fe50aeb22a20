// SPDX-License-Identifier: Apache-2.0
// CPU numbers as the kernel's bit mask.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace pinion::inline v0 {

// 64 CPUs a word. Throws std::invalid_argument past the most CPUs that a kernel has.
[[nodiscard]] inline std::vector<std::uint64_t> affinity_words(const std::vector<unsigned>& cpus) {
    constexpr unsigned most = 8192;
    std::vector<std::uint64_t> words;
    for (const unsigned cpu : cpus) {
        if (cpu >= most) throw std::invalid_argument("no CPU " + std::to_string(cpu));
        if (words.size() <= cpu / 64) words.resize(cpu / 64 + 1);
        words[cpu / 64] |= std::uint64_t{1} << cpu % 64;
    }
    return words;
}

}  // namespace pinion::inline v0
