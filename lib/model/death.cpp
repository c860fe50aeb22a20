// SPDX-License-Identifier: Apache-2.0
#include "model/death.h"

#include <csignal>

#include "base/result.h"
#include "base/units.h"

namespace pinion {

const char* to_string(SpawnStage stage) noexcept {
    switch (stage) {
        case SpawnStage::fork: return "fork";
        case SpawnStage::cgroup: return "cgroup";
        case SpawnStage::session: return "session";
        case SpawnStage::signals: return "signals";
        case SpawnStage::affinity: return "affinity";
        case SpawnStage::memory_policy: return "memory_policy";
        case SpawnStage::scheduler: return "scheduler";
        case SpawnStage::limits: return "limits";
        case SpawnStage::oom_score: return "oom_score";
        case SpawnStage::umask: return "umask";
        case SpawnStage::stdio: return "stdio";
        case SpawnStage::credentials: return "credentials";
        case SpawnStage::cwd: return "cwd";
        case SpawnStage::parent_death: return "parent_death";
        case SpawnStage::exec: return "exec";
        case SpawnStage::read_back: return "read_back";
    }
    return "unknown";
}

std::string to_string(const SpawnFailure& failure) {
    std::string text = to_string(failure.stage);
    if (!failure.object.empty()) text += " '" + failure.object + "'";
    return text + ": " + (failure.why.empty() ? errno_text(failure.error) : failure.why);
}

std::string to_string(const Death& death) {
    std::string text =
        death.cause == Death::Cause::exited ? "exit " + std::to_string(death.status) : signal_name(death.status);
    if (death.oom_killed && death.core_dumped) return text + " (out of memory, core dumped)";
    if (death.oom_killed) return text + " (out of memory)";
    if (death.core_dumped) return text + " (core dumped)";
    return text;
}

bool looks_killed(const Death& death) noexcept {
    if (death.cause == Death::Cause::signaled) return death.status == SIGKILL;
    return death.status == 128 + SIGKILL;
}

bool matches(const ExitPattern& pattern, const Death& death) noexcept {
    const bool same_kind = (pattern.kind == ExitPattern::Kind::code) == (death.cause == Death::Cause::exited);
    return same_kind && pattern.value == death.status;
}

}  // namespace pinion
