// SPDX-License-Identifier: Apache-2.0
// The lives of job pools' workers, and what they say.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "daemon/jobs/job_host.h"
#include "daemon/jobs/job_records.h"
#include "daemon/jobs/job_request.h"
#include "wire/json.h"

namespace pinion::daemon {

using namespace jobs;

namespace {

constexpr Duration memory_interval = 100ms;  // of looking at one worker's memory, for recycle.memory

// Of the process that dies with it, for which nobody waits.
Duration cpu_of_killed(const WorkerLink& link) {
    return link.killed && link.killed->used ? link.killed->used->cpu : Duration::zero();
}

}  // namespace

WorkerId JobHost::worker_id(const WorkerRef& ref) const { return {name(ref.pool), ref.slot, ref.generation}; }

WorkerLink* JobHost::link(const WorkerId& worker) {
    const auto found = links_.find({worker.pool, worker.slot.value});
    return found == links_.end() || found->second->worker() != worker ? nullptr : found->second.get();
}

WorkerLink* JobHost::link(const WorkerRef& worker) {
    const auto found = links_by_ref_.find(worker);
    return found == links_by_ref_.end() ? nullptr : found->second;
}

void JobHost::drop_link(const WorkerId& worker) {
    const auto found = links_.find({worker.pool, worker.slot.value});
    if (found == links_.end()) return;
    for (const auto token : found->second->awaited) pending_.sendings.erase(token);
    links_by_ref_.erase(found->second->ref());
    links_.erase(found);
}

Result<JobWorkers::Birth> JobHost::prepare(const WorkerId& worker, const supervise::SpecPtr& spec) {
    const auto pool = pools_.find(worker.pool);
    if (pool == pools_.end()) return fail("its queue is not there");
    auto link = std::make_unique<WorkerLink>(*this, worker, WorkerRef{pool->second.id, worker.slot, worker.generation});
    PINION_CHECK(link->open(loop_, spec));
    const auto ends = link->channel().child_ends();
    Birth birth{.stdin_fd = ends.stdin_fd, .stdout_fd = ends.stdout_fd};
    if (ends.frames_fd >= 0) {
        birth.stdin_fd = ends.frames_fd;
        birth.job_socket = true;
    }
    if (spec->jobs->protocol == JobProtocol::exec)
        birth.runner = {services_.runner, spec->jobs->payload == PayloadKind::raw ? "--raw" : "--json", "--"};
    drop_link(worker);
    links_by_ref_.emplace(link->ref(), link.get());
    links_.emplace(std::pair{worker.pool, worker.slot.value}, std::move(link));
    return birth;
}

Result<void> JobHost::born(const WorkerId& worker, const std::string& cpus) {
    WorkerLink* found = link(worker);
    if (found == nullptr) return {};
    found->cpus = cpus;
    return found->channel().started();
}

void JobHost::not_born(const WorkerId& worker) {
    if (link(worker) != nullptr) drop_link(worker);
}

void JobHost::ready(const WorkerId& worker) {
    WorkerLink* found = link(worker);
    if (found == nullptr || found->arrived || found->death || found->is_leaving) return;
    found->arrived = true;
    post(WorkerArrived{found->ref()});
}

void JobHost::leaving(const WorkerId& worker) {
    WorkerLink* found = link(worker);
    if (found == nullptr || std::exchange(found->is_leaving, true)) return;
    if (found->arrived) post(WorkerBlocked{found->ref(), true});
}

void JobHost::drain(const WorkerId& worker) {
    WorkerLink* found = link(worker);
    if (found == nullptr) return;
    found->ended = true;
    found->channel().drain();
}

void JobHost::died(const WorkerId& worker, const Death& death) {
    WorkerLink* found = link(worker);
    if (found == nullptr || std::exchange(found->death, death)) return;
    if (const auto pool = pools_.find(worker.pool); pool != pools_.end())
        pool->second.cpu_of_ended += death.cpu_user + death.cpu_system + cpu_of_killed(*found);
}

void JobHost::gone(const WorkerId& worker) {
    WorkerLink* found = link(worker);
    if (found == nullptr) return;
    if (found->arrived) {
        const auto& death = found->death;
        auto how = Departure::crash;
        if (death && death->oom_killed)
            how = Departure::oom;
        else if (!found->is_broken && (found->unwanted || found->is_leaving))
            how = Departure::stopped;
        Evidence evidence;
        evidence.shared = true;
        if (death)
            evidence.detail = found->is_exec() ? death_with_runner(*found, *death) : death_json(*death, found->cpus);
        post(WorkerGone{found->ref(), how, keep(std::move(evidence))});
        is_to_pass_on_ = true;
    }
    drop_link(worker);
}

void JobHost::pass_on() {
    // Where a turn has ended the worker, the next one comes as usual.
    if (!std::exchange(is_to_pass_on_, false) || in_turn_ || !store_) return;
    turn();
    for (const auto& [place, link] : links_) link->channel().flush();
}

void JobHost::wrote(const WorkerId& worker, std::string_view line) {
    WorkerLink* found = link(worker);
    if (found == nullptr) return;
    const auto* sent = found->oldest();
    if (sent == nullptr) return;
    found->wrote(sent->attempt, line);
    logs_.add(sent->job, {sent->number, wall_now(), std::string(line)});
}

// The record of an attempt whose process went with its runner (`exec`). What that used is of all its jobs.
std::string JobHost::death_with_runner(const WorkerLink& link, Death death) {
    const auto* executed = link.oldest();
    if (link.killed) executed = link.killed->sent ? &*link.killed->sent : nullptr;
    const auto used = link.killed ? link.killed->used : std::nullopt;
    death.cpu_user = used ? used->cpu : Duration::zero();
    death.cpu_system = Duration::zero();
    death.peak_memory_bytes = used ? used->peak_bytes : 0;
    death.last_lines = executed != nullptr ? link.last_lines(executed->attempt) : std::vector<std::string>();
    return death_json(death, link.cpus);
}

void JobHost::answered(WorkerLink& link, ChannelAnswer answer) {
    // What a process wrote until its end is of its own job, not of the next.
    if (link.is_exec()) services_.read_output(link.worker());
    const auto sent = link.take_sent(answer.attempt);
    Evidence evidence{.result = std::move(answer.result), .error = std::move(answer.error)};
    if (!evidence.error.empty()) evidence.detail = R"({"error":)" + evidence.error + "}";
    if (answer.death && sent) {
        answer.death->last_lines = link.last_lines(sent->attempt);
        // One that was killed has said nothing else.
        const bool exited = answer.death->cause == Death::Cause::exited;
        evidence.detail = death_json(*answer.death, link.cpus, exited ? evidence.error : std::string_view());
    }
    if (!sent)
        evidence.line = "an answer to a job that it does not have (id " + std::to_string(answer.attempt.value) + ")";
    JobAnswered event{
        .worker = link.ref(), .attempt = answer.attempt, .verdict = answer.verdict, .evidence = {}, .pushes = {}};
    evidence.pushes = to_jobs(std::move(answer.pushes), event.pushes);
    event.evidence = keep(std::move(evidence));
    post(std::move(event));
    const auto place = pools_.find(link.worker().pool);
    Pool* pool = place == pools_.end() ? nullptr : &place->second;
    if (pool != nullptr && sent) pool->meter.add(loop_.now(), loop_.now() - sent->at);
    if (pool == nullptr || !pool->policy->recycle.memory) return;
    if (loop_.now() - link.memory_looked_at < memory_interval) return;
    link.memory_looked_at = loop_.now();
    if (const auto bytes = services_.memory(link.worker())) post(WorkerMemory{link.ref(), *bytes});
}

std::vector<NewJob> JobHost::to_jobs(std::vector<ChannelPush> pushes, std::vector<JobPoolId>& pools) const {
    std::vector<NewJob> all;
    all.reserve(pushes.size());
    for (auto& push : pushes) {
        const auto pool = find(push.pool);
        NewJob job{.payload = std::move(push.input)};
        if (pool && pool->spec->jobs->payload == PayloadKind::raw)
            if (const auto json = wire::Json::parse(job.payload); json && json->as_string())
                job.payload = *json->as_string();
        // The scheduler refuses what is not there, and with it what would break the pool's workers.
        if (pool && check_input(*pool->spec->jobs, job.payload)) job.pool = pool->id;
        pools.push_back(job.pool);
        if (push.priority) job.priority = static_cast<std::uint8_t>(*push.priority);
        if (push.delay > Duration::zero()) job.not_before = wall_now() + push.delay;
        all.push_back(std::move(job));
    }
    return all;
}

void JobHost::progressed(const WorkerLink::Sent& sent, std::optional<double> fraction, std::string_view note) {
    if (!note.empty()) logs_.add(sent.job, {sent.number, wall_now(), printable(note, 400)});
    listeners_.tell_progress({.job = sent.job, .map = {}, .fraction = fraction, .note = note});
}

void JobHost::strayed(const WorkerLink& link, std::string_view line) {
    services_.log_line(link.worker(), line);
    if (const auto pool = pools_.find(link.worker().pool); pool != pools_.end()) ++pool->second.strays;
}

void JobHost::broke(WorkerLink& link, const std::string& reason) {
    if (std::exchange(link.is_broken, true)) return;
    services_.log_line(link.worker(), "broke the protocol: " + reason);
    // Of one that has ended nothing more is wanted.
    if (link.ended) return;
    // In a turn of its own: what follows may take the link, whose channel calls.
    later([this, worker = link.worker()] { services_.unwanted(worker, supervise::Unwanted::protocol); });
}

}  // namespace pinion::daemon
