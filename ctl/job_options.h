// SPDX-License-Identifier: Apache-2.0
// The command line of what concerns jobs, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace pinion::ctl {

enum class ProgressMode { automatic, bar, lines, json, none };

struct MapJobsOptions {
    std::string pool;                 // may be empty with `attach`
    std::vector<std::string> inputs;  // none: a line each from stdin
    std::string name;
    std::string attach;
    bool unordered = false;
    bool fail_fast = false;
    bool raw = false;  // results that are JSON texts without their quotes
    int priority = 5;
    ProgressMode progress = ProgressMode::automatic;
};
struct SubmitJobsOptions {
    std::string pool;
    std::vector<std::string> inputs;  // none: a line each from stdin
    std::string key;
    int priority = 5;
    Duration delay{};
    bool wait = false;
};
struct ResultOptions {
    std::vector<std::uint64_t> jobs;
    bool raw = false;
    std::optional<Duration> timeout;
};
struct WaitJobsOptions {
    std::vector<std::uint64_t> jobs;
    std::optional<Duration> timeout;
};
struct JobsOptions {
    enum class Verb { list, show, log, cancel, retry };
    Verb verb = Verb::list;
    std::vector<std::string> targets;  // ids; of list and cancel also names of pools and maps
    std::vector<std::string> states;
    std::size_t limit = 1000;
    std::uint64_t after = 0;  // of list: only ids above
};
struct QueueOptions {
    std::string verb;
    std::string pool;
};
struct WhyOptions {
    std::uint64_t job = 0;
};

}  // namespace pinion::ctl
