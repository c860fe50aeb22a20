// SPDX-License-Identifier: Apache-2.0
// Where the daemon and its configuration are when nobody says: the same rules as piniond's.
#pragma once

#include <functional>
#include <string>

namespace pinion::ctl {

// What the rules look at.
struct Surroundings {
    bool root = false;
    unsigned uid = 0;
    std::string home;               // HOME
    std::string runtime_directory;  // RUNTIME_DIRECTORY: its first part
    std::string xdg_runtime_dir;
    std::string xdg_config_home;
    std::function<bool(const std::string&)> exists;  // whether a path is there
};
[[nodiscard]] Surroundings read_surroundings();

// $RUNTIME_DIRECTORY, or /run/pinion for root. Anyone else: the own daemon's folder where it has a socket, else the
// system's where that has one, else the own.
[[nodiscard]] std::string default_runtime_dir(const Surroundings& around);

// /etc/pinion for root. Anyone else: the own folder where there is one, else the system's where there is one.
[[nodiscard]] std::string default_config(const Surroundings& around);

}  // namespace pinion::ctl
