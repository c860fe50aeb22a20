// SPDX-License-Identifier: Apache-2.0
// What a pool asks of the machine: how many workers, on which CPUs, how they share. `plan()` turns it into seats.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/cpu_set.h"
#include "model/threads_env.h"

namespace pinion {

// What CPUs may have in common, tightest first.
enum class CpuLevel : std::uint8_t { core, l3, numa, package };

// "numa:1": the second domain of that level, in the machine's logical order.
struct CpuPlace {
    CpuLevel level = CpuLevel::numa;
    std::uint32_t index = 0;
    bool operator==(const CpuPlace&) const = default;
};

// Some of a machine's CPUs: those named by number and those of the places.
struct CpuScope {
    CpuSet cpus;
    std::vector<CpuPlace> places;
    CpuScope() = default;
    CpuScope(CpuSet named, std::vector<CpuPlace> of = {}) : cpus(std::move(named)), places(std::move(of)) {}
    bool operator==(const CpuScope&) const = default;
};

// How many workers: a number, as many as the seats allow, or a number for each domain of a level.
struct WorkerCount {
    bool automatic = false;
    std::uint32_t number = 1;                // unused where automatic
    std::optional<CpuLevel> per = {};        // `number` for each of these; never automatic then
    std::optional<std::uint32_t> most = {};  // bounds `automatic`
    bool operator==(const WorkerCount&) const = default;
};

// Where the memory lies that a worker touches first, over the memory nodes of its seat.
enum class MemoryPolicy : std::uint8_t { near, strict, interleave, off };

// What becomes of a worker whose seat has lost all its CPUs: it sits elsewhere, runs on shared CPUs, or does not run.
enum class CpuLoss : std::uint8_t { move, share, stop };

struct CpuAuto {  // the default: pinned softly to one core of the shared set
    bool operator==(const CpuAuto&) const = default;
};
struct CpuNone {  // floats over the shared set
    bool operator==(const CpuNone&) const = default;
};
// `count` whole cores, `count` hardware threads, or one whole domain, owned alone.
struct CpuExclusive {
    enum class Unit : std::uint8_t { cores, threads, l3, numa, package };
    Unit unit = Unit::cores;
    std::uint32_t count = 1;  // 1 where the unit is a domain
    enum class Place : std::uint8_t { spread, pack };
    Place place = Place::spread;
    enum class Smt : std::uint8_t { all, one };  // one: of each core the first thread, the rest stays idle
    Smt smt = Smt::all;
    enum class Kind : std::uint8_t { performance, efficiency, any };
    Kind kind = Kind::performance;
    std::optional<CpuScope> within = {};    // nothing: all
    std::optional<CpuLevel> require = {};   // a seat fits inside one of these, or fails
    std::optional<CpuLevel> keep_out = {};  // no other pool's seat in the same one
    enum class Bind : std::uint8_t { seat, core, l3, numa, package, pool };
    Bind bind = Bind::seat;  // how far a worker may stray, within its pool's seats
    using Memory = MemoryPolicy;
    Memory memory = Memory::near;
    ThreadsEnv threads_env = {};
    enum class Oversubscribe : std::uint8_t { error, shrink, stack };
    Oversubscribe oversubscribe = Oversubscribe::error;
    CpuLoss on_cpu_loss = CpuLoss::move;  // where no other seat is to be had: share; where nothing is: stop
    bool operator==(const CpuExclusive&) const = default;
};
struct CpuSeats {  // explicit, slot by slot
    std::vector<CpuSet> seats;
    MemoryPolicy memory = MemoryPolicy::near;
    ThreadsEnv threads_env = {};
    CpuLoss on_cpu_loss = CpuLoss::share;  // named seats have no others to move to
    bool operator==(const CpuSeats&) const = default;
};
using CpuRequest = std::variant<CpuAuto, CpuNone, CpuExclusive, CpuSeats>;

// What a request says of these; the defaults where it has no word for it.
[[nodiscard]] MemoryPolicy memory_of(const CpuRequest& request) noexcept;
[[nodiscard]] ThreadsEnv threads_env_of(const CpuRequest& request);

// How pins are kept: by each worker's affinity alone, or by a cpuset of its own besides.
enum class Enforcement : std::uint8_t { affinity, cpuset };

// `machine:` in the configuration: which CPUs pools may use.
struct MachineSpec {
    std::optional<CpuScope> cpus;  // nothing: all
    std::uint32_t reserve_cores = 0;
    std::optional<CpuSet> reserve_cpus;        // instead of a number of cores
    std::optional<CpuLevel> reserve_per = {};  // `reserve_cores` of each of these
    enum class Isolated : std::uint8_t { skip, allow, only };
    Isolated isolated = Isolated::skip;       // CPUs that the kernel's scheduler leaves alone
    bool inherited_mask = true;               // whether the mask that this process was started with bounds pools
    bool half_cores = true;                   // whether a core of which only some threads are ours is used
    std::optional<Enforcement> enforce = {};  // nothing: the best that the host gives
    enum class ForeignPins : std::uint8_t { ignore, warn, error };
    ForeignPins foreign_pins = ForeignPins::warn;  // processes of others that are pinned to CPUs of a seat
    Duration audit = std::chrono::seconds(5);      // between two looks at the workers' masks; 0: none
    bool operator==(const MachineSpec&) const = default;
};

}  // namespace pinion
