// SPDX-License-Identifier: Apache-2.0
// How an attempt ends, and whether another follows: the rules of `job.attempts`, `job.retry_on` and a worker's own
// words, as pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "model/death.h"
#include "model/job_policy.h"

namespace pinion::jobs {

// What people see of a job.
enum class JobState : std::uint8_t { delayed, queued, running, done, failed, cancelled };
[[nodiscard]] const char* to_string(JobState state) noexcept;
[[nodiscard]] constexpr bool is_final(JobState state) noexcept { return state >= JobState::done; }

// How one attempt ended. The numbers are stored: new ones go to the end.
enum class Outcome : std::uint8_t {
    done,
    error,         // the worker said so, or exec ended with a code that is no success
    crash,         // the worker died while it executed the job
    timeout,       // job.timeout passed; the worker's tree was killed
    oom,           // the kernel killed the worker for its memory
    cancelled,     // somebody asked for it
    lost,          // the daemon died while the job was executing
    refused_push,  // its result pushed to a pool that is not there, promises less, or is on a disk that has stopped
    unreadable,    // its input is lost or damaged
};
[[nodiscard]] const char* to_string(Outcome outcome) noexcept;

// An outcome with the worker's wishes: `retry` overrules job.retry_on in either direction, `after` the back-off.
struct Verdict {
    Outcome outcome = Outcome::done;
    std::optional<bool> retry;
    std::optional<Duration> after;
    bool operator==(const Verdict&) const = default;
};

// Of a process that was one attempt (protocol exec): 0 is done, 75 (EX_TEMPFAIL) an error to be retried, 65
// (EX_DATAERR) a permanent one, any other code an error, a signal a crash.
[[nodiscard]] Verdict judge_exit(const Death& death) noexcept;

// Whether another attempt follows the `made`-th (from 1) that ended so. Never after done, cancelled, refused_push and
// unreadable; `lost` is always retried while attempts are left, since no rule of the user's speaks of it.
[[nodiscard]] bool tries_again(const JobPolicy& policy, std::uint32_t made, const Verdict& verdict) noexcept;

// The final state of a job whose last attempt ended so.
[[nodiscard]] JobState final_state(Outcome outcome) noexcept;

}  // namespace pinion::jobs
