// SPDX-License-Identifier: Apache-2.0
#include "daemon/exec_runner/launch.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace pinion::exec_runner {
namespace {

// In the child, which shares our memory: nothing but system calls. Returns the errno of what failed.
int become(const Launch& what, pid_t parent) {
    ::setpgid(0, 0);
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return errno;
    if (::getppid() != parent) return ESRCH;
    if (what.stdin_fd != STDIN_FILENO && ::dup2(what.stdin_fd, STDIN_FILENO) < 0) return errno;
    if (::dup2(what.stdout_fd, STDOUT_FILENO) < 0) return errno;
    // Our handlers would write into memory that is not the child's.
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    for (const int signal : {SIGTERM, SIGCHLD, SIGPIPE}) ::sigaction(signal, &standard, nullptr);
    ::sigprocmask(SIG_SETMASK, what.mask, nullptr);
    ::execve(what.file, what.argv, what.envp);
    return errno;
}

}  // namespace

[[gnu::noinline]] pid_t launch(const Launch& what, int& error) {
    const pid_t parent = ::getpid();
    volatile int failed = 0;
    const pid_t pid = ::vfork();
    if (pid == 0) {
        failed = become(what, parent);
        ::_exit(127);
    }
    if (pid < 0) {
        error = errno;
        return -1;
    }
    if (failed == 0) return pid;
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    error = failed;
    return -1;
}

}  // namespace pinion::exec_runner
