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

// One of a job pool's `inputs`, before it is known whether its workers take JSON or lines.
struct DraftInput {
    std::string json;
    std::optional<std::string> line;  // of a single value: as it is written
    Place place;
    bool operator==(const DraftInput& other) const { return json == other.json && line == other.line; }
};

// `allow`, by name or number, not looked up yet. A name without a place is a default: it may be missing.
struct DraftAllow {
    std::vector<Placed<std::string>> users;
    std::vector<Placed<std::string>> groups{{"pinion", {}}};
    bool operator==(const DraftAllow&) const = default;
};

using Semaphores = std::map<std::string, std::uint32_t>;

struct Draft {
    DaemonSpec daemon;
    MachineSpec machine;
    PoolSpec pool;
    JobPoolSpec jobs;  // but for `inputs` and `allow`; counts in a pool of kind jobs
    std::vector<DraftInput> inputs;
    DraftAllow allow;
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
