// SPDX-License-Identifier: Apache-2.0
// The placement plan: which CPUs each slot of each pool gets. Pure and deterministic: the same topology, requests and
// ledger give the same seats, whatever the order of the requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cpu/note.h"
#include "cpu/topology.h"
#include "model/pool_spec.h"

namespace pinion::cpu {

// What one slot owns. `mask` is what the kernel lets the worker use: the seat, what `bind` widens it to, or the shared
// set for a floating pool.
struct Seat {
    std::uint32_t slot = 0;
    CpuSet cpus;  // empty for a floating worker
    CpuSet mask;
    std::vector<std::uint32_t> nodes;
    bool exclusive = false;
    MemoryPolicy memory = MemoryPolicy::off;       // off, too, where there is nothing to choose from
    std::vector<std::uint32_t> memory_nodes = {};  // what the policy is over: those of `nodes` that have memory
    std::uint32_t library_threads = 0;  // what `threads_env` tells: cores, or threads of a seat of threads; 0: no seat
    bool parked = false;                // no CPU is left that it may use: its worker is not to run
    bool operator==(const Seat&) const = default;
};

struct PoolSeats {
    std::string pool;
    std::vector<Seat> seats;  // by slot; its size is the number of workers, `auto` resolved
    bool operator==(const PoolSeats&) const = default;
};

// A seat granted earlier. A seat that is still valid is kept. One that is `held` is what the slot has in any case, be
// it less than was asked for, or nothing: of an exclusive pool whose number of workers is given.
struct LedgerEntry {
    std::string pool;
    std::uint32_t slot = 0;
    CpuSet cpus;
    bool exclusive = false;
    bool held = false;
    bool operator==(const LedgerEntry&) const = default;
};
using Ledger = std::vector<LedgerEntry>;

// One pool's wish, from its spec; `workers` has an operator's `scale` applied.
struct PoolRequest {
    std::string pool;
    WorkerCount workers;
    CpuRequest cpu;
    [[nodiscard]] bool is_soft() const { return std::holds_alternative<CpuAuto>(cpu); }
    [[nodiscard]] bool is_floating() const { return std::holds_alternative<CpuNone>(cpu); }
    // Has workers that take what the exclusive seats leave.
    [[nodiscard]] bool shares() const {
        return (is_soft() || is_floating()) && (workers.automatic || workers.number > 0);
    }
    bool operator==(const PoolRequest&) const = default;
};

// What of the machine we may use.
struct Universe {
    CpuSet allowed;               // online ∩ effective cpuset ∩ inherited mask
    MachineSpec machine;          // `machine` of the configuration
    std::optional<double> quota;  // in CPUs: the smallest cpu.max quota/period over the cgroup's ancestors
    CpuSet isolated = {};         // CPUs that the kernel's scheduler leaves alone
    CpuSet closed = {};           // not to be given now: somebody returns to them
    bool operator==(const Universe&) const = default;
};

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
