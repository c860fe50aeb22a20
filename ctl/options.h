// SPDX-License-Identifier: Apache-2.0
// The command line as values: what may be asked of pinionctl, one struct a command. The command line library stays
// behind options.cpp; no command sees it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "ctl/client.h"
#include "ctl/exit_code.h"
#include "ctl/job_options.h"
#include "ctl/terminal.h"

namespace pinion::ctl {

enum class Format { text, json, jsonl };

struct GlobalOptions {
    std::string runtime_dir;  // empty: the default
    std::string config;       // empty: the default
    Format format = Format::text;
    std::string columns;  // -o COLUMNS, of `status`
    ColourChoice colour = ColourChoice::automatic;
};

struct StatusOptions {
    std::string pool;  // empty: all
    bool watch = false;
    bool wide = false;
    bool by_state = false;
    bool pins = false;
    bool draw = false;
    std::string svg;  // a file to draw into; "-": stdout
};
struct CheckOptions {
    std::vector<std::string> files;
    bool strict = false;
    std::string as;  // the path that the one file stands in for
};
struct PlanOptions {
    std::string file;
    std::string topology;  // a synthetic description or an XML file; empty: this machine
    std::string against;   // an older configuration
    bool draw = false;
    std::string svg;  // a file to draw into; "-": stdout
    bool lock = false;
    bool check = false;
    std::string lock_file;   // empty: beside the configuration
    std::string explain;     // POOL/SLOT
    bool rebalance = false;  // no seat is kept
};
struct ReloadOptions {};
struct RebalanceOptions {};
struct ActOptions {
    Verb verb = Verb::start;
    std::vector<std::string> targets;
    bool wait = true;
    std::optional<Duration> timeout;
};
struct ScaleOptions {
    std::string pool;
    std::uint32_t workers = 0;
    bool wait = true;
    std::optional<Duration> timeout;
};
struct KillOptions {
    std::string target;
    int signal = 15;
};
struct WaitOptions {
    std::vector<std::string> pools;  // none: all
    bool ready = false;
    std::optional<Duration> timeout;
};
struct HealthOptions {
    std::string pool;
};
struct LogsOptions {
    std::string target;
    bool follow = false;
    std::size_t lines = 10;
};
struct EventsOptions {
    bool follow = false;
    std::optional<std::size_t> lines;  // nothing: all that the daemon remembers
};
struct ExplainOptions {
    std::string worker;
};
struct ShowOptions {
    std::string target;
    std::vector<std::string> properties;  // none: all
};
struct CatOptions {};

struct SchemaOptions {
    bool reference = false;  // the keys as a page of Markdown instead
    bool manual = false;     // or as entries of pinion.yaml(5)
};
struct WordsOptions {
    std::string kind;  // "pools", "workers", "targets", "columns", "signals"
};

using Command = std::variant<StatusOptions, CheckOptions, PlanOptions, ReloadOptions, RebalanceOptions, ActOptions,
                             ScaleOptions, KillOptions, WaitOptions, HealthOptions, LogsOptions, EventsOptions,
                             ExplainOptions, ShowOptions, CatOptions, SchemaOptions, WordsOptions, MapJobsOptions,
                             SubmitJobsOptions, ResultOptions, WaitJobsOptions, JobsOptions, QueueOptions, WhyOptions>;

struct CommandLine {
    GlobalOptions global;
    Command command;
};

// Nothing to run: help or the version for stdout (exit done), or what is wrong with the command line for stderr.
struct EarlyEnd {
    Exit exit = Exit::done;
    std::string text;
};

// `arguments` without the program's name.
[[nodiscard]] std::expected<CommandLine, EarlyEnd> parse_command_line(std::vector<std::string> arguments);

// What `--help` lists, for the completions' test: the name ("" for the options of every command), and its options.
struct CommandHelp {
    std::string name;
    std::vector<std::string> options;  // "--json", "-f"
};
[[nodiscard]] std::vector<CommandHelp> list_commands();

}  // namespace pinion::ctl
