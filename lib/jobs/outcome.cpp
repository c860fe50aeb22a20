// SPDX-License-Identifier: Apache-2.0
#include "jobs/outcome.h"

#include <sysexits.h>

namespace pinion::jobs {

const char* to_string(JobState state) noexcept {
    switch (state) {
        case JobState::delayed: return "delayed";
        case JobState::queued: return "queued";
        case JobState::running: return "running";
        case JobState::done: return "done";
        case JobState::failed: return "failed";
        case JobState::cancelled: return "cancelled";
    }
    return "?";
}

const char* to_string(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::done: return "done";
        case Outcome::error: return "error";
        case Outcome::crash: return "crash";
        case Outcome::timeout: return "timeout";
        case Outcome::oom: return "oom";
        case Outcome::cancelled: return "cancelled";
        case Outcome::lost: return "lost";
        case Outcome::refused_push: return "refused_push";
        case Outcome::unreadable: return "unreadable";
    }
    return "?";
}

Verdict judge_exit(const Death& death) noexcept {
    if (death.oom_killed) return {Outcome::oom, {}, {}};
    if (death.cause == Death::Cause::signaled) return {Outcome::crash, {}, {}};
    switch (death.status) {
        case 0: return {Outcome::done, {}, {}};
        case EX_TEMPFAIL: return {Outcome::error, true, {}};
        case EX_DATAERR: return {Outcome::error, false, {}};
        default: return {Outcome::error, {}, {}};
    }
}

bool tries_again(const JobPolicy& policy, std::uint32_t made, const Verdict& verdict) noexcept {
    if (made >= policy.attempts) return false;
    switch (verdict.outcome) {
        case Outcome::done:
        case Outcome::cancelled:
        case Outcome::refused_push:
        case Outcome::unreadable: return false;
        case Outcome::lost: return true;
        case Outcome::error: return verdict.retry.value_or(policy.retry_on.error);
        case Outcome::crash: return verdict.retry.value_or(policy.retry_on.crash);
        case Outcome::timeout: return verdict.retry.value_or(policy.retry_on.timeout);
        case Outcome::oom: return verdict.retry.value_or(policy.retry_on.oom);
    }
    return false;
}

JobState final_state(Outcome outcome) noexcept {
    if (outcome == Outcome::done) return JobState::done;
    return outcome == Outcome::cancelled ? JobState::cancelled : JobState::failed;
}

}  // namespace pinion::jobs
