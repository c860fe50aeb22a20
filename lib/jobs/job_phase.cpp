// SPDX-License-Identifier: Apache-2.0
#include "jobs/job_phase.h"

namespace pinion::jobs {

const char* to_string(JobPhase phase) noexcept {
    switch (phase) {
        case JobPhase::none: return "none";
        case JobPhase::delayed: return "delayed";
        case JobPhase::ready: return "ready";
        case JobPhase::claiming: return "claiming";
        case JobPhase::sent: return "sent";
        case JobPhase::running: return "running";
        case JobPhase::ending: return "ending";
        case JobPhase::finishing: return "finishing";
    }
    return "?";
}

JobState visible(JobPhase phase) noexcept {
    switch (phase) {
        case JobPhase::delayed: return JobState::delayed;
        case JobPhase::none:
        case JobPhase::ready:
        case JobPhase::claiming:
        case JobPhase::sent: return JobState::queued;
        case JobPhase::running:
        case JobPhase::ending:
        case JobPhase::finishing: return JobState::running;
    }
    return JobState::queued;
}

}  // namespace pinion::jobs
