// SPDX-License-Identifier: Apache-2.0
// What the keys are read into: the specifications, and beside them what the text says before it is resolved (names of
// users, files of variables).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/report.h"
#include "model/pool_spec.h"

namespace pinion::config {

template <class T>
struct Placed {
    T value;
    Place place;
    bool operator==(const Placed& other) const { return value == other.value; }
};

struct Draft {
    DaemonSpec daemon;
    MachineSpec machine;
    PoolSpec pool;
    // Users and groups by name or number, not looked up yet.
    std::optional<Placed<std::string>> user;
    std::optional<Placed<std::string>> group;
    std::vector<Placed<std::string>> supplementary_groups;
    std::vector<Placed<std::string>> env_files;  // absolute paths
    std::vector<Placed<std::string>> pass_env;
};

// The draft that gives `spec` when it is read: variables are all in `env`, identities by name and number.
[[nodiscard]] Draft draft_of(const PoolSpec& spec);

}  // namespace pinion::config
