// SPDX-License-Identifier: Apache-2.0
// The part of the command line that concerns jobs: its options for the library, and their values afterwards.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ctl/options.h"

namespace pinion::ctl {

// What the library fills in as text.
struct RawJobs {
    MapJobsOptions map;
    SubmitJobsOptions submit;
    ResultOptions result;
    JobsOptions jobs;
    QueueOptions queue;
    std::vector<std::string> ids;
    std::string priority;
    std::string delay;
    std::string progress = "auto";
    std::string verb;
    std::string limit;
    std::string after;
    bool failed = false;
};

// Adds a command with its help; `examples` are lines.
using AddCommand = std::function<CLI::App*(const char* name, const char* what, const char* examples)>;
void add_job_commands(const AddCommand& add, RawJobs& raw, std::string& timeout);

// The library takes an argument that looks like a list apart; an input that is one is to come whole. Before parsing.
void shield_lists(std::vector<std::string>& arguments);

// The command of that name; nothing where it is none of these.
[[nodiscard]] Result<std::optional<Command>> settle_jobs(const std::string& name, RawJobs& raw,
                                                         std::optional<Duration> timeout);
// What `wait` is about where its words are numbers: jobs. Nothing where none is; a mixture is an error.
[[nodiscard]] Result<std::optional<WaitJobsOptions>> settle_wait(const std::vector<std::string>& words,
                                                                 std::optional<Duration> timeout);

}  // namespace pinion::ctl
