// SPDX-License-Identifier: Apache-2.0
#include "daemon/workers.h"

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "base/check.h"
#include "daemon/usage.h"
#include "daemon/workers_parts.h"
#include "process/child.h"

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
    PINION_TRY(sockets, event::IoGroup::make(loop_, event::Priority::readiness));
    notify_sockets_ = std::move(sockets);
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
    // Only a wait by somebody else could take the status from us (ECHILD): the end itself is certain.
    Death ended;
    ended.cause = Death::Cause::signaled;
    ended.status = SIGKILL;
    if (death) ended = std::move(**death);
    process = find(worker);  // what its channel brought may have ended its tree
    if (process == nullptr) return post_(WorkerExited{worker, std::move(ended)});
    process->output->drain();
    process->output->report_drops();
    ended.last_lines = process->output->last_lines();
    if (slot.cgroup && looks_killed(ended))
        ended.oom_killed = slot.cgroup->oom_kills().value_or(0) > process->oom_kills_before;
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
    finish_spawns();  // a child on its way to its program is no stray, but not among the known before it is there
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
    return !process::tree_alive(tag_of(process), known_);
}

// The number of a main process that is reaped may be another worker's by now.
process::TreeTag Workers::tag_of(const Process& process) const {
    const bool given_on = process.reaped && std::ranges::binary_search(known_, process.pid);
    return {.leader = given_on ? 0 : process.pid,
            .pool = process.worker.pool,
            .slot = process.worker.slot.value,
            .generation = process.worker.generation.value};
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

void Workers::read_output(const WorkerId& worker) {
    Process* process = find(worker);
    if (process != nullptr && process->output) process->output->catch_up();
}

void Workers::know_pid(pid_t pid) { known_.insert(std::ranges::upper_bound(known_, pid), pid); }

void Workers::forget_pid(pid_t pid) {
    const auto found = std::ranges::lower_bound(known_, pid);
    if (found != known_.end() && *found == pid) known_.erase(found);
}

// --- Effects on live workers

// What the kernel killed of its tree until now is not why it ends from here on.
void Workers::forget_oom_kills(Process& process, const SlotState& slot) {
    if (slot.cgroup && !process.reaped) process.oom_kills_before = slot.cgroup->oom_kills().value_or(0);
}

void Workers::signal(const Signal& effect) {
    Process* process = find_settled(effect.worker);
    if (process == nullptr || process->reaped) return;
    forget_oom_kills(*process, slot_state(effect.worker));
    // Fails only for a signal or a right that we lack; a stopped process gets SIGKILL at its deadline all the same.
    static_cast<void>(process::send_signal(process->pidfd.fd(), effect.signal));
}

void Workers::kill_tree(const KillTree& effect) {
    Process* process = find(effect.worker);
    if (process != nullptr && process->on_its_way) {
        // Nothing of it runs yet. Its end is found by the answer to its spawn, and told after that.
        static_cast<void>(process::send_signal(process->on_its_way->child.child().pidfd.fd(), SIGKILL));
        return;
    }
    process = find_settled(effect.worker);
    if (process == nullptr) return post_(TreeEmptied{effect.worker});  // nobody there is nobody to wait for
    auto& slot = slot_state(effect.worker);
    if (tree_is_empty(*process, slot)) {
        slot.process.reset();
        tell_gone(effect.worker);
        return;
    }
    if (!slot.cgroup) {
        process::kill_tree(tag_of(*process), known_);
        return;  // SIGCHLD tells of each end
    }
    if (!process->tree_source.valid()) {
        auto source = loop_.add_io(slot.cgroup->events_fd(), EPOLLPRI, event::Priority::exits,
                                   [this, worker = effect.worker](std::uint32_t) { check_tree(worker); });
        if (source) process->tree_source = std::move(*source);
    }
    forget_oom_kills(*process, slot);
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

std::optional<TreeUsage> Workers::usage_below(const WorkerId& worker) const {
    // Orphans are not looked for: those of a worker that is asked this way come to itself.
    const auto tree = processes_of(worker, process::TreeMembers());
    return tree.empty() ? std::nullopt : tree_usage(std::span(tree).subspan(1));
}

}  // namespace pinion::daemon
