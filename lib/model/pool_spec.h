// SPDX-License-Identifier: Apache-2.0
// What a pool is declared to be: plain values with the defaults in place, as the rest of the product sees the
// configuration. Everything here is validated: only `config::load` makes these from text.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/cpu_request.h"
#include "model/job_policy.h"
#include "model/restart_policy.h"

namespace pinion {

enum class PoolKind : std::uint8_t { service, jobs };

// A program and its arguments. `argv[0]` is the program as declared; without a slash it is looked up in the PATH of the
// worker's environment. Elements may hold substitutions (see model/substitution.h), checked when loaded.
struct CommandSpec {
    std::vector<std::string> argv;
    bool operator==(const CommandSpec&) const = default;
};

// Resolved from `user`, `group` and `supplementary_groups` when loaded, so that the deciding thread never asks NSS.
struct Identity {
    std::string user;  // as declared, or the name of the uid; for HOME, USER, LOGNAME
    std::string home;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups;  // the whole supplementary list
    bool operator==(const Identity&) const = default;
};

enum class SchedulerPolicy : std::uint8_t { other, batch, idle };
enum class IoClass : std::uint8_t { realtime, best_effort, idle };
struct IoPriority {
    IoClass io_class = IoClass::best_effort;
    std::uint32_t level = 4;  // 0 (highest) to 7
    bool operator==(const IoPriority&) const = default;
};

// One `limits:` entry: an RLIMIT_* by its number; `unlimited` is RLIM_INFINITY. Sets the soft and the hard limit.
struct ResourceLimit {
    int resource = 0;
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
    bool operator==(const ResourceLimit&) const = default;
};

struct StartPolicy {
    enum class Ready : std::uint8_t { exec, notify };
    Ready ready = Ready::exec;
    Duration timeout = 30s;          // from the spawn until READY=1; `notify` only
    Duration stagger{};              // between the starts of two workers of the pool
    std::vector<std::string> after;  // pools that must be ready before this one first starts
    bool operator==(const StartPolicy&) const = default;
};

struct StopPolicy {
    int signal = 15;
    Duration timeout = 10s;  // then SIGKILL to the whole tree; 0 kills at once
    bool operator==(const StopPolicy&) const = default;
};

// Where one of a worker's two outputs goes.
struct LogToJournal {
    int priority = 6;  // syslog's 0–7
    bool operator==(const LogToJournal&) const = default;
};
struct LogToNull {
    bool operator==(const LogToNull&) const = default;
};
struct LogToFile {
    std::string path;  // absolute; appended to, reopened on SIGUSR1
    bool operator==(const LogToFile&) const = default;
};
struct LogDirect {  // a journald stream of the worker's own, without the daemon between
    int priority = 6;
    bool operator==(const LogDirect&) const = default;
};
using LogTarget = std::variant<LogToJournal, LogToNull, LogToFile, LogDirect>;

struct LogPolicy {
    LogTarget out = LogToJournal{6};
    LogTarget err = LogToJournal{4};
    bool operator==(const LogPolicy&) const = default;
};

struct PoolSpec {
    std::string name;
    PoolKind kind = PoolKind::service;
    CommandSpec command;
    WorkerCount workers;
    CpuRequest cpu = CpuAuto{};
    std::map<std::string, std::string> env;  // env_file merged under env, pass_env resolved; may hold substitutions
    std::string cwd = "/";
    std::optional<Identity> identity;  // nothing: the daemon's own
    std::uint32_t umask = 022;
    std::optional<int> nice;
    std::optional<SchedulerPolicy> scheduler;
    std::optional<IoPriority> io;
    std::optional<int> oom_score_adj;
    std::vector<ResourceLimit> limits;
    RestartPolicy restart;
    StartPolicy start;
    StopPolicy stop;
    LogPolicy log;
    std::optional<JobPoolSpec> jobs;  // of kind jobs

    bool operator==(const PoolSpec&) const = default;
};

// `daemon:` in the configuration.
struct DaemonSpec {
    bool watch = true;
    Duration shutdown_timeout = 90s;
    std::uint32_t log_lines_per_second = 1000;
    bool operator==(const DaemonSpec&) const = default;
};

}  // namespace pinion
