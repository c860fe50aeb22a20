// SPDX-License-Identifier: Apache-2.0
// From the names of users and groups to numbers, by the system's user database. May block.
#pragma once

#include <optional>

#include "config/draft.h"
#include "config/report.h"

namespace pinion::config {

// The identity that a pool asks for; nothing where it asks for none, or where a name is unknown, which is reported.
// Without a user: the daemon's own. Without a group: the user's. The supplementary groups are those the database gives
// the user and those that are listed.
[[nodiscard]] std::optional<Identity> resolve_identity(const Draft& draft, Report& report);

// Who may submit. A name that is unknown is reported, but for a default.
[[nodiscard]] AllowPolicy resolve_allow(const DraftAllow& allow, Report& report);

}  // namespace pinion::config
