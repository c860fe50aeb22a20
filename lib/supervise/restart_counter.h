// SPDX-License-Identifier: Apache-2.0
// What a restart policy says about one end of a worker, and the two memories it needs: how many ends in a row there
// were without a stable life between, and when restarts took place.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/death.h"
#include "model/restart_policy.h"
#include "supervise/effect.h"

namespace pinion::supervise {

// What follows from an end by `policy`, its delay and its limit aside: restart, complete, give_up_fatal or
// give_up_policy. `death` null: the worker did not come up (it could not be spawned, or was not ready in time), which
// is a failure that no pattern matches. `fatal` goes before `success`.
[[nodiscard]] Decision::Kind judge(const RestartPolicy& policy, const Death* death) noexcept;

class RestartCounter {
public:
    // Forgets everything: a manual start, or a new text, is a new chance. `alive`: a life goes on meanwhile; the next
    // one is a restart again.
    void clear(bool alive);

    // Counts an end that `judge` called `kind` and decides. `uptime` counts from readiness; nothing where it was never
    // ready. One of `reset_after` or more sets the count back before this end is counted. `seed` decides the jitter.
    // The delay counts from `now`; a restart that would be the (count + 1)-th in a window of limit.within becomes
    // give_up_limit.
    [[nodiscard]] Decision count(const RestartPolicy& policy, Decision::Kind kind, std::optional<Duration> uptime,
                                 MonotonicTime now, std::uint64_t seed);

    // An end was found to be a success after all: it ends the row of failures.
    void completed() noexcept { failures_ = 0; }

    // A life begins. All but the first since clear() are restarts, and enter the window of the limit.
    void started(const RestartPolicy& policy, MonotonicTime now);

    [[nodiscard]] std::uint32_t failures_in_row() const noexcept { return failures_; }
    [[nodiscard]] std::uint32_t restarts() const noexcept { return lives_ > 1 ? lives_ - 1 : 0; }

private:
    [[nodiscard]] bool exceeds(const RestartPolicy& policy, MonotonicTime restart) const;

    std::uint32_t failures_ = 0;
    std::uint32_t lives_ = 0;
    // Restarts inside the window, oldest first, at most limit.count of them; unused without a limit.
    std::vector<MonotonicTime> window_;
};

}  // namespace pinion::supervise
