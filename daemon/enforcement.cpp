// SPDX-License-Identifier: Apache-2.0
#include "daemon/enforcement.h"

#include <unistd.h>

#include "cpu/machine.h"

namespace pinion::daemon {

Result<ChosenLevel> choose_level(std::optional<Enforcement> wish, const std::string& obstacle) {
    if (wish == Enforcement::affinity)
        return ChosenLevel{Enforcement::affinity, "as 'machine.enforce' asks; another program can change it"};
    if (obstacle.empty()) return ChosenLevel{Enforcement::cpuset, ""};
    if (wish == Enforcement::cpuset)
        return fail("E_ENFORCE_UNAVAILABLE machine.enforce: cpuset can't be had: " + obstacle +
                    ". The best level here is affinity. Try: enforce: auto | enforce: affinity");
    return ChosenLevel{Enforcement::affinity, obstacle};
}

Result<ChosenLevel> settle_enforcement(std::optional<Enforcement> wish, std::optional<process::Cgroups>& cgroups) {
    if (wish == Enforcement::affinity) return choose_level(wish, "");
    if (!cgroups) return choose_level(wish, "piniond was given no cgroup to make others in");
    const OwnMaskKept kept;
    const auto enabled = cgroups->enable_cpuset();
    auto chosen = choose_level(wish, enabled ? "" : enabled.error().message);
    if (!chosen || !enabled) return chosen;
    chosen->why = "each below cgroup '" + cgroups->folder() + "'";
    if (cgroups->switched_cpuset_on())
        chosen->why +=
            "; switched the controller on there, upon which older kernels reset the affinity of all below it: "
            "set again for workers";
    return chosen;
}

std::string describe(const ChosenLevel& chosen) {
    const bool cpuset = chosen.level == Enforcement::cpuset;
    return (cpuset ? "pins are kept by a cpuset for each worker and by affinity, "
                   : "pins are kept by affinity alone, ") +
           chosen.why;
}

OwnMaskKept::OwnMaskKept() {
    if (auto mask = cpu::read_affinity(0)) before_ = *std::move(mask);
}

OwnMaskKept::~OwnMaskKept() {
    const auto now = cpu::read_affinity(0);
    // Where it fails there is nothing more to be done: we run where the kernel lets us.
    if (now && !before_.empty() && *now != before_) static_cast<void>(cpu::pin_process(::getpid(), before_));
}

}  // namespace pinion::daemon
