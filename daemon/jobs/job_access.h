// SPDX-License-Identifier: Apache-2.0
// Who may do what over the job socket, by the peer's credentials. Pure.
#pragma once

#include "daemon/access.h"
#include "model/job_policy.h"

namespace pinion::daemon {

// Root and the daemon's own user: every pool, and its queue.
[[nodiscard]] bool may_steer(const Caller& caller, uid_t own_uid) noexcept;

// Submit to a pool, and look at, cancel and retry its jobs: whoever may steer, and those whom the pool allows.
[[nodiscard]] bool may_use(const Caller& caller, uid_t own_uid, const AllowPolicy& allow) noexcept;

// "root", "uid 1000": for refusals and records.
[[nodiscard]] std::string describe(const Caller& caller);

}  // namespace pinion::daemon
