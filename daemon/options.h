// SPDX-License-Identifier: Apache-2.0
// piniond's command line as a value.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

namespace pinion::daemon {

enum class LogTo : std::uint8_t { automatic, journal, console };

struct Options {
    std::string config;                // a file or a folder
    std::string runtime_dir;           // sockets and the lock
    std::string state_dir;             // what outlives a boot
    bool default_runtime_dir = false;  // then the bus name is taken too
    LogTo log = LogTo::automatic;
    std::optional<std::string> cgroup;  // --cgroup: a folder of a cgroup2 file system or "own", not the delegated one
    bool check_only = false;
};

// What decides the defaults: who runs us, and what the service manager or the session set.
struct Surroundings {
    bool root = false;
    std::string home;
    std::string runtime_directory;  // $RUNTIME_DIRECTORY
    std::string state_directory;    // $STATE_DIRECTORY
    std::string xdg_config_home, xdg_runtime_dir, xdg_state_home;
};
[[nodiscard]] Surroundings read_surroundings();

// Fills what the command line left open.
[[nodiscard]] Options with_defaults(Options options, const Surroundings& surroundings);

// The options, or the exit code after help, version or an error were printed.
[[nodiscard]] std::expected<Options, int> parse_options(int argc, char** argv);

}  // namespace pinion::daemon
