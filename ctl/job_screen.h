// SPDX-License-Identifier: Apache-2.0
// Jobs as people see them: a table of many, the story of one. Pure.
#pragma once

#include <span>
#include <string>

#include "base/time.h"
#include "ctl/table.h"
#include "wire/json.h"

namespace pinion::ctl {

// `jobs`: as the daemon lists them (docs/protocol.md); `now` since the epoch.
[[nodiscard]] Table job_table(std::span<const wire::Json> jobs, Duration now);
// One job with every attempt.
[[nodiscard]] std::string job_story(const wire::Json& job, Duration now, const TerminalTraits& traits);

}  // namespace pinion::ctl
