// SPDX-License-Identifier: Apache-2.0
#include "ctl/options_jobs.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "ctl/display.h"

namespace pinion::ctl {

namespace {

constexpr const char* priority_help = "0 to 9, 9 first (5)";

Result<std::uint64_t> job_id(const std::string& text) {
    const auto number = parse_integer(text);
    if (!number || *number <= 0) return fail("'" + harmless(text) + "' is no job: a job's id is a number");
    return static_cast<std::uint64_t>(*number);
}

Result<std::vector<std::uint64_t>> job_ids(const std::vector<std::string>& texts) {
    std::vector<std::uint64_t> ids;
    for (const std::string& text : texts) {
        PINION_TRY(id, job_id(text));
        ids.push_back(id);
    }
    return ids;
}

Result<int> priority_of(const std::string& text) {
    if (text.empty()) return 5;
    const auto number = parse_integer(text);
    if (!number || *number < 0 || *number > 9) return fail("--priority: '" + harmless(text) + "' is not 0 to 9");
    return static_cast<int>(*number);
}

Result<ProgressMode> progress_of(const std::string& word) {
    constexpr std::array<std::pair<const char*, ProgressMode>, 5> words{{{"auto", ProgressMode::automatic},
                                                                         {"bar", ProgressMode::bar},
                                                                         {"lines", ProgressMode::lines},
                                                                         {"json", ProgressMode::json},
                                                                         {"none", ProgressMode::none}}};
    const auto known = std::ranges::find_if(words, [&](const auto& entry) { return word == entry.first; });
    if (known == words.end())
        return fail("--progress: '" + harmless(word) + "' is none of auto, bar, lines, json and none");
    return known->second;
}

constexpr char shield = '\x01';

void unshield(std::vector<std::string>& inputs) {
    for (std::string& input : inputs)
        if (input.starts_with(shield)) input.erase(0, 1);
}

Result<Command> settle_map(RawJobs& raw) {
    MapJobsOptions& map = raw.map;
    unshield(map.inputs);
    PINION_TRY(priority, priority_of(raw.priority));
    PINION_TRY(progress, progress_of(raw.progress));
    map.priority = priority;
    map.progress = progress;
    if (map.pool.empty() && map.attach.empty()) return fail("POOL is required");
    if (!map.name.empty() && !is_name(map.name))
        return fail("--name: '" + harmless(map.name) + "' is no name ([a-z][a-z0-9_-]*, at most 63 characters)");
    if (!map.attach.empty() && !map.inputs.empty()) return fail("--attach takes no inputs: the map has its own");
    return map;
}

Result<Command> settle_submit(RawJobs& raw) {
    SubmitJobsOptions& submit = raw.submit;
    unshield(submit.inputs);
    PINION_TRY(priority, priority_of(raw.priority));
    submit.priority = priority;
    if (!raw.delay.empty()) {
        auto delay = parse_duration(raw.delay);
        if (!delay) return in_context("--delay", delay.error());
        submit.delay = *delay;
    }
    if (!submit.key.empty() && submit.inputs.size() != 1) return fail("--key wants one INPUT");
    return submit;
}

Result<Command> settle_verb(RawJobs& raw) {
    using enum JobsOptions::Verb;
    constexpr std::array<std::pair<const char*, JobsOptions::Verb>, 5> verbs{
        {{"list", list}, {"show", show}, {"log", log}, {"cancel", cancel}, {"retry", retry}}};
    const auto known = std::ranges::find_if(verbs, [&](const auto& entry) { return raw.verb == entry.first; });
    if (known == verbs.end()) return fail("'" + harmless(raw.verb) + "' is none of list, show, log, cancel and retry");
    JobsOptions& jobs = raw.jobs;
    jobs.verb = known->second;
    if (raw.failed) jobs.states.emplace_back("failed");
    if (!raw.limit.empty()) {
        const auto number = parse_integer(raw.limit);
        if (!number || *number < 1) return fail("--limit: '" + harmless(raw.limit) + "' is not a number from 1");
        jobs.limit = static_cast<std::size_t>(*number);
    }
    if (!raw.after.empty()) {
        const auto number = parse_integer(raw.after);
        if (!number || *number < 0) return fail("--after: '" + harmless(raw.after) + "' is no id of a job");
        jobs.after = static_cast<std::uint64_t>(*number);
    }
    if (jobs.verb != list && jobs.targets.empty()) return fail(raw.verb + " wants at least one job");
    if (jobs.verb == list && jobs.targets.size() > 1) return fail("list wants one pool or one map");
    if (jobs.verb == show || jobs.verb == log || jobs.verb == retry) PINION_CHECK(job_ids(jobs.targets));
    return jobs;
}

Result<Command> settle_queue(RawJobs& raw) {
    const std::string& verb = raw.queue.verb;
    if (verb != "pause" && verb != "resume" && verb != "drain")
        return fail("'" + harmless(verb) + "' is none of pause, resume and drain");
    return raw.queue;
}

}  // namespace

void shield_lists(std::vector<std::string>& arguments) {
    const auto takes_inputs = [](const std::string& word) { return word == "map" || word == "submit"; };
    if (std::ranges::none_of(arguments, takes_inputs)) return;
    for (std::string& argument : arguments)
        if (argument.starts_with('[') && argument.ends_with(']')) argument.insert(0, 1, shield);
}

void add_job_commands(const AddCommand& add, RawJobs& raw, std::string& timeout) {
    CLI::App* sub = add("map", "run a job for each input and print the results in order",
                        "  pinionctl map squares 1 2 3\n  seq 100 | pinionctl map squares\n"
                        "  pinionctl map thumbs a.png b.png --name film-12\n"
                        "  pinionctl map --attach film-12");
    sub->add_option("POOL", raw.map.pool, "the job pool");
    sub->add_option("INPUT", raw.map.inputs, "the inputs; none: a line each from standard input");
    sub->add_option("--name", raw.map.name, "goes on without us under this name")->type_name("NAME");
    sub->add_option("--attach", raw.map.attach, "go on with the map of that name")->type_name("NAME");
    sub->add_flag("--unordered", raw.map.unordered, "results as they finish");
    sub->add_flag("--fail-fast", raw.map.fail_fast, "the first failure cancels the others");
    sub->add_flag("--raw", raw.map.raw, "print a result that is a JSON text without its quotes");
    sub->add_option("--priority", raw.priority, priority_help)->type_name("N");
    sub->add_option("--progress", raw.progress, "auto, bar, lines, json or none")->type_name("HOW");

    sub = add("submit", "queue jobs and print their ids",
              "  pinionctl submit mails '{\"to\":\"a@b\"}'\n  pinionctl submit mails --key invoice-7 7\n"
              "  pinionctl submit thumbs < files");
    sub->add_option("POOL", raw.submit.pool, "the job pool")->required();
    sub->add_option("INPUT", raw.submit.inputs, "the inputs; none: a line each from standard input");
    sub->add_option("--key", raw.submit.key, "the same key gives the same job")->type_name("KEY");
    sub->add_option("--priority", raw.priority, priority_help)->type_name("N");
    sub->add_option("--delay", raw.delay, "not before so long from now (10s, 2h)")->type_name("TIME");
    sub->add_flag("--wait", raw.submit.wait, "wait for room in a full queue instead of failing");

    sub = add("result", "wait for jobs and print their results",
              "  pinionctl result 17\n  pinionctl result 17 18 --json");
    sub->add_option("ID", raw.ids, "the jobs")->required();
    sub->add_flag("--raw", raw.result.raw, "print a result that is a JSON text without its quotes");
    sub->add_option("--timeout", timeout, "give up after so long (60s)")->type_name("TIME");

    sub = add("jobs", "list, show, log, cancel or retry jobs",
              "  pinionctl jobs list thumbs --failed\n  pinionctl jobs show 17\n  pinionctl jobs cancel film-12");
    sub->add_option("VERB", raw.verb, "list, show, log, cancel or retry")->required();
    sub->add_option("TARGET", raw.jobs.targets, "ids; for list a pool or a map, for cancel also maps");
    sub->add_flag("--failed", raw.failed, "list: only those that failed");
    sub->add_option("--state", raw.jobs.states, "list: only those that are delayed, queued, running, done, …")
        ->delimiter(',')
        ->type_name("STATES");
    sub->add_option("--limit", raw.limit, "list: at most so many (1000)")->type_name("N");
    sub->add_option("--after", raw.after, "list: only those with ids above this one")->type_name("ID");

    sub = add("queue", "pause, resume or drain the queue of a pool",
              "  pinionctl queue pause thumbs\n  pinionctl queue resume thumbs");
    sub->add_option("VERB", raw.queue.verb, "pause, resume or drain")->required();
    sub->add_option("POOL", raw.queue.pool, "the job pool")->required();

    sub = add("why", "say what a job waits for", "  pinionctl why 17");
    sub->add_option("JOB", raw.ids, "the job")->required();
}

Result<std::optional<Command>> settle_jobs(const std::string& name, RawJobs& raw, std::optional<Duration> timeout) {
    if (name == "map") return settle_map(raw);
    if (name == "submit") return settle_submit(raw);
    if (name == "jobs") return settle_verb(raw);
    if (name == "queue") return settle_queue(raw);
    if (name != "result" && name != "why") return std::nullopt;
    PINION_TRY(ids, job_ids(raw.ids));
    if (name == "why" && ids.size() != 1) return fail("one job at a time");
    if (name == "why") return WhyOptions{ids.front()};
    raw.result.jobs = std::move(ids);
    raw.result.timeout = timeout;
    return raw.result;
}

Result<std::optional<WaitJobsOptions>> settle_wait(const std::vector<std::string>& words,
                                                   std::optional<Duration> timeout) {
    const auto is_number = [](const std::string& word) { return parse_integer(word).has_value(); };
    if (std::ranges::none_of(words, is_number)) return std::nullopt;
    PINION_TRY(ids, job_ids(words));
    return WaitJobsOptions{std::move(ids), timeout};
}

}  // namespace pinion::ctl
