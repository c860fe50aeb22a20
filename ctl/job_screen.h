// SPDX-License-Identifier: Apache-2.0
// Jobs as people see them: many as a table, the story of one. Pure.
#pragma once

#include <span>
#include <string>

#include "base/time.h"
#include "ctl/terminal.h"
#include "wire/json.h"

namespace pinion::ctl {

// `jobs`: as the daemon lists them (packaging/schemas/job.schema.json), at least one; `now` since the epoch. On a
// terminal with how many are in which state, and which columns it has no room for.
[[nodiscard]] std::string jobs_screen(std::span<const wire::Json> jobs, Duration now, const TerminalTraits& traits);
// One job with every attempt.
[[nodiscard]] std::string job_story(const wire::Json& job, Duration now, const TerminalTraits& traits);

// What its attempts wrote, a line each; with more than one, each has a head.
[[nodiscard]] std::string job_log(std::span<const wire::Json> lines, const TerminalTraits& traits);

}  // namespace pinion::ctl
