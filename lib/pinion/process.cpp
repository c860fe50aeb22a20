// SPDX-License-Identifier: Apache-2.0
#include <pinion/process.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>

#include "pinion/command.h"
#include "pinion/fork.h"
#include "pinion/reap.h"

namespace pinion::inline v0 {

struct Process::State {
    std::string name;
    pid_t owner = ::getpid();
    pid_t pid = -1;
    UniqueFd pidfd;
    std::unique_ptr<LastWords> words;  // of a callable
    std::optional<Death> death;

    // Whether it has ended by the deadline; then `death` is there.
    bool settle(const Deadline& deadline) {
        if (death) return true;
        if (owner != ::getpid()) throw std::logic_error("process '" + name + "' is a child of another process");
        if (pidfd && !wait_for_end(pidfd.fd(), deadline)) return false;
        death = pidfd ? reap(pidfd.fd()) : Death{};
        if (death && words) death->error = words->read();
        return death.has_value();
    }
};

Process::Process(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}

Process::Process(Start, const Body& body, const ProcessOptions& options) : state_(std::make_unique<State>()) {
    state_->name = options.name;
    state_->words = std::make_unique<LastWords>();
    ForkSetup setup{.name = options.name,
                    .cpus = options.cpus,
                    .env = options.env,
                    .cwd = options.cwd,
                    .die_with_parent = options.die_with_parent};
    ForkedChild child = fork_child(setup, *state_->words, body);
    state_->pid = child.pid;
    state_->pidfd = std::move(child.pidfd);
}

Process Process::command(const std::vector<std::string>& argv, const ProcessOptions& options) {
    auto state = std::make_unique<State>();
    CommandChild child = start_command({argv, options.cpus, options.env, options.cwd, options.die_with_parent});
    state->name = options.name.empty() ? argv[0] : options.name;
    state->pid = child.pid;
    state->pidfd = std::move(child.pidfd);
    return Process(std::move(state));
}

Process::Process(Process&& other) noexcept = default;

Process& Process::operator=(Process&& other) noexcept {
    if (this != &other) {
        release();
        state_ = std::move(other.state_);
    }
    return *this;
}

Process::~Process() { release(); }

void Process::release() noexcept {
    if (!state_ || state_->death || state_->owner != ::getpid()) return;
    try {
        kill();
        join();
    } catch (const std::exception&) {
        return;  // it can't be signalled: it is somebody else's by now
    }
}

Process::State& Process::state() const {
    if (!state_) throw std::logic_error("process object that holds no process");
    return *state_;
}

pid_t Process::pid() const { return state().pid; }
int Process::pidfd() const { return state().pidfd.fd(); }
const std::string& Process::name() const { return state().name; }

bool Process::is_alive() { return !join(std::chrono::nanoseconds(0)); }

const Death& Process::join() {
    join(Timeout::forever);
    return *state().death;
}

bool Process::join(Timeout timeout) { return state().settle(deadline_of(timeout)); }

std::optional<Death> Process::death() {
    join(std::chrono::nanoseconds(0));
    return state().death;
}

void Process::terminate() { send_signal(SIGTERM); }
void Process::kill() { send_signal(SIGKILL); }

void Process::send_signal(int signal) {
    if (state().death || !state().pidfd) return;
    signal_process(state_->pidfd.fd(), signal);
}

void Process::detach() noexcept { state_.reset(); }

}  // namespace pinion::inline v0
