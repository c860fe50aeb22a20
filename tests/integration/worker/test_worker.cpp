// SPDX-License-Identifier: Apache-2.0
// The worker of the integration tests: does one odd thing, named by its first argument, then waits for its end. Every
// mode that lives on says "up" first, so that a test can wait for the line.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

[[noreturn]] void wait_for_ever() {
    for (;;) ::pause();
}

void say(const char* text) {
    std::printf("%s\n", text);
    std::fflush(stdout);
}

void notify(const char* message) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr) {
        say("no NOTIFY_SOCKET");
        return;
    }
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    ::sendto(socket, message, std::strlen(message), 0, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::close(socket);
}

// A grandchild that left session, group and parent, as a badly behaved daemon does.
void escape(bool clear_environment, const char* mark) {
    if (::fork() != 0) return;
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    ::signal(SIGTERM, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    if (clear_environment) {
        char name[] = "escaped";
        // The mark in its command line is for the test to find it by; to the supervisor it says nothing.
        std::string copy = mark;
        char* argv[] = {name, copy.data(), nullptr};
        char* envp[] = {nullptr};
        ::execve("/proc/self/exe", argv, envp);
    }
    std::printf("escaped as %d\n", ::getpid());
    std::fflush(stdout);
    wait_for_ever();
}

void write_bytes(std::size_t count) {
    const std::string block(65536, 'x');
    while (count > 0) {
        const ssize_t n = ::write(1, block.data(), std::min(count, block.size()));
        if (n <= 0) return;
        count -= static_cast<std::size_t>(n);
    }
}

void flood() {
    std::string block;
    while (block.size() < 60000) block += "a line of a worker that talks too much\n";
    while (::write(1, block.data(), block.size()) > 0) {
    }
}

// The file counts lives: the first `lives` of them fail.
int fail_first(const char* file, int lives) {
    const int fd = ::open(file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (::write(fd, "x", 1) != 1) return 99;
    return ::lseek(fd, 0, SEEK_END) <= lives ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view mode = argc > 1 ? argv[1] : "run";
    const char* argument = argc > 2 ? argv[2] : "";
    if (std::string_view(argv[0]) == "escaped") {
        say("escaped");
        wait_for_ever();
    }
    if (mode == "exit") return std::atoi(argument);
    if (mode == "crash") ::abort();
    if (mode == "say-exit") {
        say(argument);
        return argc > 3 ? std::atoi(argv[3]) : 0;
    }
    if (mode == "fail-first") {
        if (fail_first(argument, std::atoi(argv[3])) != 0) return 1;
    } else if (mode == "ready") {
        notify("READY=1\nSTATUS=serving 7 clients");
    } else if (mode == "ignore-term") {
        ::signal(SIGTERM, SIG_IGN);
    } else if (mode == "escape") {
        escape(false, argument);
    } else if (mode == "escape-clean") {
        escape(true, argument);
    } else if (mode == "close-output") {
        say("closing");
        ::close(1);
        ::close(2);
        wait_for_ever();
    } else if (mode == "big-line") {
        write_bytes(static_cast<std::size_t>(std::atol(argument)));
        say("");
    } else if (mode == "stop-self") {
        say("stopping myself");
        ::raise(SIGSTOP);
    } else if (mode == "binary") {
        static_cast<void>(::write(1, "bin\0ary \xff\xfe \x1b[31mred\n", 20));
    } else if (mode == "priorities") {
        say("<3>an error\n<6>an info\nno prefix");
        std::fprintf(stderr, "on stderr\n");
    } else if (mode == "flood") {
        say("up");
        flood();
    }
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    if (mode == "linger") sigprocmask(SIG_BLOCK, &term, nullptr);  // before it says that it is up
    say("up");
    if (mode == "linger") {  // takes its time at SIGTERM, but goes
        int signal = 0;
        sigwait(&term, &signal);
        say("going");
        return 0;
    }
    wait_for_ever();
}
