// SPDX-License-Identifier: Apache-2.0
// What the job socket answers, as JSON: pure functions of what the queue knows.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/control.h"
#include "daemon/jobs/client_port.h"
#include "daemon/jobs/job_queue.h"
#include "wire/json.h"

namespace pinion::daemon {

// A job with every attempt that is given, and the one that runs. `phase` refines the state of one that is not at its
// end.
[[nodiscard]] wire::Json job_reply(const jobs::StoredJob& job, jobs::JobPhase phase,
                                   const std::optional<RunningAttempt>& running);

// The error of one that failed or was cancelled, as JSON; empty for others. What its worker said, or how its
// last attempt ended.
[[nodiscard]] std::string error_of(const jobs::StoredJob& job);

// {"ids":[…],"existing":[…],"durability":"fsync"}
[[nodiscard]] std::string accepted_reply(std::span<const jobs::PlacedJob> placed, Durability durability);
// {"from":0,"ids":[…]}
[[nodiscard]] std::string added_reply(std::uint64_t from, std::span<const jobs::PlacedJob> placed);

[[nodiscard]] wire::Json pool_reply(const JobPool& pool, const std::optional<jobs::QueueView>& queue, bool may_steer);
[[nodiscard]] wire::Json map_reply(const JobPool& pool, const jobs::StoredMap& map);
[[nodiscard]] wire::Json log_reply(JobId job, std::span<const JobLogLine> lines, std::optional<std::uint32_t> attempt);

[[nodiscard]] const char* to_string(PayloadKind payload) noexcept;
[[nodiscard]] const char* to_string(jobs::QueueMode mode) noexcept;
[[nodiscard]] FailureCode code_of(Refusal::Kind kind) noexcept;

}  // namespace pinion::daemon
