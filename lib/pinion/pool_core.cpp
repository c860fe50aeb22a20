// SPDX-License-Identifier: Apache-2.0
// A pool's processes: started, watched, buried, replaced, ended.
#include "pinion/pool_core.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <system_error>

#include "pinion/reap.h"

namespace pinion::inline v0 {
namespace {

// In a row, with no task done between. Not fewer: somebody may be killing workers, and those that begin are as good a
// prey as others.
constexpr unsigned most_failed_starts = 10;

unsigned worker_count(const PoolOptions& options) {
    const unsigned count = options.workers > 0 ? options.workers : std::min(usable_cpus(), TaskTable::most_workers);
    if (count > TaskTable::most_workers)
        throw std::invalid_argument("pool of " + std::to_string(count) + " workers (at most " +
                                    std::to_string(TaskTable::most_workers) + ")");
    return count;
}

Seats seats_for(const PoolOptions& options, unsigned workers) {
    if (options.pin == PoolOptions::Pin::none) return {};
    return {workers, options.pin == PoolOptions::Pin::core ? SeatKind::core : SeatKind::soft};
}

sigset_t blocked_signals() noexcept {
    sigset_t set;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &set);
    return set;
}

timespec as_timespec(std::int64_t nanoseconds) noexcept {
    return {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
}

}  // namespace

Pool::Core::Core(PoolOptions options)
    : owner_(::getpid()),
      options_(std::move(options)),
      signals_(blocked_signals()),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      seats_(seats_for(options_, worker_count(options_))),
      table_(worker_count(options_), options_.largest_message),
      processes_(table_.workers()) {
    if (!wake_fd_) throw std::system_error(errno, std::generic_category(), "make an eventfd");
    for (std::uint32_t slot = TaskTable::slots; slot > 0; --slot) free_.push_back(slot - 1);
    try {
        for (std::uint32_t worker = 0; worker < table_.workers(); ++worker) start(worker);
        running_ = true;
        // Signals are for the program's own threads.
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
        thread_ = std::thread([this] { run_guarded(); });
        ::pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
    } catch (...) {
        ::pthread_sigmask(SIG_SETMASK, &signals_, nullptr);
        kill_all();
        for (Process& process : processes_)
            if (process.pidfd && wait_for_end(process.pidfd.fd(), std::nullopt))
                static_cast<void>(reap(process.pidfd.fd()));
        throw;
    }
}

Pool::Core::~Core() { terminate(); }

void Pool::Core::start(std::uint32_t worker) {
    Process& process = processes_[worker];
    process = {.pid = -1, .pidfd = {}, .words = std::make_unique<LastWords>(), .killed_for = {}};
    table_.reset_worker(worker);
    const ForkSetup setup{.name = options_.name,
                          .cpus = seats_.of(worker),
                          .env = {},
                          .cwd = {},
                          .die_with_parent = true,
                          .ignore_interrupt = true,
                          .may_flush = !running_};
    const WorkerSetup mine{.number = worker,
                           .wake_fd = wake_fd_.fd(),
                           .signals = signals_,
                           .max_tasks = options_.max_tasks_per_child,
                           .initializer = options_.initializer};
    ForkedChild child = fork_child(setup, *process.words, [&] { return run_worker(table_, mine); });
    process.pid = child.pid;
    process.pidfd = std::move(child.pidfd);
}

// Where there is no new process to be had, the others go on, and it is tried again at the next turn.
void Pool::Core::start_missing() {
    for (std::uint32_t worker = 0; worker < processes_.size(); ++worker) {
        if (stopping_) return;
        if (processes_[worker].pidfd) continue;
        try {
            start(worker);
            ++replaced_;
        } catch (const std::exception& error) {
            if (!anybody_alive()) break_pool(std::string("no worker can be started: ") + error.what());
            return;
        }
        if (!processes_[worker].pidfd) bury(worker, Death{});
    }
}

void Pool::Core::bury(std::uint32_t worker, Death death) {
    Process process = std::move(processes_[worker]);
    processes_[worker] = {};
    if (process.words) death.error = process.words->read();
    collect_from(worker);
    for (std::uint32_t slot = 0; slot < TaskTable::slots; ++slot) {
        const SlotState state = table_.state(slot);
        if (!in_flight_[slot] || state.worker != worker) continue;
        if (state.phase == SlotPhase::done) take_result(slot);
        if (state.phase == SlotPhase::claimed) settle_victim(slot, process, death);
    }
    failed_starts_ = table_.begun(worker) ? 0 : failed_starts_ + 1;
    if (failed_starts_ >= most_failed_starts) break_pool("workers end at their start: " + to_string(death));
}

void Pool::Core::bury_the_dead() {
    for (std::uint32_t worker = 0; worker < processes_.size(); ++worker) {
        if (!processes_[worker].pidfd || !wait_for_end(processes_[worker].pidfd.fd(), timespec{})) continue;
        if (auto death = reap(processes_[worker].pidfd.fd())) bury(worker, std::move(*death));
    }
}

bool Pool::Core::anybody_alive() const noexcept {
    return std::ranges::any_of(processes_, [](const Process& process) { return process.pidfd.valid(); });
}

void Pool::Core::kill_all() {
    for (const Process& process : processes_)
        if (process.pidfd) kill_quietly(process.pidfd.fd());
}

void Pool::Core::break_pool(const std::string& why) {
    if (stopping_) return;
    closed_ = why;
    stopping_ = true;
    fail_all(why);
    kill_all();
}

void Pool::Core::stop_when_idle() {
    if (closed_.empty() || stopping_ || in_flight_count_ > 0 || !pending_.empty()) return;
    stopping_ = true;
    table_.stop();
}

void Pool::Core::kick() const noexcept {
    const std::uint64_t one = 1;
    while (::write(wake_fd_.fd(), &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void Pool::Core::sleep(std::unique_lock<std::mutex>& lock, std::int64_t until) {
    std::vector<pollfd> fds{{wake_fd_.fd(), POLLIN, 0}};
    for (const Process& process : processes_)
        if (process.pidfd) fds.push_back({process.pidfd.fd(), POLLIN, 0});
    armed_ = until;
    lock.unlock();
    timespec left{};
    if (until > 0) {
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        left = as_timespec(std::max<std::int64_t>(0, until - now.tv_sec * std::int64_t{1'000'000'000} - now.tv_nsec));
    }
    const int ready = ::ppoll(fds.data(), fds.size(), until > 0 ? &left : nullptr, nullptr);
    std::uint64_t kicks = 0;
    if (ready > 0 && fds[0].revents != 0) static_cast<void>(::read(wake_fd_.fd(), &kicks, sizeof kicks));
    const bool death = std::any_of(fds.begin() + 1, fds.end(), [](const pollfd& fd) { return fd.revents != 0; });
    lock.lock();
    if (ready > 0 && death) bury_the_dead();
}

// The thread has nobody to throw at: what waits is told instead.
void Pool::Core::run_guarded() noexcept {
    std::string why;
    try {
        run();
        return;
    } catch (const std::exception& error) {
        why = std::string("pool failed: ") + error.what();
    }
    const std::lock_guard guard(mutex_);
    break_pool(why);
    ended_ = true;
    ended_changed_.notify_all();
}

void Pool::Core::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        collect();
        stop_when_idle();
        start_missing();
        if (stopping_ && !anybody_alive()) break;
        if (!stopping_) rearm();
        // What was published last, or what a worker that died was woken for, must find somebody awake.
        if (table_.has_ready()) table_.wake(static_cast<std::uint32_t>(in_flight_count_));
        if (in_flight_count_ == 0 && !closed_.empty() && !stopping_) continue;
        sleep(lock, expire());
    }
    ended_ = true;
    ended_changed_.notify_all();
}

void Pool::Core::close() {
    const std::lock_guard guard(mutex_);
    if (closed_.empty()) closed_ = "pool is closed";
    kick();
}

bool Pool::Core::join(Timeout timeout) {
    close();
    std::unique_lock lock(mutex_);
    const auto ended = [this] { return ended_; };
    constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);
    if (timeout.span() <= longest) return ended_changed_.wait_for(lock, timeout.span(), ended);
    ended_changed_.wait(lock, ended);
    return true;
}

void Pool::Core::terminate() {
    {
        const std::lock_guard guard(mutex_);
        break_pool("pool was ended");
        kill_all();
        kick();
    }
    const std::lock_guard guard(joining_);
    if (thread_.joinable()) thread_.join();
}

std::vector<Pool::Worker> Pool::Core::workers() {
    const std::lock_guard guard(mutex_);
    std::vector<Worker> all;
    for (std::uint32_t worker = 0; worker < processes_.size(); ++worker)
        if (processes_[worker].pidfd)
            all.push_back({processes_[worker].pid, seats_.of(worker), table_.finished(worker)});
    return all;
}

std::uint64_t Pool::Core::replaced() {
    const std::lock_guard guard(mutex_);
    return replaced_;
}

}  // namespace pinion::inline v0
