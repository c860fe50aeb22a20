// SPDX-License-Identifier: Apache-2.0
// Where a running daemon's workers sit, together with the machine and the configuration that put them there.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cpu/origin.h"
#include "cpu/plan.h"
#include "ctl/client.h"
#include "ctl/context.h"
#include "ctl/machine_drawing.h"
#include "ctl/planning.h"

namespace pinion::ctl {

struct PlacementNow {
    Machine machine;
    cpu::Universe universe;
    std::vector<cpu::PoolRequest> requests;
    cpu::Ledger ledger;
    cpu::Plan plan;                                                             // what the workers have
    std::map<std::pair<std::string, std::uint32_t>, cpu::Origin> origins = {};  // where the daemon tells

    [[nodiscard]] MachineDrawing drawing() const {
        return draw_machine(machine.topology, universe, plan, machine.offline);
    }
};

// The CPUs as the daemon sees them, who may use others than we may.
struct DaemonCpus {
    CpuSet allowed;   // by cpusets and the mask it was started with
    CpuSet reserved;  // by the configuration that it has loaded
};

// The pools of `config` as `running` has them, on `machine`. CPUs that workers may use belong to pools, even where no
// daemon tells, and `machine` was read by a process that may use fewer.
[[nodiscard]] PlacementNow placement_of(const Snapshot& running, const config::Config& config, Machine machine,
                                        const std::optional<DaemonCpus>& cpus = {});

// The same with the machine we run on and the daemon's configuration; where that can't be read, without the reserve and
// the reasons that only it tells.
[[nodiscard]] Answer<PlacementNow> read_placement(Client& client, const Snapshot& running, const Context& context);

// Why the worker has its seat, as sentences; none where it is not known.
[[nodiscard]] std::vector<std::string> seat_sentences(const PlacementNow& now, const std::string& pool,
                                                      std::uint32_t slot);

}  // namespace pinion::ctl
