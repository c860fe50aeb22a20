// SPDX-License-Identifier: Apache-2.0
// A machine with its pools' seats in it, as a value that the terminal's and the SVG's drawings are made of: packages,
// nodes and L3 caches around cores, and of each hardware thread who has it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cpu/plan.h"
#include "cpu/topology.h"

namespace pinion::ctl {

// Who has one hardware thread.
struct Mark {
    enum class Kind : std::uint8_t {
        seat,      // of one worker alone
        soft,      // on a shared core that soft workers sit on
        idle,      // of a seat's core, left idle by `smt: one`
        shared,    // nobody's own
        reserved,  // by machine.reserve
        outside,   // not ours: other CPUs of the machine
    };
    Kind kind = Kind::shared;
    std::size_t pool = 0;     // of seat, soft and idle, as an index into the drawing's pools
    std::uint32_t slot = 0;   // the first, where several workers sit here
    std::size_t workers = 0;  // that sit here
    bool operator==(const Mark&) const = default;
};

struct DrawnThread {
    std::uint32_t cpu = 0;
    Mark mark;
    bool operator==(const DrawnThread&) const = default;
};

// A row of cores: those directly inside one domain and of one kind.
struct DrawnRow {
    std::string kind;  // "performance", "efficiency" on a hybrid machine
    std::vector<std::vector<DrawnThread>> cores;
    bool operator==(const DrawnRow&) const = default;
};

struct DrawnDomain {
    std::string name;  // "package 0, numa 0, l3 0"; empty for the machine alone
    CpuSet cpus;
    std::vector<DrawnRow> rows;
    std::vector<DrawnDomain> children;
    bool operator==(const DrawnDomain&) const = default;
};

struct DrawnPool {
    std::string name;
    std::string letter;  // "A" … "Z", "AA" …; in lower case where its workers sit softly; empty where they float
    std::string how;     // "2 seats of their own", "3 workers, soft"
    CpuSet cpus;         // of all its workers
    bool operator==(const DrawnPool&) const = default;
};

struct MachineDrawing {
    std::string counts;  // "2 packages, 2 NUMA nodes, 8 cores, 16 CPUs"
    DrawnDomain machine;
    std::vector<DrawnPool> pools;  // by name, as in the plan
    CpuSet shared;                 // that no worker has for itself
    CpuSet reserved;
    CpuSet outside;
    CpuSet offline;        // known to the kernel, but off: it is not known where they sit
    bool idle = false;     // whether a thread is marked so
    bool crowded = false;  // whether several soft workers sit on one core
    bool operator==(const MachineDrawing&) const = default;
};

[[nodiscard]] MachineDrawing draw_machine(const cpu::Topology& topology, const cpu::Universe& universe,
                                          const cpu::Plan& plan, const CpuSet& offline);

// "A3": the worker's letter and slot; "b0+" where more than one soft worker sits there; "." shared, "#" reserved,
// "x" not ours, "~" idle.
[[nodiscard]] std::string label_of(const Mark& mark, const MachineDrawing& drawing);

// "8 CPUs: 0-3, 8-11", which breaks between its parts; of a long list only how many.
[[nodiscard]] std::string cpus_text(const CpuSet& cpus);

// What there is to say of CPUs that no pool's letter stands on: the sign, its meaning, the CPUs.
struct DrawnSign {
    Mark::Kind kind;
    std::string sign;
    std::string meaning;
    CpuSet cpus;
};
[[nodiscard]] std::vector<DrawnSign> signs_of(const MachineDrawing& drawing);

}  // namespace pinion::ctl
