// SPDX-License-Identifier: Apache-2.0
// How a worker comes to be: what it is born into, the ways to its program, and the one answer to each Spawn.
#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "daemon/workers.h"
#include "daemon/workers_parts.h"
#include "log/journal_stream.h"
#include "process/child.h"
#include "process/spawn.h"

namespace pinion::daemon {

using namespace supervise;

namespace {

void reap_killed(int pidfd) {
    siginfo_t info{};
    while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) < 0 && errno == EINTR) {
    }
}

}  // namespace

void Workers::spawn(const Spawn& effect) {
    auto& slot = slot_state(effect.worker);
    ASSERT(!slot.process);
    slot.process = std::make_unique<Process>();
    slot.process->worker = effect.worker;
    slot.process->spec = effect.spec;
    slot.process->seat = effect.seat;
    auto begun = begin(*slot.process, slot);
    if (begun && (slot.process->on_its_way || slot.process->in_window)) return;  // answered when it is there
    answer(slot, std::move(begun));
}

Workers::Outcome Workers::begin(Process& process, SlotState& slot) {
    if (auto prepared = prepare(process, slot); !prepared) return prepared;
    auto image = build_image(process, slot);
    if (!image) return std::unexpected(SpawnFailure{SpawnStage::exec, EINVAL, image.error().message});
    const int cgroup = slot.cgroup ? slot.cgroup->folder_fd() : -1;
    // The parent of a child that shares its memory waits for it until exec: not where a path may hang.
    if (process::may_block(image->image())) return begin_by_fork(process, std::move(*image), cgroup);
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
    if (!source) return end_unseen(process, source.error().code);
    way.source = std::move(*source);
    return {};
}

// A child that is on its way and can't be watched there.
Workers::Outcome Workers::end_unseen(Process& process, int why) {
    static_cast<void>(process::send_signal(process.on_its_way->child.child().pidfd.fd(), SIGKILL));
    if (finish_start(process)) {
        reap_killed(process.pidfd.fd());
        forget_pid(process.pid);
    }
    return std::unexpected(SpawnFailure{SpawnStage::fork, why, "watching its start"});
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
    if (slot.cgroup)
        static_cast<void>(slot.cgroup->kill());
    else
        process::kill_tree(tag_of(process), known_);
    ::kill(-process.pid, SIGKILL);
    static_cast<void>(process::send_signal(process.pidfd.fd(), SIGKILL));
    reap_killed(process.pidfd.fd());
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
    forget_oom_kills(process, slot);

    if (jobs_ != nullptr && process.spec->jobs) {
        auto birth = jobs_->prepare(worker, process.spec);
        if (!birth)
            return std::unexpected(
                SpawnFailure{SpawnStage::stdio, birth.error().code, "its job channel", birth.error().message});
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
        PINION_TRY(notify, notify_sockets_.add(process.notify->fd(), EPOLLIN,
                                               [this, worker = process.worker](std::uint32_t) { on_notify(worker); }));
        process.notify_source = std::move(notify);
    }
    process.output->started(process.pid, process.seat.mask.to_list());
    if (jobs_ != nullptr && process.spec->jobs) return jobs_->born(process.worker, process.seat.mask.to_list());
    return {};
}

}  // namespace pinion::daemon
