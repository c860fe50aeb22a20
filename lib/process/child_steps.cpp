// SPDX-License-Identifier: Apache-2.0
#include "process/child_steps.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <csignal>
#include <cstddef>

#include "process/raw_syscall.h"

namespace pinion::process {
namespace {

// A step returns 0 or -errno, and may set `failure.detail`.
using Step = long (*)(ChildRun&);

PINION_CHILD_CODE std::size_t length_of(const char* text) {
    std::size_t length = 0;
    while (text[length] != '\0') ++length;
    return length;
}

// close_range with CLOSE_RANGE_UNSHARE copies only what lies below the range, so thousands of the parent's open files
// cost nothing. Until this returns the table is the parent's: nothing may be opened, closed or moved before.
PINION_CHILD_CODE long own_file_table(ChildRun& run) {
    run.failure.detail = detail_file_table;
    if (!run.shares_files) return 0;
    const long closed = raw_syscall(SYS_close_range, first_dropped_fd, ~0U, CLOSE_RANGE_UNSHARE);
    if (closed == 0) return 0;
    return raw_syscall(SYS_unshare, CLONE_FILES);
}

PINION_CHILD_CODE long enter_cgroup(ChildRun& run) {
    if (run.cgroup_fd < 0) return 0;
    const long procs = raw_syscall(SYS_openat, run.cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
    if (procs < 0) return procs;
    const long written = raw_syscall(SYS_write, procs, "0", 1);
    raw_syscall(SYS_close, procs);
    return written < 0 ? written : 0;
}

PINION_CHILD_CODE long new_session(ChildRun& run) {
    if (!run.image->own_session) return 0;
    const long session = raw_syscall(SYS_setsid);
    return session < 0 ? session : 0;
}

// Dispositions first: while a handler of the parent's is set, no signal may come in.
PINION_CHILD_CODE long reset_signals(ChildRun& run) {
    const unsigned long default_action[4] = {};  // the kernel's struct sigaction: SIG_DFL, no flags, no mask
    for (int number = 1; number <= last_signal; ++number) {
        if (number == SIGKILL || number == SIGSTOP) continue;
        if ((run.signals_to_reset >> (number - 1) & 1) == 0) continue;
        const long set = raw_syscall(SYS_rt_sigaction, number, &default_action[0], nullptr, 8);
        if (set < 0) return set;
    }
    const std::uint64_t none = 0;
    return raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
}

PINION_CHILD_CODE long set_affinity(ChildRun& run) {
    if (run.image->cpu_words == nullptr) return 0;
    const long set = raw_syscall(SYS_sched_setaffinity, 0, run.image->cpu_bytes, run.image->cpu_words);
    return set < 0 ? set : 0;
}

PINION_CHILD_CODE long set_policy(const ChildImage& image, int mode) {
    // The kernel takes one bit less than it is told.
    return raw_syscall(SYS_set_mempolicy, mode, image.node_words, image.node_bits + 1);
}

// Before Linux 5.15 only one node can be preferred: the first of them, then.
PINION_CHILD_CODE long set_memory_policy(ChildRun& run) {
    const ChildImage& image = *run.image;
    if (image.memory_mode < 0) return 0;
    long set = set_policy(image, image.memory_mode);
    if (set == -EINVAL && image.memory_mode == MPOL_PREFERRED_MANY) set = set_policy(image, MPOL_PREFERRED);
    // What a pinned worker touches first comes from its own node anyway.
    if (image.memory_is_wish && (set == -EPERM || set == -ENOSYS)) return 0;
    return set;
}

PINION_CHILD_CODE long set_scheduler(ChildRun& run) {
    const ChildImage& image = *run.image;
    if (image.scheduler >= 0) {
        run.failure.detail = detail_policy;
        const int priority = 0;  // the kernel's struct sched_param
        if (const long set = raw_syscall(SYS_sched_setscheduler, 0, image.scheduler, &priority); set < 0) return set;
    }
    if (image.set_nice) {
        run.failure.detail = detail_nice;
        if (const long set = raw_syscall(SYS_setpriority, PRIO_PROCESS, 0, image.nice); set < 0) return set;
    }
    if (image.io_priority >= 0) {
        run.failure.detail = detail_io;
        constexpr int who_process = 1;
        if (const long set = raw_syscall(SYS_ioprio_set, who_process, 0, image.io_priority); set < 0) return set;
    }
    return 0;
}

PINION_CHILD_CODE long set_limit(int resource, std::uint64_t soft, std::uint64_t hard) {
    const std::uint64_t limit[2] = {soft, hard};
    return raw_syscall(SYS_prlimit64, 0, resource, &limit[0], nullptr);
}

PINION_CHILD_CODE long set_limits(ChildRun& run) {
    for (std::size_t i = 0; i < run.image->limit_count; ++i) {
        const ResourceLimit& limit = run.image->limits[i];
        if (limit.resource == RLIMIT_NOFILE) continue;
        run.failure.detail = static_cast<int>(i);
        if (const long set = set_limit(limit.resource, limit.soft, limit.hard); set < 0) return set;
    }
    return 0;
}

// After the last descriptor is opened, or a small limit would fail the steps before it.
PINION_CHILD_CODE long set_file_limit(ChildRun& run) {
    const ChildImage& image = *run.image;
    for (std::size_t i = 0; i < image.limit_count; ++i) {
        const ResourceLimit& limit = image.limits[i];
        if (limit.resource != RLIMIT_NOFILE) continue;
        run.failure.detail = static_cast<int>(i);
        return set_limit(limit.resource, limit.soft, limit.hard);
    }
    run.failure.detail = -1;
    if (image.nofile_hard == 0) return 0;
    return set_limit(RLIMIT_NOFILE, image.nofile_soft, image.nofile_hard);
}

// The kernel leaves the score of the parent alone although the memory is shared: it knows a vfork.
PINION_CHILD_CODE long set_oom_score(ChildRun& run) {
    const char* text = run.image->oom_score_adj;
    if (text == nullptr) return 0;
    const long file = raw_syscall(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
    if (file < 0) return file;
    const long written = raw_syscall(SYS_write, file, text, length_of(text));
    raw_syscall(SYS_close, file);
    return written < 0 ? written : 0;
}

PINION_CHILD_CODE long set_umask(ChildRun& run) {
    if (run.image->set_umask) raw_syscall(SYS_umask, run.image->umask);
    return 0;
}

// Without close_range (kernels before 5.9) close-on-exec does the same: every descriptor of ours has it from birth.
PINION_CHILD_CODE void close_others(const ChildRun& run) {
    if (run.status_fd < 0) {
        raw_syscall(SYS_close_range, 3, ~0U, 0);
        return;
    }
    if (run.status_fd > 3) raw_syscall(SYS_close_range, 3, run.status_fd - 1, 0);
    raw_syscall(SYS_close_range, run.status_fd + 1, ~0U, 0);
}

PINION_CHILD_CODE long set_stdio(ChildRun& run) {
    for (int i = 0; i < 3; ++i) {
        run.failure.detail = i;
        // Up and out of the way of 0, 1 and 2, which are overwritten below.
        if (run.stdio[i] > 2) continue;
        const long moved = run.stdio[i] < 0 ? raw_syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0)
                                            : raw_syscall(SYS_fcntl, run.stdio[i], F_DUPFD, 3);
        if (moved < 0) return moved;
        run.stdio[i] = static_cast<int>(moved);
        if (moved > 2) continue;
        const long above = raw_syscall(SYS_fcntl, moved, F_DUPFD, 3);  // /dev/null took a free low number
        if (above < 0) return above;
        run.stdio[i] = static_cast<int>(above);
    }
    for (int i = 0; i < 3; ++i) {
        run.failure.detail = i;
        if (const long put = raw_syscall(SYS_dup3, run.stdio[i], i, 0); put < 0) return put;
    }
    close_others(run);
    return 0;
}

// Raw, since glibc's versions change all threads of "the process", which here are the parent's.
PINION_CHILD_CODE long set_credentials(ChildRun& run) {
    const ChildImage& image = *run.image;
    if (!image.change_identity) return 0;
    if (const long set = raw_syscall(SYS_setgroups, image.group_count, image.groups); set < 0) return set;
    if (const long set = raw_syscall(SYS_setresgid, image.gid, image.gid, image.gid); set < 0) return set;
    return raw_syscall(SYS_setresuid, image.uid, image.uid, image.uid);
}

PINION_CHILD_CODE long enter_cwd(ChildRun& run) {
    return run.image->cwd == nullptr ? 0 : raw_syscall(SYS_chdir, run.image->cwd);
}

// After the credentials, whose change clears it. A parent that died before the call left us to someone else.
PINION_CHILD_CODE long die_with_parent(ChildRun& run) {
    if (!run.image->die_with_parent) return 0;
    const long set = raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (set < 0) return set;
    return raw_syscall(SYS_getppid) == run.image->parent_pid ? 0 : -ESRCH;
}

// A connection to journald that has said its header, or -errno. It never waits: a parent may be waiting for us.
PINION_CHILD_CODE long connect_journal(const char* path, const char* header) {
    // As systemd gives the services it starts: a burst of output should not stop a worker. A smaller one serves too.
    const int send_buffer_bytes = 8 << 20;
    sockaddr_un address;
    address.sun_family = AF_UNIX;
    const std::size_t path_length = length_of(path);
    if (path_length >= sizeof address.sun_path) return -ENAMETOOLONG;
    for (std::size_t i = 0; i <= path_length; ++i) address.sun_path[i] = path[i];
    const long socket = raw_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket < 0) return socket;
    const auto header_length = static_cast<long>(length_of(header));
    const bool said =
        raw_syscall(SYS_connect, socket, &address, offsetof(sockaddr_un, sun_path) + path_length + 1) == 0 &&
        raw_syscall(SYS_shutdown, socket, SHUT_RD) == 0 &&
        raw_syscall(SYS_setsockopt, socket, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes) <= 0 &&
        raw_syscall(SYS_sendto, socket, header, header_length, MSG_NOSIGNAL, nullptr, 0) == header_length &&
        // The worker's own writes block, as on any standard output.
        raw_syscall(SYS_fcntl, socket, F_SETFL, 0) == 0;
    if (said) return socket;
    raw_syscall(SYS_close, socket);
    return -EAGAIN;
}

// After the credentials: journald takes the pid and the ids of whoever connects for those of every line. Where it does
// not answer, what is there already stays: our parent reads that, and loses nothing that the journal would keep.
PINION_CHILD_CODE long connect_outputs(ChildRun& run) {
    for (int i = 0; i < 2; ++i) {
        const char* header = run.image->journal_headers[i];
        if (header == nullptr) continue;
        const long stream = connect_journal(run.image->journal_socket, header);
        if (stream < 0) continue;
        raw_syscall(SYS_dup3, stream, i + 1, 0);
        raw_syscall(SYS_close, stream);
    }
    return 0;
}

// As execvp: goes on to the next folder where the program is not there or not ours to run, and prefers to tell of the
// latter. No shell takes over a file that the kernel can't run.
PINION_CHILD_CODE long execute(ChildRun& run) {
    const ChildImage& image = *run.image;
    long result = -ENOENT;
    run.failure.detail = 0;
    for (int i = 0; image.candidates[i] != nullptr; ++i) {
        const long failed = raw_syscall(SYS_execve, image.candidates[i], image.argv, image.envp);
        if (failed == -ENOENT || failed == -ENOTDIR) continue;
        run.failure.detail = i;
        result = failed;
        if (failed != -EACCES) return failed;
    }
    return result;
}

struct NamedStep {
    SpawnStage stage;
    Step step;
};

constexpr NamedStep steps[] = {
    {SpawnStage::stdio, own_file_table},
    {SpawnStage::cgroup, enter_cgroup},
    {SpawnStage::session, new_session},
    {SpawnStage::signals, reset_signals},
    {SpawnStage::affinity, set_affinity},
    {SpawnStage::memory_policy, set_memory_policy},
    {SpawnStage::scheduler, set_scheduler},
    {SpawnStage::limits, set_limits},
    {SpawnStage::oom_score, set_oom_score},
    {SpawnStage::umask, set_umask},
    {SpawnStage::stdio, set_stdio},
    {SpawnStage::limits, set_file_limit},
    {SpawnStage::credentials, set_credentials},
    {SpawnStage::stdio, connect_outputs},
    {SpawnStage::cwd, enter_cwd},
    {SpawnStage::parent_death, die_with_parent},
    {SpawnStage::exec, execute},
};

}  // namespace

PINION_CHILD_CODE void run_child(void* argument) noexcept {
    ChildRun& run = *static_cast<ChildRun*>(argument);
    run.begun = true;
    for (const NamedStep& step : steps) {
        run.failure.stage = step.stage;
        const long result = step.step(run);
        if (result >= 0) continue;
        run.failure.error = static_cast<int>(-result);
        if (run.status_fd >= 0) raw_syscall(SYS_write, run.status_fd, &run.failure, sizeof run.failure);
        break;
    }
    for (;;) raw_syscall(SYS_exit_group, 127);
}

}  // namespace pinion::process
