// SPDX-License-Identifier: Apache-2.0
// What a plan has to say, as values: an error or a warning with its numbers, and the sentence made of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/cpu_set.h"

namespace pinion::cpu {

struct Holder {
    std::string pool;
    std::vector<std::uint32_t> slots;  // ascending
    std::uint64_t units = 0;           // held, or closed to others by what it holds
    bool operator==(const Holder&) const = default;
};

// Where the units of a scope are: total = reserved + the holders' + free.
struct Account {
    std::string noun;   // "core", "thread", "CPU", "L3 cache"
    std::string scope;  // "the machine", "kind performance", "numa:0"
    std::uint64_t total = 0;
    std::uint64_t reserved = 0;
    std::uint64_t free = 0;
    std::vector<Holder> holders;  // by pool
    bool operator==(const Account&) const = default;
};

// `code` is an E_… or W_… of the manual; `message` holds the arithmetic and ways out, and the other members its
// numbers.
struct PlanNote {
    std::string code;
    std::string pool;  // empty where it concerns the machine
    std::string message;
    std::optional<Account> account = {};
    std::uint64_t wanted = 0;               // in the account's units; else seats, workers, CPUs or domains: as told
    std::uint64_t missing = 0;              // of what is wanted
    std::vector<std::uint32_t> slots = {};  // concerned
    std::vector<std::string> levels = {};   // whose borders are crossed
    CpuSet cpus = {};                       // concerned
    std::optional<double> quota = {};       // of the cgroup, in CPUs
    bool operator==(const PlanNote&) const = default;
};

// "E_OVERSUBSCRIBED pool 'api': 6 seats …", for people.
[[nodiscard]] std::string to_string(const PlanNote& note);

}  // namespace pinion::cpu
