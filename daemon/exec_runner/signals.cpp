// SPDX-License-Identifier: Apache-2.0
#include "daemon/exec_runner/signals.h"

#include <cerrno>
#include <ctime>

namespace pinion::exec_runner {
namespace {

volatile sig_atomic_t term_came = 0;

void on_term(int) { term_came = 1; }
void on_child(int) {}  // its use is to end the wait

void handle(int signal, void (*handler)(int)) {
    struct sigaction action{};
    action.sa_handler = handler;
    sigfillset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
}

}  // namespace

Signals::Signals() {
    sigset_t blocked;
    sigemptyset(&blocked);
    for (const int signal : {SIGTERM, SIGCHLD, SIGPIPE}) sigaddset(&blocked, signal);
    ::sigprocmask(SIG_BLOCK, &blocked, &original_);
    waiting_ = original_;
    sigdelset(&waiting_, SIGTERM);
    sigdelset(&waiting_, SIGCHLD);
    sigaddset(&waiting_, SIGPIPE);
    handle(SIGTERM, on_term);
    handle(SIGCHLD, on_child);
}

bool Signals::wait(std::span<pollfd> fds, int milliseconds) const {
    const timespec timeout{.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1'000'000L};
    const int ready = ::ppoll(fds.data(), fds.size(), milliseconds < 0 ? nullptr : &timeout, &waiting_);
    if (ready >= 0) return true;
    for (pollfd& fd : fds) fd.revents = 0;
    return errno == EINTR;
}

bool Signals::terminated() noexcept { return term_came != 0; }

}  // namespace pinion::exec_runner
