// SPDX-License-Identifier: Apache-2.0
#include "daemon/exec_runner/job_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "daemon/exec_runner/launch.h"
#include "process/process_facts.h"

namespace pinion::exec_runner {
namespace {

constexpr std::size_t always_fits = 4096;           // into an empty pipe, whatever its size
constexpr auto patience = std::chrono::seconds(5);  // with what does not die of SIGKILL
constexpr int look_again_ms = 20;

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));  // execve's own type
    result.push_back(nullptr);
    return result;
}

Duration duration_of(const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

Ending JobProcess::run(const ProcessPlan& plan) {
    oom_.begin();
    ending_.start_error = start(plan);
    if (ending_.start_error != 0) return std::move(ending_);
    follow(plan.input, plan.max_output);
    end_leftovers();
    // What the process wrote before its end; a stranger that holds the pipe still can't keep us here.
    if (output_ && ::fcntl(output_.fd(), F_SETFL, O_NONBLOCK) == 0)
        while (read_output(plan.max_output)) {
        }
    Death& death = ending_.death;
    death.cause = WIFSIGNALED(status_) ? Death::Cause::signaled : Death::Cause::exited;
    death.status = WIFSIGNALED(status_) ? WTERMSIG(status_) : WEXITSTATUS(status_);
    death.core_dumped = WIFSIGNALED(status_) && WCOREDUMP(status_);
    death.oom_killed = looks_killed(death) && oom_.has_killed();
    death.cpu_user = duration_of(usage_.ru_utime);
    death.cpu_system = duration_of(usage_.ru_stime);
    death.peak_memory_bytes = static_cast<std::uint64_t>(usage_.ru_maxrss) * 1024;
    return std::move(ending_);
}

int JobProcess::open_input(std::string_view input, UniqueFd& child_end) {
    auto pipe = make_pipe();
    if (!pipe) return pipe.error().code;
    child_end = std::move(pipe->read);
    input_ = std::move(pipe->write);
    if (input.size() > always_fits && ::fcntl(input_.fd(), F_SETFL, O_NONBLOCK) < 0) return errno;
    write_input(input);
    return 0;
}

int JobProcess::start(const ProcessPlan& plan) {
    UniqueFd child_input;
    if (!plan.input.empty())
        if (const int error = open_input(plan.input, child_input); error != 0) return error;
    auto output = make_pipe();
    if (!output) return output.error().code;
    output_ = std::move(output->read);
    const auto argv = pointers(plan.argv);
    const auto envp = pointers(plan.env);
    int error = 0;
    pid_ = launch({.file = plan.file.c_str(),
                   .argv = argv.data(),
                   .envp = envp.data(),
                   .stdin_fd = child_input ? child_input.fd() : STDIN_FILENO,
                   .stdout_fd = output->write.fd(),
                   .mask = &signals_.original()},
                  error);
    return pid_ < 0 ? error : 0;
}

void JobProcess::follow(std::string_view input, std::size_t max_output) {
    while (!ended_) {
        pollfd fds[2];
        std::size_t count = 0;
        if (output_) fds[count++] = {.fd = output_.fd(), .events = POLLIN, .revents = 0};
        if (input_) fds[count++] = {.fd = input_.fd(), .events = POLLOUT, .revents = 0};
        if (!signals_.wait({fds, count})) {
            std::perror("pinion-exec: wait for a job's process");
            ::kill(pid_, SIGKILL);
        }
        for (std::size_t i = 0; i < count; ++i) {
            if (fds[i].revents == 0) continue;
            if (output_ && fds[i].fd == output_.fd())
                read_output(max_output);
            else
                write_input(input);
        }
        reap();
        if (!ended_ && !passed_on_ && Signals::terminated()) {
            ::kill(pid_, SIGTERM);
            passed_on_ = true;
        }
    }
    input_.reset();
}

void JobProcess::write_input(std::string_view input) {
    while (fed_ < input.size()) {
        const ssize_t n = ::write(input_.fd(), input.data() + fed_, input.size() - fed_);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0 && errno != EINTR) break;  // it does not want to read more, which is its right
        if (n > 0) fed_ += static_cast<std::size_t>(n);
    }
    input_.reset();
}

bool JobProcess::read_output(std::size_t max_output) {
    char buffer[read_size];
    const ssize_t n = ::read(output_.fd(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) return true;
    if (n < 0 && errno == EAGAIN) return false;
    if (n <= 0) {
        output_.reset();
        return false;
    }
    ending_.output.append(buffer, static_cast<std::size_t>(n));
    // The newline that is stripped is not counted.
    if (ending_.output.size() <= max_output + 1) return true;
    ending_.too_large = true;
    ending_.output = {};
    output_.reset();
    if (!ended_) ::kill(pid_, SIGKILL);
    return false;
}

bool JobProcess::reap() {
    int status = 0;
    rusage usage{};
    pid_t pid = 0;
    while ((pid = ::wait4(-1, &status, WNOHANG, &usage)) > 0) {
        std::erase(beyond_reach_, pid);
        if (pid != pid_) continue;  // an orphan of a job's: those come to us
        status_ = status;
        usage_ = usage;
        ended_ = true;
    }
    return pid == 0;
}

void JobProcess::end_leftovers() {
    const auto give_up = add_saturating(MonotonicClock::now(), patience);
    while (reap()) {
        const bool late = MonotonicClock::now() > give_up;
        std::size_t hoped_for = 0;
        // A child that was not reaped keeps its pid. The children of those that die come to us.
        for (const pid_t child : process::children_of_main_thread()) {
            if (std::ranges::find(beyond_reach_, child) != beyond_reach_.end()) continue;
            if (::kill(child, SIGKILL) == 0 && !late) {
                ++hoped_for;
                continue;
            }
            beyond_reach_.push_back(child);
            std::fprintf(stderr,
                         "pinion-exec: a job left process %d behind, which can't be killed; going on without it\n",
                         static_cast<int>(child));
        }
        if (hoped_for == 0) return;
        static_cast<void>(signals_.wait({}, look_again_ms));
    }
}

}  // namespace pinion::exec_runner
