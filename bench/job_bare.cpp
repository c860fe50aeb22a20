// SPDX-License-Identifier: Apache-2.0
// What job pools are held against: the same work with nothing around it. Prints a rate a second.
//
//     bench_job_bare frames SECONDS           frames between two processes, 32 on their way
//     bench_job_bare spawn COUNT PROGRAM      posix_spawn, two processes at a time
//     bench_job_bare loops COUNT PROGRAM      two loops, each of which starts a process and waits for it
//     bench_job_bare fdatasync FOLDER SECONDS a page written and synced, again and again
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/frames.h"

namespace {

using namespace pinion;
using Clock = std::chrono::steady_clock;

constexpr std::size_t depth = 32;
constexpr std::size_t read_size = 64 << 10;
constexpr std::string_view payload = "123456";

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

void send_all(int socket, std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
        const ssize_t n = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n < 0) give_up("bench_job_bare: send");
        sent += static_cast<std::size_t>(n);
    }
    bytes.clear();
}

// Reads once and calls `on_frame` for each whole frame; false at the end.
template <class OnFrame>
bool read_once(int socket, wire::FrameReader& reader, OnFrame&& on_frame) {
    char buffer[read_size];
    const ssize_t n = ::read(socket, buffer, sizeof buffer);
    if (n <= 0) return false;
    if (!reader.feed({buffer, static_cast<std::size_t>(n)}, on_frame)) give_up("bench_job_bare: a frame");
    return true;
}

// What came is given back, in one write for one read.
int serve(int socket) {
    wire::FrameReader reader(1 << 20);
    std::string out;
    while (read_once(socket, reader, [&](const wire::FrameHeader& header, std::string_view bytes) {
        wire::append_frame(out, {.type = 2, .id = header.id}, bytes);
    }))
        send_all(socket, out);
    return 0;
}

double frames(double seconds) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) give_up("bench_job_bare: socketpair");
    const pid_t child = ::fork();
    if (child < 0) give_up("bench_job_bare: fork");
    if (child == 0) {
        ::close(ends[0]);
        ::_exit(serve(ends[1]));
    }
    ::close(ends[1]);
    wire::FrameReader reader(1 << 20);
    std::string out;
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    const auto begin = Clock::now();
    while (seconds_since(begin) < seconds) {
        while (sent - answered < depth) wire::append_frame(out, {.type = 1, .id = ++sent}, payload);
        send_all(ends[0], out);
        if (!read_once(ends[0], reader, [&](const wire::FrameHeader&, std::string_view) { ++answered; })) break;
    }
    const double rate = static_cast<double>(answered) / seconds_since(begin);
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return rate;
}

pid_t start(char* program, long number) {
    std::string text = std::to_string(number);
    char* argv[] = {program, text.data(), nullptr};
    pid_t pid = 0;
    if (::posix_spawn(&pid, program, nullptr, nullptr, argv, environ) != 0) give_up("bench_job_bare: spawn");
    return pid;
}

double spawn(long count, char* program) {
    const auto begin = Clock::now();
    long running = 0;
    for (long started = 0; started < count || running > 0;) {
        if (started < count && running < 2) {
            start(program, started++);
            ++running;
        } else if (::wait(nullptr) > 0) {
            --running;
        }
    }
    return static_cast<double>(count) / seconds_since(begin);
}

// As much as two CPUs can do: nobody is in between, and no start waits for another.
double loops(long count, char* program) {
    constexpr long at_once = 2;
    const auto begin = Clock::now();
    for (long loop = 0; loop < at_once; ++loop) {
        const pid_t child = ::fork();
        if (child < 0) give_up("bench_job_bare: fork");
        if (child > 0) continue;
        for (long i = loop; i < count; i += at_once) ::waitpid(start(program, i), nullptr, 0);
        ::_exit(0);
    }
    for (long loop = 0; loop < at_once; ++loop) {
        int status = 0;
        if (::wait(&status) < 0 || status != 0) give_up("bench_job_bare: loops");
    }
    return static_cast<double>(count) / seconds_since(begin);
}

double fdatasync(const std::string& folder, double seconds) {
    const std::string path = folder + "/bare";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const std::string page(4096, 'x');
    std::uint64_t count = 0;
    const auto begin = Clock::now();
    for (; seconds_since(begin) < seconds; ++count)
        if (::write(file, page.data(), page.size()) != 4096 || ::fdatasync(file) != 0) give_up(path.c_str());
    const double rate = static_cast<double>(count) / seconds_since(begin);
    ::close(file);
    ::unlink(path.c_str());
    return rate;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc > 2 ? argv[1] : "";
    double rate = 0;
    if (what == "frames" && argc == 3)
        rate = frames(std::atof(argv[2]));
    else if (what == "spawn" && argc == 4)
        rate = spawn(std::atol(argv[2]), argv[3]);
    else if (what == "loops" && argc == 4)
        rate = loops(std::atol(argv[2]), argv[3]);
    else if (what == "fdatasync" && argc == 4)
        rate = fdatasync(argv[2], std::atof(argv[3]));
    else
        return 2;
    std::printf("%.1f\n", rate);
    return 0;
}
