// SPDX-License-Identifier: Apache-2.0
// How pins are kept on this host: what `machine.enforce` asks for, what can be had, what is done.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "model/cpu_request.h"
#include "process/cgroup.h"

namespace pinion::daemon {

struct ChosenLevel {
    Enforcement level = Enforcement::affinity;
    std::string why;  // the end of a sentence: "pins are kept by …, …"
    bool operator==(const ChosenLevel&) const = default;
};

// The level for a wish (nothing: the best). `obstacle` is what is in the way of cpusets, empty if nothing is. The error
// (E_ENFORCE_UNAVAILABLE) names what can't be had, why, and the best level that can. Pure.
[[nodiscard]] Result<ChosenLevel> choose_level(std::optional<Enforcement> wish, const std::string& obstacle);

// The same for this host: switches cpusets on in `cgroups` where they are wished for and can be had. Our own affinity
// is afterwards what it was.
[[nodiscard]] Result<ChosenLevel> settle_enforcement(std::optional<Enforcement> wish,
                                                     std::optional<process::Cgroups>& cgroups);

// "pins are kept by …": the sentence of a record.
[[nodiscard]] std::string describe(const ChosenLevel& chosen);

// Keeps this process's affinity over what resets it: a move into another cgroup, or a controller that is switched on
// above, both on Linux before 6.2.
class OwnMaskKept {
public:
    OwnMaskKept();
    ~OwnMaskKept();
    OwnMaskKept(const OwnMaskKept&) = delete;
    OwnMaskKept& operator=(const OwnMaskKept&) = delete;

private:
    CpuSet before_;
};

}  // namespace pinion::daemon
