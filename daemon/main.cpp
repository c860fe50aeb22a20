// SPDX-License-Identifier: Apache-2.0
// piniond: main() is the recipe of its life.
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>

#include "base/units.h"
#include "daemon/daemon.h"
#include "daemon/enforcement.h"
#include "daemon/folders.h"
#include "daemon/options.h"
#include "daemon/records.h"
#include "log/messages.h"
#include "process/spawn.h"

extern char** environ;

namespace {

using namespace pinion;
using namespace pinion::daemon;

constexpr int exit_config = 78;  // EX_CONFIG

std::map<std::string, std::string> environment() {
    std::map<std::string, std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const auto equals = text.find('=');
        if (equals != std::string_view::npos) result.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return result;
}

int check(const config::LoadOptions& options) {
    const auto config = config::load(options);
    const auto& diagnostics = config ? config->warnings() : config.error();
    for (const auto& diagnostic : diagnostics) std::fprintf(stderr, "%s\n", config::to_string(diagnostic).c_str());
    if (config)
        std::printf("%s: %zu pool%s, no errors\n", options.path.c_str(), config->pools().size(),
                    config->pools().size() == 1 ? "" : "s");
    return config ? 0 : exit_config;
}

// Signals reach the loop only; children start with none blocked.
void block_signals() {
    sigset_t all;
    sigfillset(&all);
    // Faults of our own must not wait.
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&all, fault);
    sigprocmask(SIG_SETMASK, &all, nullptr);
}

// Three fds a worker add up. Returns the limit as it was, for the children.
rlimit raise_file_limit() {
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit raised = before;
    raised.rlim_cur = before.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &raised);
    return before;
}

std::unique_ptr<log::Sink> make_sink(LogTo where) {
    const bool journal = where == LogTo::journal || (where == LogTo::automatic && log::stderr_is_journal());
    return journal ? log::make_journal_sink() : log::make_console_sink();
}

// Says why it ends before the writer runs; a sink that fails here has nobody left to tell.
int give_up(log::Sink& sink, int code, const std::string& sentence) {
    static_cast<void>(sink.write(daemon_record(log::Priority::err, log::messages::config_refused, sentence)));
    return code;
}

int refuse_config(log::Sink& sink, const std::string& path, const std::vector<config::Diagnostic>& diagnostics) {
    for (const auto& diagnostic : diagnostics) give_up(sink, exit_config, config::to_string(diagnostic));
    return give_up(
        sink, exit_config,
        fmt::format("load '{}': refused for {} error{}; not started. Mend the file, check it with 'pinionctl check', "
                    "and start again",
                    path, diagnostics.size(), diagnostics.size() == 1 ? "" : "s"));
}

struct TakenCgroups {
    std::optional<process::Cgroups> cgroups;
    std::vector<std::string> ended;  // where workers of a dead predecessor still lived
};

Result<TakenCgroups> take_cgroups(const Options& options) {
    TakenCgroups taken;
    if (options.cgroup == "own") {
        taken.cgroups = process::Cgroups::find_own();
    } else if (options.cgroup) {
        PINION_TRY(named, process::Cgroups::at(*options.cgroup));
        taken.cgroups.emplace(std::move(named));
    } else {
        taken.cgroups = process::Cgroups::find_delegated();
    }
    if (!taken.cgroups) return taken;
    const OwnMaskKept kept;
    PINION_TRY(ended, taken.cgroups->take_over());
    taken.ended = std::move(ended);
    return taken;
}

}  // namespace

int main(int argc, char** argv) {
    // 1. What was asked.
    const auto options = parse_options(argc, argv);
    if (!options) return options.error();
    const config::LoadOptions load_options{
        .path = options->config, .refuse_unsafe_files = ::geteuid() == 0, .environment = environment()};
    if (options->check_only) return check(load_options);

    // 2. What a daemon needs of its process. One malloc arena: our second thread is idle most of the time.
    block_signals();
    const rlimit nofile = raise_file_limit();
    ::mallopt(M_ARENA_MAX, 1);
    process::prepare_spawning();
    auto sink = make_sink(options->log);

    // 3. The configuration, before anything is touched.
    auto first = load_now(load_options);
    if (!first.config) return refuse_config(*sink, options->config, first.config.error());

    // 4. Our folders, so that nobody else is us; then the end of whatever a dead predecessor left.
    auto locks = take_folders(options->runtime_dir, options->state_dir);
    if (!locks) return give_up(*sink, 1, locks.error().message);
    auto taken = take_cgroups(*options);
    if (!taken) return give_up(*sink, 1, taken.error().message);
    if (const auto level = settle_enforcement(first.config->machine().enforce, taken->cgroups); !level)
        return give_up(*sink, exit_config, level.error().message + "; not started");

    look_for_strangers(first);

    // 5. The loop and everything in it.
    auto loop = event::Loop::make();
    if (!loop) return give_up(*sink, 1, loop.error().message);
    auto daemon = std::make_unique<Daemon>(std::move(*loop), *options, std::move(sink),
                                           WorkersOptions{options->runtime_dir, std::move(taken->cgroups), nofile});
    if (!taken->ended.empty()) daemon->record(predecessor_ended(taken->ended));
    if (auto started = daemon->start(std::move(first), load_options); !started) {
        daemon->record(daemon_record(log::Priority::err, log::messages::daemon_stopped,
                                     "start: " + started.error().message + "; not started"));
        return 1;
    }

    // 6. Until it is told to stop.
    const auto code = daemon->run();
    return code ? *code : 1;
}
