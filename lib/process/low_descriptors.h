// SPDX-License-Identifier: Apache-2.0
// Three descriptors below `first_dropped_fd`, held for good, into which the standard files of a child are put for the
// moment of its spawn: so the child's own file table need not copy what lies above.
#pragma once

#include <array>
#include <optional>

#include "base/fd.h"

namespace pinion::process {

// The table of descriptors is the process's, hence so is this. For the spawning thread only.
class LowDescriptors {
public:
    static LowDescriptors& of_this_process();

    // Takes what is still missing, where low numbers are free. Returns whether all is there.
    bool reserve() noexcept;

    // The standard files of one child by low numbers; gives the numbers back when it goes.
    class Staged {
    public:
        explicit Staged(LowDescriptors& owner) : owner_(owner) {}
        Staged(const Staged&) = delete;
        Staged& operator=(const Staged&) = delete;
        ~Staged();
        // Makes `fds` low: those that already are stay, -1 too. Returns an errno, 0 on success; `failed` says which.
        [[nodiscard]] int stage(std::array<int, 3>& fds, int& failed) noexcept;

    private:
        LowDescriptors& owner_;
        std::array<bool, 3> used_{};
    };

private:
    LowDescriptors() = default;
    UniqueFd null_;  // what an unused slot holds, so that its number stays taken
    std::array<UniqueFd, 3> slots_;
};

}  // namespace pinion::process
