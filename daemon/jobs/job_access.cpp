// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/job_access.h"

#include <algorithm>

namespace pinion::daemon {

bool may_steer(const Caller& caller, uid_t own_uid) noexcept { return caller.uid == 0 || caller.uid == own_uid; }

bool may_use(const Caller& caller, uid_t own_uid, const AllowPolicy& allow) noexcept {
    if (may_steer(caller, own_uid)) return true;
    if (std::ranges::find(allow.uids, caller.uid) != allow.uids.end()) return true;
    return std::ranges::find_first_of(allow.gids, caller.groups) != allow.gids.end();
}

std::string describe(const Caller& caller) { return caller.uid == 0 ? "root" : "uid " + std::to_string(caller.uid); }

}  // namespace pinion::daemon
