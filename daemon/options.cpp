// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>

namespace pinion::daemon {
namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

// systemd separates several directories by colons; ours is the first.
std::string first_of(const std::string& list) { return list.substr(0, list.find(':')); }

std::string user_folder(const std::string& xdg, const std::string& home, const char* fallback) {
    return (xdg.empty() ? home + fallback : xdg) + "/pinion";
}

}  // namespace

Surroundings read_surroundings() {
    return {.root = ::geteuid() == 0,
            .home = variable("HOME"),
            .runtime_directory = first_of(variable("RUNTIME_DIRECTORY")),
            .state_directory = first_of(variable("STATE_DIRECTORY")),
            .xdg_config_home = variable("XDG_CONFIG_HOME"),
            .xdg_runtime_dir = variable("XDG_RUNTIME_DIR"),
            .xdg_state_home = variable("XDG_STATE_HOME")};
}

Options with_defaults(Options options, const Surroundings& around) {
    if (options.config.empty())
        options.config = around.root ? "/etc/pinion" : user_folder(around.xdg_config_home, around.home, "/.config");
    const std::string runtime = around.root
                                    ? "/run/pinion"
                                    : (around.xdg_runtime_dir.empty() ? "/tmp/pinion-" + std::to_string(::geteuid())
                                                                      : around.xdg_runtime_dir + "/pinion");
    const std::string usual_runtime = around.runtime_directory.empty() ? runtime : around.runtime_directory;
    if (options.runtime_dir.empty()) options.runtime_dir = usual_runtime;
    options.default_runtime_dir = options.runtime_dir == runtime;
    if (options.state_dir.empty()) {
        options.state_dir =
            around.root ? "/var/lib/pinion" : user_folder(around.xdg_state_home, around.home, "/.local/state");
        if (!around.state_directory.empty()) options.state_dir = around.state_directory;
    }
    // What is shown to others must not depend on our working folder.
    for (std::string* path : {&options.config, &options.runtime_dir, &options.state_dir})
        *path = std::filesystem::absolute(*path).lexically_normal();
    return options;
}

std::expected<Options, int> parse_options(int argc, char** argv) {
    Options options;
    CLI::App app(
        "piniond runs pools of worker processes: it starts them, pins each to its CPUs, restarts what fails\n"
        "and writes what happens to the journal. It stays in the foreground; SIGTERM or Ctrl-C stops it in\n"
        "order, SIGHUP or a saved file changes it.");
    app.set_version_flag("--version", "piniond " PINION_VERSION);
    app.add_option("--config", options.config,
                   "the configuration: a file, or a folder with pinion.yaml and pools.d/*.yaml")
        ->type_name("FILE|DIR");
    app.add_option("--runtime-dir", options.runtime_dir, "where the control socket and the lock are")->type_name("DIR");
    app.add_option("--state-dir", options.state_dir, "where lasts what must survive a boot")->type_name("DIR");
    std::string log = "auto";
    app.add_option("--log", log, "where records go")
        ->check(CLI::IsMember({"auto", "journal", "console"}))
        ->type_name("WHERE");
    std::string cgroup;
    app.add_option("--cgroup", cgroup,
                   "use this folder of a cgroup2 file system for the workers; 'own': our own cgroup")
        ->type_name("DIR|own");
    app.add_flag("--check", options.check_only, "only check the configuration; exit 0 or 78");
    app.footer(
        "Exit codes: 0 after a clean stop, 1 when it could not run, 2 for a wrong command line, 78 for a\n"
        "configuration that can't be used.\n\nSee it at work: pinionctl status");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return std::unexpected(app.exit(error) == 0 ? 0 : 2);
    }
    if (log != "auto") options.log = log == "journal" ? LogTo::journal : LogTo::console;
    if (!cgroup.empty()) options.cgroup = cgroup;
    return with_defaults(std::move(options), read_surroundings());
}

}  // namespace pinion::daemon
