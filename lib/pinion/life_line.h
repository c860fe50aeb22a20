// SPDX-License-Identifier: Apache-2.0
// How a forked child dies with its parent. PR_SET_PDEATHSIG tells of the end of the *thread* that forked, which in a
// library is somebody's worker thread. So each process keeps the write end of a pipe that nobody else has; a child has
// the read end, opened for itself and set to send SIGKILL to its owner when the last writer is gone.
#pragma once

namespace pinion::inline v0 {

class LifeLine {
public:
    // In the parent, before the fork, with `globals_mutex` held: makes this process's pipe, once. Throws
    // std::system_error.
    static void prepare();
    // In the child, first thing: lets go of the parent's pipe, so that we don't keep our siblings alive. Where
    // `follow`, dies when the parent does, or has.
    static void after_fork(bool follow) noexcept;
};

}  // namespace pinion::inline v0
