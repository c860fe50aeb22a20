// SPDX-License-Identifier: Apache-2.0
// The signals that the runner lives by, delivered only while it waits: nothing can come between a look and a wait.
#pragma once

#include <poll.h>
#include <signal.h>

#include <span>

namespace pinion::exec_runner {

class Signals {
public:
    // Blocks SIGTERM, SIGCHLD and SIGPIPE from here on. There is one of this in a process.
    Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // Waits for a descriptor or a signal; `milliseconds` negative: for ever. False only where the system refuses.
    bool wait(std::span<pollfd> fds, int milliseconds = -1) const;
    // Whether SIGTERM has come.
    [[nodiscard]] static bool terminated() noexcept;
    // The mask as it was before, for children.
    [[nodiscard]] const sigset_t& original() const noexcept { return original_; }

private:
    sigset_t original_{};
    sigset_t waiting_{};
};

}  // namespace pinion::exec_runner
