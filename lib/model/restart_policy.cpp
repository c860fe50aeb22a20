// SPDX-License-Identifier: Apache-2.0
#include "model/restart_policy.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace pinion {
namespace {

// One step of SplitMix64 (Steele, Lea, Flood 2014): spreads a counter-like seed over all 64 bits.
std::uint64_t mix(std::uint64_t seed) noexcept {
    seed += 0x9e3779b97f4a7c15U;
    seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9U;
    seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebU;
    return seed ^ (seed >> 31);
}

}  // namespace

Duration backoff_delay(const RestartPolicy& policy, std::uint32_t n) noexcept {
    ASSERT(n >= 1);
    if (n == 1) return Duration::zero();
    const double cap = static_cast<double>(policy.max_delay.count());
    const double delay = static_cast<double>(policy.delay.count()) * std::pow(policy.factor, n - 2.0);
    // pow may overflow to infinity; min still gives the cap.
    return Duration(static_cast<Duration::rep>(std::min(cap, delay)));
}

Duration backoff_delay_jittered(const RestartPolicy& policy, std::uint32_t n, std::uint64_t seed) noexcept {
    const double unit = static_cast<double>(mix(seed) >> 11) * 0x1p-53;  // [0, 1)
    const double scale = 1 + policy.jitter * (2 * unit - 1);
    return Duration(static_cast<Duration::rep>(static_cast<double>(backoff_delay(policy, n).count()) * scale));
}

bool limit_is_reachable(const RestartPolicy& policy) noexcept {
    if (!policy.limit) return true;
    // The first restart of the window may come at once; each later one waits at least its delay less jitter.
    double spread = 0;
    const double within = static_cast<double>(policy.limit->within.count());
    for (std::uint32_t n = 2; n <= policy.limit->count + 1; ++n) {
        const auto delay = backoff_delay(policy, n);
        spread += static_cast<double>(delay.count()) * (1 - policy.jitter);
        if (spread > within) return false;
        if (delay == policy.max_delay) {
            const double rest = policy.limit->count + 1.0 - n;
            return spread + rest * static_cast<double>(delay.count()) * (1 - policy.jitter) <= within;
        }
    }
    return true;
}

}  // namespace pinion
