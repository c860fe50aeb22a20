// SPDX-License-Identifier: Apache-2.0
#include "ctl/paths.h"

#include <unistd.h>

#include <cstdlib>

#include "wire/bus_names.h"

namespace pinion::ctl {

namespace {

constexpr const char* system_runtime = "/run/pinion";
constexpr const char* system_config = "/etc/pinion";

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

std::string socket_in(const std::string& folder) { return folder + "/" + bus::control_socket; }

}  // namespace

Surroundings read_surroundings() {
    const std::string runtime = variable("RUNTIME_DIRECTORY");
    return {.root = ::geteuid() == 0,
            .uid = ::geteuid(),
            .home = variable("HOME"),
            .runtime_directory = runtime.substr(0, runtime.find(':')),
            .xdg_runtime_dir = variable("XDG_RUNTIME_DIR"),
            .xdg_config_home = variable("XDG_CONFIG_HOME"),
            .exists = [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }};
}

std::string default_runtime_dir(const Surroundings& around) {
    if (!around.runtime_directory.empty()) return around.runtime_directory;
    if (around.root) return system_runtime;
    const std::string own = around.xdg_runtime_dir.empty() ? "/tmp/pinion-" + std::to_string(around.uid)
                                                           : around.xdg_runtime_dir + "/pinion";
    const bool only_system = !around.exists(socket_in(own)) && around.exists(socket_in(system_runtime));
    return only_system ? system_runtime : own;
}

std::string default_config(const Surroundings& around) {
    if (around.root) return system_config;
    const std::string own =
        (around.xdg_config_home.empty() ? around.home + "/.config" : around.xdg_config_home) + "/pinion";
    return !around.exists(own) && around.exists(system_config) ? system_config : own;
}

}  // namespace pinion::ctl
