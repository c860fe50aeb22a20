// SPDX-License-Identifier: Apache-2.0
// Descriptors below `first_dropped_fd`, held for good, into which the standard files of a child are put until it has a
// file table of its own: so that table need not copy what lies above. Three for each child that may be on its way.
#pragma once

#include <array>
#include <cstddef>

#include "base/fd.h"

namespace pinion::process {

// The table of descriptors is the process's, hence so is this. For the spawning thread only.
class LowDescriptors {
public:
    // How many children may be on their way at once, each with a lane of its own. A child needs about three times as
    // long to its exec as we need for the next: more lanes would stay empty.
    static constexpr std::size_t lanes = 4;

    static LowDescriptors& of_this_process();

    // Takes what is still missing, where low numbers are free. Returns whether all is there.
    bool reserve() noexcept;

    // /dev/null, open for reading and writing; -1 before `reserve` has succeeded.
    [[nodiscard]] int null_fd() const noexcept { return null_.fd(); }

    // The standard files of one child by low numbers; gives the numbers back when it goes.
    class Staged {
    public:
        Staged(LowDescriptors& owner, std::size_t lane) : owner_(owner), lane_(lane) {}
        Staged(const Staged&) = delete;
        Staged& operator=(const Staged&) = delete;
        ~Staged();
        // Makes `fds` low: those that already are stay. Returns an errno, 0 on success; `failed` says which.
        [[nodiscard]] int stage(std::array<int, 3>& fds, int& failed) noexcept;

    private:
        LowDescriptors& owner_;
        std::size_t lane_;
        std::array<bool, 3> used_{};
    };

private:
    LowDescriptors() = default;
    UniqueFd null_;  // what an unused slot holds, so that its number stays taken
    std::array<std::array<UniqueFd, 3>, lanes> slots_;
};

}  // namespace pinion::process
