// SPDX-License-Identifier: Apache-2.0
// What one does with a child that runs: signal it, reap it, find and end its tree. All by pidfd: a pid is only a label.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "model/death.h"

namespace pinion::process {

// pidfd_send_signal. A process that is gone is success: its exit is on the way.
[[nodiscard]] Result<void> send_signal(int pidfd, int signal);

// Reaps an ended child by its pidfd with waitid(P_PIDFD) and takes its resource usage. Nothing while it still runs.
// `oom_killed` and `last_lines` are the caller's to fill. `peak_memory_bytes` is never below our own peak at the spawn:
// the kernel carries it over exec.
[[nodiscard]] Result<std::optional<Death>> reap(int pidfd);

// Makes orphans of our children ours (PR_SET_CHILD_SUBREAPER), so that a tree can be ended without a cgroup.
[[nodiscard]] Result<void> become_subreaper();

// --- Trees without a cgroup. A worker leads a process group; descendants that left it are known by the
// PINION_POOL/PINION_SLOT/PINION_GENERATION in their environment or by descent, and come to us when their parents die.

// Names a worker's tree.
struct TreeTag {
    pid_t leader = -1;  // its pid, also its process group; 0: its number is another process's by now
    std::string pool;
    std::uint32_t slot = 0;
    std::uint64_t generation = 0;
};
// SIGKILL to the group, to all descendants of the leader, and to every child of ours that carries the tag.
// `known` are main processes of other workers, which are never touched. Returns how many were signalled.
std::size_t kill_tree(const TreeTag& tag, const std::vector<pid_t>& known);
// Whether anything of the tree is left (zombies not counted).
[[nodiscard]] bool tree_alive(const TreeTag& tag, const std::vector<pid_t>& known);

// Reaps every ended child that is not in `known`: the adopted orphans. Returns their pids.
std::vector<pid_t> reap_strays(const std::vector<pid_t>& known);

// SIGKILL to every child of ours and to what comes to us when they end, until none is left. Whether that was before
// `deadline`.
[[nodiscard]] bool end_children(MonotonicTime deadline);

}  // namespace pinion::process
