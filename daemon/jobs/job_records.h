// SPDX-License-Identifier: Apache-2.0
// The journal's records about job pools, their notes, and the JSON that is kept of attempts. Pure, but for the time
// zone.
#pragma once

#include <string>

#include "base/time.h"
#include "daemon/views.h"
#include "jobs/job_effect.h"
#include "jobs/store_answer.h"
#include "log/record.h"
#include "model/death.h"

namespace pinion::daemon {

[[nodiscard]] log::Record store_record(log::Priority priority, std::string message);
// The record of a store that is in trouble, or out of it again; and what to do about it, in words.
[[nodiscard]] log::Record health_record(const jobs::StoreHealth& health);
[[nodiscard]] std::string store_advice(const jobs::StoreHealth& health);
[[nodiscard]] log::Record queue_record(const std::string& pool, jobs::QueueMode mode, const std::string& by,
                                       bool kept = true);
// What the note of a pool says of its paused queue: "paused by root at 14:02", with the date where that is not today's.
[[nodiscard]] std::string paused_note(const std::string& pool, const JobFigures& figures, WallTime now);
[[nodiscard]] log::Record map_record(const std::string& pool, const std::string& map, const jobs::MapSettled& settled);

// What is on record of the death that ended an attempt; `cpus` is the seat, `error` JSON of what else is said of it.
[[nodiscard]] std::string death_json(const Death& death, const std::string& cpus, std::string_view error = {});
// What a client is told of an attempt that ended so, where the worker said nothing.
[[nodiscard]] std::string outcome_error(jobs::Outcome outcome, const std::string& detail);

}  // namespace pinion::daemon
