// SPDX-License-Identifier: Apache-2.0
#include "config/job_rules.h"

#include <algorithm>

#include "base/units.h"
#include "config/identity.h"
#include "model/substitution.h"

namespace pinion::config {
namespace {

void warn_no_effect(const ReadPool& pool, const char* key, const std::string& why, Report& report) {
    if (says(pool, key)) report.warning(place_of(pool, {key}), "no-effect", in_quotes(key) + " has no effect " + why);
}

void check_job_delays(const ReadPool& pool, Report& report) {
    if (failed(pool, {"job.delay", "job.max_delay", "job.attempts"})) return;
    const JobPolicy& job = pool.draft.jobs.job;
    if (job.max_delay < job.delay)
        report.error(place_of(pool, {"job.max_delay", "job.delay"}), "conflict",
                     "'job.max_delay' (" + format_duration(job.max_delay) + ") is below 'job.delay' (" +
                         format_duration(job.delay) + ")");
    if (job.attempts > 1) return;
    for (const char* key : {"job.delay", "job.max_delay", "job.factor", "job.jitter", "job.retry_on"})
        warn_no_effect(pool, key, "with 'job.attempts: 1'", report);
}

// A process a job takes one job at a time, says nothing before it, and ends after it.
void check_exec(const ReadPool& pool, Report& report) {
    const JobPoolSpec& jobs = pool.draft.jobs;
    if (jobs.protocol != JobProtocol::exec) return;
    if (jobs.prefetch)
        report.error(place_of(pool, {"prefetch"}), "conflict",
                     "'prefetch' can't be had with 'protocol: exec': each job has a process of its own",
                     "leave it out; more 'workers' run more jobs at once");
    if (jobs.concurrency > 1)
        report.error(place_of(pool, {"concurrency"}), "conflict",
                     "'concurrency' can't be had with 'protocol: exec': each job has a process of its own",
                     "leave it out; more 'workers' run more jobs at once");
    if (pool.draft.pool.start.ready == StartPolicy::Ready::notify)
        report.error(place_of(pool, {"start.ready"}), "conflict",
                     "'start.ready: notify' can't be had with 'protocol: exec': a process a job begins with its job");
    for (const char* key : {"recycle.jobs", "recycle.memory", "recycle.age"})
        warn_no_effect(pool, key, "with 'protocol: exec': each job has a fresh process", report);
}

void check_lines(const ReadPool& pool, Report& report) {
    const JobPoolSpec& jobs = pool.draft.jobs;
    if (jobs.protocol == JobProtocol::frames) return;
    if (std::holds_alternative<LogDirect>(pool.draft.pool.log.out))
        report.error(place_of(pool, {"log.stdout"}), "conflict",
                     std::string("'log.stdout: direct' can't be had with 'protocol: ") +
                         (jobs.protocol == JobProtocol::exec ? "exec': that output is the result"
                                                             : "lines': that output carries the answers"));
    if (jobs.protocol == JobProtocol::lines && jobs.payload == PayloadKind::raw && jobs.concurrency > 1)
        report.error(
            place_of(pool, {"concurrency"}), "conflict",
            "'concurrency' can't be had with 'payload: raw': lines without ids are answered in order, one by one",
            "leave it out; jobs are sent ahead by 'prefetch' all the same");
}

void check_input_argument(const ReadPool& pool, Report& report) {
    if (failed(pool, {"command"})) return;
    const auto& argv = pool.draft.pool.command.argv;
    const bool exec = pool.draft.pool.kind == PoolKind::jobs && pool.draft.jobs.protocol == JobProtocol::exec;
    if (!exec && std::ranges::any_of(argv, takes_input))
        report.error(place_of(pool, {"command"}), "bad-substitution",
                     "'command': '${input}' stands only in a pool with 'kind: jobs' and 'protocol: exec'",
                     "write '$${input}' for the text itself");
    if (exec && !argv.empty() && takes_input(argv.front()))
        report.error(place_of(pool, {"command"}), "bad-substitution",
                     "'command': the program itself can't be '${input}': whoever submits a job would choose it");
}

// Each as the workers get it.
std::vector<std::string> resolve_inputs(const ReadPool& pool, Report& report) {
    const Draft& draft = pool.draft;
    std::vector<std::string> inputs;
    if (failed(pool, {"inputs", "payload"})) return inputs;
    for (const DraftInput& input : draft.inputs) {
        if (draft.jobs.payload == PayloadKind::json) {
            inputs.push_back(input.json);
        } else if (!input.line) {
            report.error(input.place, "bad-value", "'inputs': with 'payload: raw' each input is a text or a number");
        } else if (input.line->find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos) {
            report.error(input.place, "bad-value", "'inputs': with 'payload: raw' each input is a single line");
        } else {
            inputs.push_back(*input.line);
        }
    }
    return inputs;
}

}  // namespace

void check_job_keys(const ReadPool& pool, Report& report) {
    if (failed(pool, {"kind", "protocol"})) return;
    check_input_argument(pool, report);
    if (pool.draft.pool.kind != PoolKind::jobs) {
        for (const Key& key : all_keys())
            if (key.jobs_only && says(pool, std::string(key.path).c_str()))
                report.error(place_of(pool, {std::string(key.path).c_str()}), "conflict",
                             in_quotes(key.path) + " stands only in pools of 'kind: jobs'",
                             pool.places.contains("kind") ? "" : "add kind: jobs");
        return;
    }
    check_job_delays(pool, report);
    check_exec(pool, report);
    check_lines(pool, report);
    if (pool.draft.jobs.prefetch && !pool.draft.jobs.job.semaphores.empty())
        warn_no_effect(pool, "prefetch", "with 'job.semaphores': such jobs are sent one at a time", report);
}

std::optional<JobPoolSpec> resolve_jobs(const ReadPool& pool, Report& report) {
    if (pool.draft.pool.kind != PoolKind::jobs) return std::nullopt;
    JobPoolSpec jobs = pool.draft.jobs;
    jobs.inputs = resolve_inputs(pool, report);
    jobs.allow = resolve_allow(pool.draft.allow, report);
    return jobs;
}

void check_semaphores(const std::map<std::string, ReadPool>& pools, const Semaphores& semaphores, Report& report) {
    std::vector<std::string_view> names;
    for (const auto& [name, unused] : semaphores) names.push_back(name);
    for (const auto& [unused, pool] : pools) {
        if (pool.draft.pool.kind != PoolKind::jobs) continue;
        for (const auto& [name, wanted] : pool.draft.jobs.job.semaphores) {
            const std::string path = "job.semaphores." + name;
            const Place place = place_of(pool, {path.c_str(), "job.semaphores"});
            const auto found = semaphores.find(name);
            if (found == semaphores.end()) {
                std::string hint = did_you_mean(name, names);
                if (hint.empty()) hint = "declare it in pinion.yaml: semaphores: {" + name + ": 1}";
                report.error(place, "unknown-semaphore", "'job.semaphores': there is no semaphore " + in_quotes(name),
                             std::move(hint));
            } else if (wanted > found->second) {
                report.error(place, "out-of-range",
                             in_quotes(path) + ": a job would wait for ever for " + std::to_string(wanted) +
                                 " permits: there are " + std::to_string(found->second));
            }
        }
    }
}

}  // namespace pinion::config
