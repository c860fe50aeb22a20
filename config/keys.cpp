// SPDX-License-Identifier: Apache-2.0
#include "config/keys.h"

#include <algorithm>
#include <vector>

#include "config/codec_command.h"
#include "config/codec_cpu.h"
#include "config/codec_enforcement.h"
#include "config/codec_jobs.h"
#include "config/codec_policy.h"
#include "model/job_limits.h"
#include "model/limits.h"

namespace pinion::config {
namespace {

using enum ChangeClass;

// A row: `Codec` reads, prints and compares what `access` finds in a draft.
template <class Codec, auto access>
Key row(Section section, std::string_view path, ChangeClass change, std::string_view meaning) {
    Key key{.section = section, .path = path, .meaning = meaning, .change = change};
    key.type = &Codec::type;
    key.schema = &Codec::schema;
    key.read = [](const Reading& reading, const Node& node, Draft& draft) {
        Codec::read(reading, node, access(draft));
    };
    key.print = [](const Draft& draft) { return Codec::print(access(draft)); };
    key.same = [](const Draft& a, const Draft& b) { return access(a) == access(b); };
    return key;
}

template <class Codec, auto access>
Key pool_row(std::string_view path, ChangeClass change, std::string_view meaning) {
    return row<Codec, access>(Section::pool, path, change, meaning);
}

Key later(Section section, Stage stage, std::string_view path) {
    return {.section = section, .path = path, .meaning = {}, .stage = stage};
}

// Another priority is taken over at once; another kind of target is a file descriptor that the worker already holds.
bool is_priority_change(const LogTarget& a, const LogTarget& b) {
    return std::holds_alternative<LogToJournal>(a) && std::holds_alternative<LogToJournal>(b);
}

template <int default_priority, auto access>
Key log_row(std::string_view path, std::string_view meaning) {
    Key key = pool_row<LogTargetCodec<default_priority>, access>(path, respawn, meaning);
    key.null_is_value = true;
    key.applies_live = [](const Draft& a, const Draft& b) { return is_priority_change(access(a), access(b)); };
    key.change_text = "live between priorities, else respawn";
    return key;
}

#define AT(member) [](auto& draft) -> auto& { return draft.member; }

// `max_workers` is a key of its own, though it is part of the same value.
Key workers_row(std::string_view path, ChangeClass change, std::string_view meaning) {
    Key key = pool_row<WorkersCodec, AT(pool.workers)>(path, change, meaning);
    key.same = [](const Draft& a, const Draft& b) {
        WorkerCount after = b.pool.workers;
        after.most = a.pool.workers.most;
        return a.pool.workers == after;
    };
    return key;
}

// A worker moves while it runs, but what it was given before its program began stays.
Key cpu_row(std::string_view path, ChangeClass change, std::string_view meaning) {
    Key key = pool_row<CpuCodec, AT(pool.cpu)>(path, change, meaning);
    key.applies_live = [](const Draft& a, const Draft& b) {
        return memory_of(a.pool.cpu) == memory_of(b.pool.cpu) &&
               threads_env_of(a.pool.cpu) == threads_env_of(b.pool.cpu);
    };
    key.change_text = "live but for memory and threads_env, which are respawn";
    return key;
}

void add_daemon(std::vector<Key>& keys) {
    constexpr auto section = Section::daemon;
    keys.insert(keys.end(),
                {row<BooleanCodec, AT(daemon.watch)>(section, "watch", live, "Reload when a file is saved."),
                 row<DurationCodec, AT(daemon.shutdown_timeout)>(
                     section, "shutdown_timeout", live,
                     "How long all pools together may take to stop; what still runs then is killed."),
                 row<IntegerCodec<std::uint32_t, 1, 1'000'000>, AT(daemon.log_lines_per_second)>(
                     section, "log_lines_per_second", live,
                     "Budget of one worker's output; lines above it are dropped and counted.")});
}

void add_machine(std::vector<Key>& keys) {
    constexpr auto section = Section::machine;
    keys.insert(
        keys.end(),
        {row<ScopeCodec, AT(machine.cpus)>(section, "cpus", live, "The CPUs that pools may use."),
         row<WordCodec<InheritedMaskWords>, AT(machine.inherited_mask)>(
             section, "inherited_mask", live, "Whether the affinity that the daemon was started with bounds pools."),
         row<WordCodec<IsolatedWords>, AT(machine.isolated)>(
             section, "isolated", live, "Whether pools use the CPUs that the kernel was told to isolate."),
         row<WordCodec<HalfCoresWords>, AT(machine.half_cores)>(
             section, "half_cores", live, "Whether a core is used of which some threads are not ours."),
         row<EnforceCodec, AT(machine.enforce)>(
             section, "enforce", live,
             "How pins are kept: by affinity alone, or by a cpuset of each worker's own too."),
         row<ReserveCodec, AT(machine)>(section, "reserve", live,
                                        "What is kept free of pools, for the rest of the system.")});
    // `reserve` is some members of the specification; the codec sees all of it, so the comparison is its own.
    keys.back().same = [](const Draft& a, const Draft& b) {
        return a.machine.reserve_cores == b.machine.reserve_cores && a.machine.reserve_cpus == b.machine.reserve_cpus &&
               a.machine.reserve_per == b.machine.reserve_per;
    };
    keys.push_back(row<ForeignPinsCodec, AT(machine.foreign_pins)>(
        section, "foreign_pins", live,
        "What to do where somebody else's process is pinned to CPUs that a worker owns."));
    keys.push_back(row<AuditCodec, AT(machine.audit)>(
        section, "audit", live, "The time between two looks at the workers' masks where affinity alone keeps them."));
}

void add_process(std::vector<Key>& keys) {
    keys.insert(
        keys.end(),
        {pool_row<WordCodec<KindWords>, AT(pool.kind)>(
             "kind", respawn,
             "What the pool is for: keeping workers of a program alive, or having them do the jobs of a queue."),
         pool_row<CommandCodec, AT(pool.command)>("command", respawn,
                                                  "The program and its arguments; required. A text is split like a "
                                                  "unit file's ExecStart, never by a shell."),
         workers_row("workers", live, "How many workers are kept; auto: as the CPUs allow."),
         pool_row<OptionalCodec<IntegerCodec<std::uint32_t, 1, limits::max_workers_per_pool>>, AT(pool.workers.most)>(
             "max_workers", live, "The most workers that 'workers: auto' gives."),
         cpu_row("cpu", live,
                 "Which CPUs each worker gets: auto pins it softly to a core, none lets it float, a number of cores or "
                 "threads, or a whole cache, node or package is its own alone."),
         pool_row<EnvironmentCodec, AT(pool.env)>("env", respawn, "Variables of the workers' environment."),
         pool_row<FileListCodec, AT(env_files)>(
             "env_file", respawn,
             "Files of KEY=VALUE lines that are read into the environment; env counts before them."),
         pool_row<VariableListCodec, AT(pass_env)>("pass_env", respawn,
                                                   "Variables of the daemon's own environment that are passed on."),
         pool_row<FolderCodec, AT(pool.cwd)>("cwd", respawn, "The folder that workers start in."),
         pool_row<OptionalCodec<AccountCodec>, AT(user)>("user", respawn,
                                                         "The user that workers run as; unset: the daemon's own."),
         pool_row<OptionalCodec<AccountCodec>, AT(group)>("group", respawn, "Their group; unset: the user's."),
         pool_row<AccountListCodec, AT(supplementary_groups)>(
             "supplementary_groups", respawn, "Groups beside those that the system's database gives the user."),
         pool_row<UmaskCodec, AT(pool.umask)>("umask", respawn, "The mask of the permissions of files they make."),
         pool_row<OptionalCodec<IntegerCodec<int, -20, 19>>, AT(pool.nice)>(
             "nice", respawn, "Their nice level: 19 yields most, -20 least."),
         pool_row<OptionalCodec<WordCodec<SchedulerWords>>, AT(pool.scheduler)>("scheduler", respawn,
                                                                                "Their CPU scheduling policy."),
         pool_row<OptionalCodec<IoPriorityCodec>, AT(pool.io)>("io", respawn,
                                                               "Their I/O priority; level 0 is highest."),
         pool_row<OptionalCodec<IntegerCodec<int, -1000, 1000>>, AT(pool.oom_score_adj)>(
             "oom_score_adj", respawn, "How gladly the kernel kills them when memory runs out: 1000 most."),
         pool_row<LimitsCodec, AT(pool.limits)>(
             "limits", respawn,
             "Resource limits as of ulimit; one value is the soft and the hard limit, or SOFT:HARD.")});
}

void add_restart(std::vector<Key>& keys) {
    keys.insert(
        keys.end(),
        {pool_row<WordCodec<RestartWords>, AT(pool.restart.policy)>("restart.policy", live,
                                                                    "After which ends a worker is started again."),
         pool_row<DurationCodec, AT(pool.restart.delay)>(
             "restart.delay", live,
             "The wait before the second restart in a row; the first after a stable life comes at once."),
         pool_row<DurationCodec, AT(pool.restart.max_delay)>("restart.max_delay", live,
                                                             "What the growing wait is capped at."),
         pool_row<FactorCodec, AT(pool.restart.factor)>("restart.factor", live,
                                                        "What the wait grows by from restart to restart."),
         pool_row<PercentCodec, AT(pool.restart.jitter)>(
             "restart.jitter", live, "How far the wait is varied at random, so that workers don't restart in step."),
         pool_row<DurationCodec, AT(pool.restart.reset_after)>(
             "restart.reset_after", live, "How long a worker must live for its restarts to be counted anew."),
         pool_row<RestartLimitCodec, AT(pool.restart.limit)>(
             "restart.limit", live, "How many restarts within a span of time; one more and the worker is failed."),
         pool_row<ExitPatternsCodec, AT(pool.restart.success)>("restart.success", live,
                                                               "Exit codes and signals that are no failure."),
         pool_row<ExitPatternsCodec, AT(pool.restart.fatal)>(
             "restart.fatal", live, "Exit codes and signals after which a worker is never restarted.")});
}

void add_lifecycle(std::vector<Key>& keys) {
    keys.insert(
        keys.end(),
        {pool_row<WordCodec<ReadyWords>, AT(pool.start.ready)>(
             "start.ready", respawn, "When a worker is ready: once its program runs, or when it says READY=1."),
         pool_row<DurationCodec, AT(pool.start.timeout)>(
             "start.timeout", live, "How long a worker may take to say that it is ready; only with ready: notify."),
         pool_row<DurationCodec, AT(pool.start.stagger)>("start.stagger", live,
                                                         "The wait between the starts of two workers of the pool."),
         pool_row<PoolNamesCodec, AT(pool.start.after)>("start.after", live,
                                                        "Pools that must be ready before this one first starts."),
         pool_row<SignalCodec, AT(pool.stop.signal)>("stop.signal", live, "The signal that asks a worker to stop."),
         pool_row<DurationCodec, AT(pool.stop.timeout)>(
             "stop.timeout", live, "How long it may take; then it is killed with everything it started."),
         log_row<6, AT(pool.log.out)>("log.stdout",
                                      "Where output goes: the journal with a priority, nowhere, a file, or straight to "
                                      "the journal without the daemon between."),
         log_row<4, AT(pool.log.err)>("log.stderr", "The same for error output.")});
}

void add_queue(std::vector<Key>& keys) {
    keys.insert(
        keys.end(),
        {pool_row<WordCodec<ProtocolWords>, AT(jobs.protocol)>(
             "protocol", respawn,
             "How a worker is given jobs: as a process for each, as lines on its standard input, or as frames on a "
             "socket."),
         pool_row<WordCodec<PayloadWords>, AT(jobs.payload)>(
             "payload", respawn, "What inputs and results are: JSON values, or plain lines of text."),
         pool_row<PrefetchCodec, AT(jobs.prefetch)>(
             "prefetch", live,
             "How many jobs a worker is sent ahead; auto: about one millisecond of work, as it took until now. They "
             "wait where one before them takes long, though other workers are free; 1: none is sent ahead."),
         pool_row<IntegerCodec<std::uint32_t, 1, limits::max_concurrency>, AT(jobs.concurrency)>(
             "concurrency", respawn, "How many jobs a worker does at once: so many of its oldest unanswered ones."),
         pool_row<WordCodec<DurabilityWords>, AT(jobs.queue.durability)>(
             "queue.durability", live,
             "What a job survives once its submit is acknowledged: fsync the loss of power, os the daemon's death, "
             "memory "
             "neither."),
         pool_row<IntegerCodec<std::uint64_t, 1, limits::max_queue_capacity>, AT(jobs.queue.capacity)>(
             "queue.capacity", live,
             "How many jobs may wait; past it a submit waits or is refused, as the client asks."),
         pool_row<DurationCodec, AT(jobs.queue.retention)>(
             "queue.retention", live,
             "How long finished jobs and their results are kept, also when their pool has left the configuration.")});
}

void add_job_policy(std::vector<Key>& keys) {
    keys.insert(
        keys.end(),
        {pool_row<OrNoneCodec<SpanCodec>, AT(jobs.job.timeout)>(
             "job.timeout", live,
             "How long an attempt may take; then the worker is killed with everything it started."),
         pool_row<IntegerCodec<std::uint32_t, 1, limits::max_attempts>, AT(jobs.job.attempts)>(
             "job.attempts", live, "How often a job is tried in all before it has failed."),
         pool_row<DurationCodec, AT(jobs.job.delay)>("job.delay", live, "The wait before the second attempt."),
         pool_row<DurationCodec, AT(jobs.job.max_delay)>("job.max_delay", live,
                                                         "What the growing wait between attempts is capped at."),
         pool_row<FactorCodec, AT(jobs.job.factor)>("job.factor", live,
                                                    "What the wait grows by from attempt to attempt."),
         pool_row<PercentCodec, AT(jobs.job.jitter)>("job.jitter", live, "How far the wait is varied at random."),
         pool_row<RetryOnCodec, AT(jobs.job.retry_on)>("job.retry_on", live,
                                                       "After which ends of an attempt a job is tried again."),
         pool_row<SemaphoresCodec, AT(jobs.job.semaphores)>(
             "job.semaphores", live,
             "Permits that a job must hold to run: names of 'semaphores', and how many of each.")});
}

void add_jobs(std::vector<Key>& keys) {
    const std::size_t first = keys.size();
    add_queue(keys);
    add_job_policy(keys);
    keys.insert(
        keys.end(),
        {pool_row<OrNoneCodec<IntegerCodec<std::uint64_t, 1, limits::max_recycle_jobs>>, AT(jobs.recycle.jobs)>(
             "recycle.jobs", live, "After how many jobs a worker makes way for a fresh one."),
         pool_row<OrNoneCodec<SizeCodec>, AT(jobs.recycle.memory)>(
             "recycle.memory", live, "With how much memory it does so, after the job it has."),
         pool_row<OrNoneCodec<SpanCodec>, AT(jobs.recycle.age)>("recycle.age", live, "At which age it does so."),
         pool_row<InputsCodec, AT(inputs)>("inputs", live,
                                           "The inputs of a durable map that is made once for the same inputs."),
         pool_row<AllowCodec, AT(allow)>("allow", live,
                                         "Who may submit jobs, beside root and the daemon's own user.")});
    for (std::size_t i = first; i < keys.size(); ++i) keys[i].jobs_only = true;
}

void add_later(std::vector<Key>& keys) {
    for (const auto path :
         {"watchdog", "rolling.max_unavailable", "breaker", "listen", "reuseport", "resources", "shared_memory"})
        keys.push_back(later(Section::pool, Stage::depth, path));
}

#undef AT

std::vector<Key> make_table() {
    std::vector<Key> keys;
    add_daemon(keys);
    add_machine(keys);
    add_process(keys);
    add_restart(keys);
    add_lifecycle(keys);
    add_jobs(keys);
    add_later(keys);
    return keys;
}

const std::vector<Key>& table() {
    static const std::vector<Key> keys = make_table();
    return keys;
}

// The path below `prefix`, or nothing where `path` does not lie below it.
std::string_view below(std::string_view path, std::string_view prefix) {
    if (prefix.empty()) return path;
    if (!path.starts_with(prefix) || path.size() <= prefix.size() || path[prefix.size()] != '.') return {};
    return path.substr(prefix.size() + 1);
}

}  // namespace

std::string_view to_string(Section section) noexcept {
    switch (section) {
        case Section::daemon: return "daemon";
        case Section::machine: return "machine";
        case Section::pool: return "pools.NAME";
    }
    return {};
}

std::span<const Key> all_keys() { return table(); }

const Key* find_key(Section section, std::string_view path) {
    for (const Key& key : table())
        if (key.section == section && key.path == path) return &key;
    return nullptr;
}

bool is_block(Section section, std::string_view path) {
    return std::ranges::any_of(
        table(), [&](const Key& key) { return key.section == section && !below(key.path, path).empty(); });
}

std::vector<std::string_view> names_below(Section section, std::string_view path, bool later) {
    std::vector<std::string_view> names;
    for (const Key& key : table()) {
        if (key.section != section || (key.stage != Stage::supported && !later)) continue;
        const auto rest = below(key.path, path);
        const auto name = rest.substr(0, rest.find('.'));
        if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
    return names;
}

}  // namespace pinion::config
