// SPDX-License-Identifier: Apache-2.0
// The placement plan: which CPUs each slot of each pool gets. Pure and deterministic: the same topology, requests and
// ledger give the same seats, whatever the order of the requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cpu/topology.h"
#include "model/pool_spec.h"

namespace pinion::cpu {

// What one slot owns. `mask` is what the kernel lets the worker use: the seat, or the shared set for a floating pool.
struct Seat {
    std::uint32_t slot = 0;
    CpuSet cpus;  // empty for a floating worker
    CpuSet mask;
    std::vector<std::uint32_t> nodes;
    bool exclusive = false;
    bool operator==(const Seat&) const = default;
};

struct PoolSeats {
    std::string pool;
    std::vector<Seat> seats;  // by slot; its size is the number of workers, `auto` resolved
    bool operator==(const PoolSeats&) const = default;
};

// A seat granted earlier. A seat that is still valid is kept.
struct LedgerEntry {
    std::string pool;
    std::uint32_t slot = 0;
    CpuSet cpus;
    bool exclusive = false;
    bool operator==(const LedgerEntry&) const = default;
};
using Ledger = std::vector<LedgerEntry>;

// One pool's wish, from its spec; `workers` has an operator's `scale` applied.
struct PoolRequest {
    std::string pool;
    WorkerCount workers;
    CpuRequest cpu;
    bool operator==(const PoolRequest&) const = default;
};

// What of the machine we may use.
struct Universe {
    CpuSet allowed;               // online ∩ effective cpuset ∩ inherited mask
    MachineSpec machine;          // cpus and reserve of the configuration
    std::optional<double> quota;  // in CPUs: the smallest cpu.max quota/period over the cgroup's ancestors
    bool operator==(const Universe&) const = default;
};

// `code` is one of placement.md's E_… or W_…; `message` holds the arithmetic and ways out.
struct PlanNote {
    std::string code;
    std::string pool;  // empty where it concerns the machine
    std::string message;
    bool operator==(const PlanNote&) const = default;
};

// "E_OVERSUBSCRIBED pool 'api': 6 seats …", for people.
[[nodiscard]] std::string to_string(const PlanNote& note);

struct Plan {
    std::vector<PoolSeats> pools;  // by name; a pool with an error has no entry
    CpuSet shared;                 // the universe less all exclusive seats
    std::vector<PlanNote> warnings;
    std::vector<PlanNote> errors;
    [[nodiscard]] const PoolSeats* find(const std::string& pool) const noexcept;
    [[nodiscard]] Ledger ledger() const;
    bool operator==(const Plan&) const = default;
};

[[nodiscard]] Plan plan(const Topology& topology, const Universe& universe, const std::vector<PoolRequest>& requests,
                        const Ledger& ledger);

}  // namespace pinion::cpu
