// SPDX-License-Identifier: Apache-2.0
#include "pinion/fork.h"

#include <fcntl.h>
#include <pinion/batch.h>
#include <sched.h>
#include <stdio_ext.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <system_error>

#include "pinion/affinity.h"
#include "pinion/globals.h"
#include "pinion/life_line.h"

namespace pinion::inline v0 {

struct LastWords::Page {
    std::atomic<std::uint32_t> length;
    char text[4000];
};

LastWords::LastWords() {
    void* page = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "map memory for a child's last words");
    page_ = new (page) Page{};
}

LastWords::~LastWords() { ::munmap(page_, sizeof(Page)); }

void LastWords::leave(std::string_view text) noexcept {
    const std::size_t length = std::min(text.size(), sizeof page_->text);
    std::memcpy(page_->text, text.data(), length);
    page_->length.store(static_cast<std::uint32_t>(length), std::memory_order_release);
}

std::string LastWords::read() const {
    const std::size_t length = page_->length.load(std::memory_order_acquire);
    return {page_->text, std::min(length, sizeof page_->text)};
}

namespace {

// What is still in a buffer would be written by parent and child.
void flush_streams() noexcept {
    try {
        std::cout.flush();
        std::clog.flush();
    } catch (...) {  // a stream that was told to throw
        return;
    }
    std::fflush(stdout);
    std::fflush(stderr);
}

// Handlers are the parent's: they may write to its pipes. What is ignored stays ignored.
void reset_handlers() noexcept {
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction action{};
        if (::sigaction(number, nullptr, &action) < 0 || action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
            continue;
        struct sigaction standard{};
        standard.sa_handler = SIG_DFL;
        ::sigaction(number, &standard, nullptr);
    }
}

void check(bool done, const std::string& what) {
    if (!done) throw std::system_error(errno, std::generic_category(), what);
}

void set_up(const ForkSetup& setup) {
    if (!setup.name.empty()) ::prctl(PR_SET_NAME, setup.name.substr(0, 15).c_str());
    if (setup.ignore_interrupt) std::signal(SIGINT, SIG_IGN);
    if (!setup.cpus.empty()) {
        const auto words = affinity_words(setup.cpus);
        check(::syscall(SYS_sched_setaffinity, 0, words.size() * sizeof words[0], words.data()) >= 0, "pin to CPUs");
    }
    for (const auto& [name, value] : setup.env)
        check(::setenv(name.c_str(), value.c_str(), 1) == 0, "set variable '" + name + "'");
    if (!setup.cwd.empty()) check(::chdir(setup.cwd.c_str()) == 0, "change to folder '" + setup.cwd + "'");
}

std::string text_of_exception() {
    const auto caught = detail::describe_exception();
    return caught.type + ": " + caught.text;
}

int run_guarded(const ForkSetup& setup, LastWords& words, const std::function<int()>& body) noexcept {
    try {
        set_up(setup);
    } catch (const std::exception& error) {
        words.leave(error.what());
        return status_not_begun;
    }
    try {
        return body();
    } catch (...) {
        words.leave(text_of_exception());
        return 1;
    }
}

// What the parent will write itself. Its streams can't be flushed by a thread that nobody knows of: std::cout has no
// lock where it has a buffer of its own.
void drop_inherited_output() noexcept {
    __fpurge(stdout);
    __fpurge(stderr);
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    const int kept_out = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    const int kept_err = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (nowhere >= 0 && kept_out >= 0 && kept_err >= 0) {
        ::dup2(nowhere, STDOUT_FILENO);
        ::dup2(nowhere, STDERR_FILENO);
        flush_streams();
        ::dup2(kept_out, STDOUT_FILENO);
        ::dup2(kept_err, STDERR_FILENO);
    }
    for (const int fd : {nowhere, kept_out, kept_err})
        if (fd >= 0) ::close(fd);
}

[[noreturn]] void be_child(const ForkSetup& setup, LastWords& words, const std::function<int()>& body) noexcept {
    if (!setup.may_flush) drop_inherited_output();
    const int status = run_guarded(setup, words, body);
    flush_streams();
    ::_exit(status & 0xff);
}

// A child that we can't watch is none of ours. One that is gone was reaped by others: that is its end.
UniqueFd watch(pid_t pid) {
    UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (pidfd || errno == ESRCH) return pidfd;
    const int error = errno;
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw std::system_error(error, std::generic_category(), "watch a child");
}

class SignalsBlocked {
public:
    SignalsBlocked() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { restore(); }
    void restore() const noexcept { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

}  // namespace

// glibc's own fork, since it makes the heap and the streams usable in the child whatever other threads were at.
ForkedChild fork_child(const ForkSetup& setup, LastWords& words, const std::function<int()>& body) {
    if (setup.may_flush) flush_streams();
    std::unique_lock globals(globals_mutex());
    LifeLine::prepare();
    const SignalsBlocked blocked;  // no handler of the parent's may run in the child
    const pid_t pid = ::fork();
    if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid == 0) {
        globals.unlock();
        LifeLine::after_fork(setup.die_with_parent);
        reset_handlers();
        blocked.restore();
        be_child(setup, words, body);
    }
    return {pid, watch(pid)};
}

}  // namespace pinion::inline v0
