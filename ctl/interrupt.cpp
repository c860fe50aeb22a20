// SPDX-License-Identifier: Apache-2.0
#include "ctl/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>

namespace pinion::ctl {

namespace {

std::atomic<const char*> words_to_stdout{nullptr};
std::atomic<const char*> words_to_stderr{nullptr};
static_assert(std::atomic<const char*>::is_always_lock_free);

void write_words(int fd, const char* words) {
    if (words != nullptr && ::write(fd, words, std::strlen(words)) < 0) return;  // nothing to be done about it here
}

extern "C" void on_ending_signal(int number) {
    write_words(STDOUT_FILENO, words_to_stdout.load());
    if (number == SIGINT) write_words(STDERR_FILENO, words_to_stderr.load());
    ::_exit(128 + number);
}

extern "C" void on_resize(int) {}

void handle(int number, void (*handler)(int)) {
    struct sigaction action{};
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    ::sigaction(number, &action, nullptr);
}

}  // namespace

void exit_on_interrupt() {
    handle(SIGINT, on_ending_signal);
    handle(SIGTERM, on_ending_signal);
    handle(SIGHUP, on_ending_signal);
    handle(SIGWINCH, on_resize);
}

void set_last_words(const char* to_stdout, const char* to_stderr) noexcept {
    words_to_stdout = to_stdout;
    words_to_stderr = to_stderr;
}

}  // namespace pinion::ctl
