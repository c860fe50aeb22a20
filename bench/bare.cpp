// SPDX-License-Identifier: Apache-2.0
// The physical limit: the least that a supervisor could do. `bench_bare N WORKER FIFO` starts N workers with vfork and
// exec, watches their pidfds with epoll, and starts a successor for each that ends. No output, no records, no policy.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace {

// Returns the pidfd; the pid is not needed.
int start(char* worker, char* fifo, int epoll) {
    char* argv[] = {worker, fifo, nullptr};
    char* envp[] = {nullptr};
    const pid_t pid = ::vfork();
    if (pid == 0) {
        ::execve(worker, argv, envp);
        ::_exit(127);
    }
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = pidfd;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, pidfd, &event);
    return pidfd;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < std::atoi(argv[1]); ++i) start(argv[2], argv[3], epoll);
    for (;;) {
        epoll_event event{};
        if (::epoll_wait(epoll, &event, 1, -1) != 1) continue;
        siginfo_t info{};
        ::waitid(P_PIDFD, static_cast<id_t>(event.data.fd), &info, WEXITED);
        ::close(event.data.fd);
        start(argv[2], argv[3], epoll);
    }
}
