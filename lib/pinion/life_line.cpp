// SPDX-License-Identifier: Apache-2.0
#include "pinion/life_line.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

namespace pinion::inline v0 {
namespace {

// The pipe of process `owner`. A forked child starts with its parent's values here.
struct LifePipe {
    pid_t owner = -1;
    int read_fd = -1;
    int write_fd = -1;
};

LifePipe& life_pipe() {
    static LifePipe pipe;
    return pipe;
}

// A description of our own: owner, signal and flags of the parent's are shared by all children.
int open_own(int fd) noexcept {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return ::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

bool hold(int fd) noexcept {
    return ::fcntl(fd, F_SETOWN, ::getpid()) == 0 && ::fcntl(fd, F_SETSIG, SIGKILL) == 0 &&
           ::fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) == 0;
}

bool is_hung_up(int fd) noexcept {
    pollfd poll{fd, POLLIN, 0};
    return ::poll(&poll, 1, 0) == 1 && (poll.revents & POLLHUP) != 0;
}

}  // namespace

void LifeLine::prepare() {
    LifePipe& pipe = life_pipe();
    if (pipe.owner == ::getpid()) return;
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) < 0) throw std::system_error(errno, std::generic_category(), "make a pipe");
    pipe.read_fd = fds[0];
    pipe.write_fd = fds[1];
    pipe.owner = ::getpid();
}

void LifeLine::after_fork(bool follow) noexcept {
    LifePipe& pipe = life_pipe();
    const int own = follow ? open_own(pipe.read_fd) : -1;
    ::close(pipe.write_fd);
    ::close(pipe.read_fd);
    pipe.read_fd = pipe.write_fd = pipe.owner = -1;
    if (!follow) return;
    if (own < 0 || !hold(own)) {
        // Without /proc the thread's end must do.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        return;
    }
    // `own` stays open for as long as we live.
    if (is_hung_up(own)) ::kill(::getpid(), SIGKILL);
}

}  // namespace pinion::inline v0
