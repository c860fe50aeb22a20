// SPDX-License-Identifier: Apache-2.0
// Who belongs to a worker without a cgroup, for those who look at all of its tree or set its masks. A snapshot: what is
// forked meanwhile is not in it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "process/child.h"
#include "process/process_facts.h"

namespace pinion::process {

// A worker with more processes is looked at in part: the rest are for another round.
inline constexpr std::size_t most_members = 4096;

class TreeMembers {
public:
    // Of nobody, where cgroups tell.
    TreeMembers() = default;
    // Reads once what is told of the orphans that came to us, for questions about many trees. `known` are main
    // processes of workers.
    explicit TreeMembers(const std::vector<pid_t>& known);

    // The leader first, then what hangs below it, and the orphans of this tree with what hangs below them.
    [[nodiscard]] std::vector<pid_t> of(const TreeTag& tag) const;

private:
    struct Orphan {
        ProcessFacts facts;
        std::string environment;
    };
    std::vector<Orphan> orphans_;
};

}  // namespace pinion::process
