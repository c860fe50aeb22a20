// SPDX-License-Identifier: Apache-2.0
// What the daemon needs to keep seats between plans: the ledger's file, the eyes on the machine and on the masks.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cpu/drift.h"
#include "cpu/origin.h"
#include "cpu/starved.h"
#include "daemon/audit.h"
#include "daemon/ledger_store.h"
#include "daemon/loader.h"
#include "daemon/machine_watch.h"
#include "event/loop.h"
#include "event/pressure.h"

namespace pinion::daemon {

struct Keeping {
    LedgerStore ledger;
    CpuSet inherited;  // what bounds pools of the mask that we were started with; empty: nothing
    CpuSet reserved;   // by the last load; hotplug does not move it
    CpuSet own;        // the mask that we gave ourselves
    cpu::DriftWatch drift;
    cpu::Origins origins;
    std::unique_ptr<MachineWatch> watch;
    std::unique_ptr<MachineReader> reader;
    std::unique_ptr<Audit> audit;
    cpu::StarvedWatch starved;
    std::optional<event::CpuPressure> pressure;
    event::Source home_timer;           // armed only while somebody can go home
    CpuSet returning;                   // by the plan in force: CPUs that are back, and that somebody can go home to
    CpuSet awaited;                     // those of them that the timer was last armed for
    std::optional<MonotonicTime> told;  // when the kernel told of the change that is being followed
    bool write_failed = false;          // and said so
};

}  // namespace pinion::daemon
