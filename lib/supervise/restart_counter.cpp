// SPDX-License-Identifier: Apache-2.0
#include "supervise/restart_counter.h"

#include <algorithm>
#include <limits>

namespace pinion::supervise {
namespace {

bool any_matches(const std::vector<ExitPattern>& patterns, const Death& death) noexcept {
    return std::ranges::any_of(patterns, [&](const ExitPattern& pattern) { return matches(pattern, death); });
}

}  // namespace

Decision::Kind judge(const RestartPolicy& policy, const Death* death) noexcept {
    if (death != nullptr && any_matches(policy.fatal, *death)) return Decision::Kind::give_up_fatal;
    if (policy.policy == RestartWhen::always) return Decision::Kind::restart;
    if (death != nullptr && any_matches(policy.success, *death)) return Decision::Kind::complete;
    if (policy.policy == RestartWhen::never) return Decision::Kind::give_up_policy;
    return Decision::Kind::restart;
}

void RestartCounter::clear(bool alive) {
    failures_ = 0;
    lives_ = alive ? 1 : 0;
    window_.clear();
}

Decision RestartCounter::count(const RestartPolicy& policy, Decision::Kind kind, std::optional<Duration> uptime,
                               MonotonicTime now, std::uint64_t seed) {
    if (kind == Decision::Kind::complete || (uptime && *uptime >= policy.reset_after)) failures_ = 0;
    if (kind == Decision::Kind::complete) return {.kind = kind};
    if (failures_ < std::numeric_limits<std::uint32_t>::max()) ++failures_;

    Decision decision{.kind = kind, .failures_in_row = failures_};
    if (kind != Decision::Kind::restart) return decision;
    const auto delay = backoff_delay_jittered(policy, failures_, seed);
    if (exceeds(policy, add_saturating(now, delay))) {
        decision.kind = Decision::Kind::give_up_limit;
        return decision;
    }
    decision.delay = delay;
    return decision;
}

void RestartCounter::started(const RestartPolicy& policy, MonotonicTime now) {
    if (lives_ < std::numeric_limits<std::uint32_t>::max()) ++lives_;
    if (!policy.limit) {
        window_.clear();
        return;
    }
    if (lives_ < 2) return;
    std::erase_if(window_, [&](MonotonicTime earlier) { return now - earlier >= policy.limit->within; });
    window_.push_back(now);
    if (window_.size() > policy.limit->count) window_.erase(window_.begin());
}

bool RestartCounter::exceeds(const RestartPolicy& policy, MonotonicTime restart) const {
    if (!policy.limit) return false;
    const auto in_window =
        std::ranges::count_if(window_, [&](MonotonicTime earlier) { return restart - earlier < policy.limit->within; });
    return static_cast<std::uint64_t>(in_window) >= policy.limit->count;
}

}  // namespace pinion::supervise
