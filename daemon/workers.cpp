// SPDX-License-Identifier: Apache-2.0
#include "daemon/workers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "daemon/usage.h"
#include "daemon/workers_parts.h"
#include "log/journal_stream.h"
#include "process/child.h"
#include "process/spawn.h"

namespace pinion::daemon {

using namespace supervise;

namespace {

// SIGKILL takes effect at once, but for a process in an uninterruptible wait.
constexpr Duration stray_patience = 2s;

}  // namespace

Workers::Workers(event::Loop& loop, OutputServices& output, WorkersOptions options, Post post)
    : loop_(loop), output_(output), options_(std::move(options)), post_(std::move(post)) {}

Workers::~Workers() {
    if (!options_.cgroups) return;
    for (auto& [key, slot] : slots_) {
        slot.cgroup.reset();
        static_cast<void>(options_.cgroups->remove(key.first, Slot{key.second}));
    }
}

Result<void> Workers::start() {
    // With cgroups an orphan is found by its cgroup and reaped by init; without, or as init ourselves, it must come to
    // us.
    reap_strays_ = !options_.cgroups || ::getpid() == 1;
    if (!reap_strays_) return {};
    PINION_CHECK(process::become_subreaper());
    // Below exits: a worker's own end is taken by its pidfd first, what is left are strays.
    PINION_TRY(source, loop_.add_signal(SIGCHLD, event::Priority::readiness, [this](pid_t) { on_child_signal(); }));
    child_signal_ = std::move(source);
    return {};
}

Workers::SlotState& Workers::slot_state(const WorkerId& worker) { return slots_[{worker.pool, worker.slot.value}]; }

Workers::Process* Workers::find(const WorkerId& worker) {
    const auto slot = slots_.find({worker.pool, worker.slot.value});
    if (slot == slots_.end() || !slot->second.process || slot->second.process->worker != worker) return nullptr;
    return slot->second.process.get();
}

Workers::Process* Workers::find_settled(const WorkerId& worker) {
    Process* process = find(worker);
    if (process == nullptr || !process->in_window) return process;
    finish_spawns();
    return find(worker);
}

// --- Spawning

void Workers::spawn(const Spawn& effect, bool more_follow) {
    auto& slot = slot_state(effect.worker);
    ASSERT(!slot.process);
    slot.process = std::make_unique<Process>();
    slot.process->worker = effect.worker;
    slot.process->spec = effect.spec;
    slot.process->seat = effect.seat;
    auto begun = begin(*slot.process, slot, more_follow);
    if (begun && (slot.process->on_its_way || slot.process->in_window)) return;  // answered when it is there
    answer(slot, std::move(begun));
}

Workers::Outcome Workers::begin(Process& process, SlotState& slot, bool more_follow) {
    if (auto prepared = prepare(process, slot); !prepared) return prepared;
    auto image = build_image(process, slot);
    if (!image) return std::unexpected(SpawnFailure{SpawnStage::exec, EINVAL, image.error().message});
    const int cgroup = slot.cgroup ? slot.cgroup->folder_fd() : -1;
    if (must_fork(process.spec, image->image())) return begin_by_fork(process, std::move(*image), cgroup);
    if (!more_follow && starting_.empty()) return take(process, process::spawn(image->image(), cgroup));
    if (window_.full()) finish_oldest();
    process.in_window = true;
    starting_.push_back({process.worker, std::move(*image)});
    window_.begin(starting_.back().image.image(), cgroup);
    return {};
}

void Workers::finish_spawns() {
    while (!starting_.empty()) finish_oldest();
}

void Workers::finish_oldest() {
    auto child = window_.finish();
    auto& slot = slot_state(starting_.front().worker);
    starting_.pop_front();
    answer(slot, take(*slot.process, std::move(child)));
}

Workers::Outcome Workers::take(Process& process, std::expected<process::Child, SpawnFailure> child) {
    if (!child) return std::unexpected(std::move(child).error());
    process.pid = child->pid;
    process.pidfd = std::move(child->pidfd);
    process.in_window = false;
    know_pid(process.pid);
    return {};
}

Workers::Outcome Workers::begin_by_fork(Process& process, process::ImageBuffer image, int cgroup) {
    auto child = process::begin_by_fork(image.image(), cgroup);
    if (!child) return std::unexpected(std::move(child).error());
    process.on_its_way = std::make_unique<Process::OnItsWay>(std::move(image), std::move(*child), event::Source());
    auto& way = *process.on_its_way;
    process.pid = way.child.child().pid;
    know_pid(process.pid);
    auto source = loop_.add_io(way.child.status_fd(), EPOLLIN, event::Priority::exits,
                               [this, worker = process.worker](std::uint32_t) { on_started(worker); });
    if (!source) return finish_start(process);  // it can't be watched, so it is waited for
    way.source = std::move(*source);
    return {};
}

// Takes the child that has reached its program, or the reason why it has not.
Workers::Outcome Workers::finish_start(Process& process) {
    const auto way = std::move(process.on_its_way);
    way->source = {};
    auto child = std::move(way->child).finish(way->image.image());
    if (!child) {
        forget_pid(process.pid);
        return std::unexpected(std::move(child).error());
    }
    process.pidfd = std::move(child->pidfd);
    return {};
}

void Workers::on_started(WorkerId worker) {
    Process* process = find(worker);
    if (process == nullptr || !process->on_its_way) return;
    auto& slot = slot_state(worker);
    answer(slot, finish_start(*process));
}

// The one answer to each Spawn.
void Workers::answer(SlotState& slot, Outcome outcome) {
    const WorkerId worker = slot.process->worker;
    if (outcome) {
        outcome = read_back(*slot.process);
        if (outcome)
            if (auto watched = watch(*slot.process); !watched)
                outcome = std::unexpected(SpawnFailure{SpawnStage::fork, watched.error().code, "watching its exit"});
        if (!outcome) end_unwatched(*slot.process, slot);
    }
    const bool has_jobs = jobs_ != nullptr && slot.process->spec->jobs.has_value();
    if (!outcome) {
        slot.process.reset();
        if (has_jobs) jobs_->not_born(worker);
        post_(SpawnFailed{worker, std::move(outcome).error()});
        return;
    }
    const bool is_ready = slot.process->spec->start.ready == StartPolicy::Ready::exec;
    post_(SpawnSucceeded{worker});
    if (has_jobs && is_ready) jobs_->ready(worker);
}

// A child that can't be watched, or can't be pinned, must not live on unseen, nor what it has started.
void Workers::end_unwatched(Process& process, SlotState& slot) {
    process.exit_source = {};
    if (slot.cgroup) static_cast<void>(slot.cgroup->kill());
    ::kill(-process.pid, SIGKILL);
    static_cast<void>(process::send_signal(process.pidfd.fd(), SIGKILL));
    siginfo_t info{};
    while (::waitid(P_PIDFD, static_cast<id_t>(process.pidfd.fd()), &info, WEXITED) < 0 && errno == EINTR) {
    }
    forget_pid(process.pid);
    slot.cgroup.reset();  // it was killed, a bad place to be born
}

// What the child is born into: its cgroup, its outputs, its notify socket.
Workers::Outcome Workers::prepare(Process& process, SlotState& slot) {
    const auto& worker = process.worker;
    if (options_.cgroups && !slot.cgroup) {
        // Where the last life's cgroup was killed, `make` gives a fresh one.
        auto made = options_.cgroups->make(worker.pool, worker.slot);
        if (!made) return std::unexpected(SpawnFailure{SpawnStage::cgroup, made.error().code, made.error().message});
        slot.cgroup.emplace(std::move(*made));
    }
    if (auto confined = confine(slot, process.seat, process.seat); !confined)
        return std::unexpected(SpawnFailure{SpawnStage::cgroup, confined.error().code,
                                            slot_name(worker.pool, worker.slot), confined.error().message});
    if (slot.cgroup) process.oom_kills_before = slot.cgroup->oom_kills().value_or(0);

    if (jobs_ != nullptr && process.spec->jobs) {
        auto birth = jobs_->prepare(worker, process.spec);
        if (!birth) return std::unexpected(SpawnFailure{SpawnStage::stdio, birth.error().code, "its job channel", birth.error().message});
        process.birth = std::move(*birth);
    }
    process.output.emplace(output_, worker, slot.last_lines, lines_per_second_);
    if (jobs_ != nullptr && process.spec->jobs)
        process.output->set_tap([this, worker](std::string_view line) { jobs_->wrote(worker, line); });
    if (auto opened = process.output->open(process.spec->log, process.birth.stdout_fd < 0); !opened)
        return std::unexpected(SpawnFailure{SpawnStage::stdio, opened.error().code, "its output"});

    if (process.spec->start.ready == StartPolicy::Ready::notify) {
        process.notify_path = fmt::format("{}/notify/{}", options_.runtime_dir, ++notify_counter_);
        auto bound = event::NotifySocket::bind(process.notify_path);
        if (!bound) return std::unexpected(SpawnFailure{SpawnStage::stdio, bound.error().code, process.notify_path});
        process.notify.emplace(std::move(*bound));
    }
    return {};
}

Result<process::ImageBuffer> Workers::build_image(const Process& process, const SlotState& slot) const {
    return process::ImageBuffer::build({.spec = *process.spec,
                                        .seat = process.seat,
                                        .slot = process.worker.slot.value,
                                        .generation = process.worker.generation.value,
                                        .notify_socket = process.notify_path,
                                        .die_with_parent = !slot.cgroup,
                                        .nofile = options_.nofile,
                                        .stdin_fd = process.birth.stdin_fd,
                                        .stdout_fd = process.birth.stdout_fd >= 0
                                                         ? process.birth.stdout_fd
                                                         : process.output->child_fd(WorkerOutput::out),
                                        .stderr_fd = process.output->child_fd(WorkerOutput::err),
                                        .job_socket = process.birth.job_socket,
                                        .runner = process.birth.runner,
                                        .journal_socket = log::journal_stream_socket,
                                        .journal_headers = {process.output->journal_header(WorkerOutput::out),
                                                            process.output->journal_header(WorkerOutput::err)}});
}

Result<void> Workers::watch(Process& process) {
    PINION_TRY(exit, loop_.add_io(process.pidfd.fd(), EPOLLIN, event::Priority::exits,
                                  [this, worker = process.worker](std::uint32_t) { on_exit(worker); }));
    process.exit_source = std::move(exit);
    if (process.notify) {
        PINION_TRY(notify, loop_.add_io(process.notify->fd(), EPOLLIN, event::Priority::readiness,
                                        [this, worker = process.worker](std::uint32_t) { on_notify(worker); }));
        process.notify_source = std::move(notify);
    }
    process.output->started(process.pid, process.seat.mask.to_list());
    if (jobs_ != nullptr && process.spec->jobs) return jobs_->born(process.worker, process.seat.mask.to_list());
    return {};
}

// A vfork's parent sleeps with its child until exec: where a path may hang, an ordinary fork is used. Asked once a
// spec, by the image of its first worker.
bool Workers::must_fork(const SpecPtr& spec, const process::ChildImage& image) {
    auto& [asked, answer] = must_fork_[spec->name];
    if (asked != spec) {
        asked = spec;
        answer = process::may_block(image);
    }
    return answer;
}

// --- What becomes of them

void Workers::on_exit(WorkerId worker) {
    Process* process = find(worker);
    if (process == nullptr || process->reaped) return;
    auto death = process::reap(process->pidfd.fd());
    if (death && !*death) return;
    auto& slot = slot_state(worker);
    slot.last_generation = worker.generation;
    slot.last_facts = {process->pid, process->seat.mask.to_list()};
    process->reaped = true;
    process->exit_source = {};
    forget_pid(process->pid);
    const bool has_jobs = jobs_ != nullptr && process->spec->jobs.has_value();
    if (has_jobs) jobs_->drain(worker);
    process->output->drain();
    process->output->report_drops();
    // Only a wait by somebody else could take the status from us (ECHILD): the end itself is certain.
    Death ended;
    ended.cause = Death::Cause::signaled;
    ended.status = SIGKILL;
    if (death) ended = std::move(**death);
    ended.last_lines = process->output->last_lines();
    if (slot.cgroup) ended.oom_killed = slot.cgroup->oom_kills().value_or(0) > process->oom_kills_before;
    if (has_jobs) jobs_->died(worker, ended);
    post_(WorkerExited{worker, std::move(ended)});
}

void Workers::on_notify(WorkerId worker) {
    Process* process = find(worker);
    if (process == nullptr || !process->notify) return;
    const uid_t owner = process->spec->identity ? process->spec->identity->uid : ::geteuid();
    std::vector<event::WorkerMessage> messages;
    // A few a turn: a worker that floods its socket must not hold the loop.
    for (int i = 0; i < 16; ++i) {
        auto message = process->notify->receive();
        if (!message || !*message) break;
        // Anybody may reach the socket by its path; only root and the worker's own user are heard.
        if ((*message)->uid == owner || (*message)->uid == 0) messages.push_back(std::move(**message));
    }
    for (auto& message : messages) {
        if (message.status) post_(WorkerStatus{worker, std::move(*message.status)});
        if (message.ready && jobs_ != nullptr) jobs_->ready(worker);
        if (message.ready) post_(WorkerReady{worker});
    }
}

void Workers::on_child_signal() {
    process::reap_strays(known_);
    std::vector<WorkerId> clearing;
    for (const auto& [key, slot] : slots_)
        if (slot.process && slot.process->reaped) clearing.push_back(slot.process->worker);
    for (const auto& worker : clearing) check_tree(worker);
}

bool Workers::end_strays() { return !reap_strays_ || process::end_children(MonotonicClock::now() + stray_patience); }

bool Workers::tree_is_empty(const Process& process, const SlotState& slot) const {
    if (!process.reaped) return false;
    if (slot.cgroup) return !slot.cgroup->populated().value_or(false);
    return !process::tree_alive({.leader = process.pid,
                                 .pool = process.worker.pool,
                                 .slot = process.worker.slot.value,
                                 .generation = process.worker.generation.value},
                                known_);
}

void Workers::check_tree(WorkerId worker) {
    const Process* process = find(worker);
    if (process == nullptr) return;
    auto& slot = slot_state(worker);
    if (!tree_is_empty(*process, slot)) return;
    slot.process.reset();
    slot.cgroup.reset();  // it was killed, a bad place to be born
    tell_gone(worker);
}

void Workers::tell_gone(const WorkerId& worker) {
    if (jobs_ != nullptr) jobs_->gone(worker);
    post_(TreeEmptied{worker});
}

void Workers::log_line(const WorkerId& worker, std::string_view line) {
    Process* process = find(worker);
    if (process != nullptr && process->output) process->output->add_line(line);
}

void Workers::know_pid(pid_t pid) { known_.insert(std::ranges::upper_bound(known_, pid), pid); }

void Workers::forget_pid(pid_t pid) {
    const auto found = std::ranges::lower_bound(known_, pid);
    if (found != known_.end() && *found == pid) known_.erase(found);
}

// --- Effects on live workers

void Workers::signal(const Signal& effect) {
    Process* process = find_settled(effect.worker);
    if (process == nullptr || process->reaped) return;
    // Fails only for a signal or a right that we lack; a stopped process gets SIGKILL at its deadline all the same.
    static_cast<void>(process::send_signal(process->pidfd.fd(), effect.signal));
}

void Workers::kill_tree(const KillTree& effect) {
    Process* process = find_settled(effect.worker);
    if (process == nullptr) return;
    auto& slot = slot_state(effect.worker);
    if (tree_is_empty(*process, slot)) {
        slot.process.reset();
        tell_gone(effect.worker);
        return;
    }
    if (!slot.cgroup) {
        process::kill_tree({.leader = process->pid,
                            .pool = effect.worker.pool,
                            .slot = effect.worker.slot.value,
                            .generation = effect.worker.generation.value},
                           known_);
        return;  // SIGCHLD tells of each end
    }
    if (!process->tree_source.valid()) {
        auto source = loop_.add_io(slot.cgroup->events_fd(), EPOLLPRI, event::Priority::exits,
                                   [this, worker = effect.worker](std::uint32_t) { check_tree(worker); });
        if (source) process->tree_source = std::move(*source);
    }
    static_cast<void>(slot.cgroup->kill());
    check_tree(effect.worker);
}

void Workers::retune(const Retune& effect) {
    if (Process* process = find_settled(effect.worker)) {
        process->spec = effect.spec;
        process->output->retune(effect.spec->log, lines_per_second_);
    }
}

void Workers::slot_removed(const std::string& pool, Slot slot) {
    slots_.erase({pool, slot.value});
    if (options_.cgroups) static_cast<void>(options_.cgroups->remove(pool, slot));
}

void Workers::report_drops() {
    for (auto& [key, slot] : slots_)
        if (slot.process) slot.process->output->report_drops();
}

// --- Questions

std::vector<WorkerId> Workers::live() const {
    std::vector<WorkerId> workers;
    for (const auto& [key, slot] : slots_)
        if (slot.process && pin_of(slot.process->worker)) workers.push_back(slot.process->worker);
    return workers;
}

std::optional<Workers::Pin> Workers::pin_of(const WorkerId& worker) const {
    const auto found = slots_.find({worker.pool, worker.slot.value});
    if (found == slots_.end() || !found->second.process) return std::nullopt;
    const Process& process = *found->second.process;
    const bool settled = !process.in_window && !process.on_its_way && !process.reaped && process.pid > 0;
    if (process.worker != worker || !settled) return std::nullopt;
    const bool soft = !process.seat.exclusive && !process.seat.cpus.empty();
    return Pin{process.pid, process.seat.mask, soft ? process.seat.cpus.count() : 0};
}

std::string Workers::pressure_file() const {
    return options_.cgroups ? options_.cgroups->folder() + "/cpu.pressure" : "/proc/pressure/cpu";
}

Workers::Facts Workers::facts(const std::string& pool, Slot slot) const {
    const auto found = slots_.find({pool, slot.value});
    if (found == slots_.end() || !found->second.process) return {};
    const Process& process = *found->second.process;
    return {process.reaped ? 0 : std::max(process.pid, 0), process.seat.mask.to_list()};
}

Workers::Facts Workers::facts_of_life(const WorkerId& worker) const {
    const auto found = slots_.find({worker.pool, worker.slot.value});
    if (found == slots_.end()) return {};
    const SlotState& slot = found->second;
    if (slot.last_generation == worker.generation) return slot.last_facts;
    if (!slot.process || slot.process->worker != worker) return {};
    return facts(worker.pool, worker.slot);
}

const LastLines* Workers::last_lines(const std::string& pool, Slot slot) const {
    const auto found = slots_.find({pool, slot.value});
    return found == slots_.end() ? nullptr : &found->second.last_lines;
}

std::optional<Usage> Workers::usage(const std::string& pool, Slot slot) const {
    const auto found = slots_.find({pool, slot.value});
    if (found == slots_.end() || !found->second.process || found->second.process->reaped) return std::nullopt;
    return process_usage(found->second.process->pid);
}

}  // namespace pinion::daemon
