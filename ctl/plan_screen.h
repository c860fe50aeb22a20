// SPDX-License-Identifier: Apache-2.0
// What `pinionctl plan` tells, as functions of the plan and of the comparison with what was there before.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/change.h"
#include "cpu/plan.h"
#include "cpu/reason.h"
#include "ctl/rows.h"
#include "ctl/terminal.h"
#include "ctl/waiting.h"
#include "wire/json.h"

namespace pinion::ctl {

// What a reload would mean, compared with `with` ("/etc/pinion", "the running daemon").
struct Comparison {
    std::string with;
    std::vector<config::Change> changes;  // by name
    std::vector<std::string> untouched;   // by name
    std::vector<std::string> semaphores;  // what changes of them, a sentence each
    bool names_only = false;              // what is inside a pool could not be compared
};

// Two configurations, field by field.
[[nodiscard]] Comparison compare(const config::Config& before, const config::Config& after, std::string with);

// A plan against what a daemon says it runs: which pools come, go, or change their number of workers.
[[nodiscard]] Comparison compare(const Snapshot& running, const cpu::Plan& plan, const config::Config& after);

// The seats of every pool as a table, and on a terminal the shared CPUs.
[[nodiscard]] std::string plan_text(const cpu::Plan& plan, const TerminalTraits& traits);

// What a reload would do, pool by pool.
[[nodiscard]] std::string comparison_text(const Comparison& comparison, const TerminalTraits& traits);

// The plan's notes, a line each: "error: E_… pool 'web': …".
[[nodiscard]] std::string notes_text(const cpu::Plan& plan, const TerminalTraits& traits);

// {"pools":[{"name","seats":[{"slot","cpus","mask","nodes"}]}],"warnings":[…],"errors":[…]} and, where compared,
// "changed" and "changes".
[[nodiscard]] wire::Json plan_document(const cpu::Plan& plan, const Comparison* comparison);

// [{"code","pool","message"}], and of "wanted", "missing", "slots", "levels", "cpus", "quota" and "account" those that
// the note has.
[[nodiscard]] wire::Json notes_json(const std::vector<cpu::PlanNote>& notes);

// {"version","worker","rule","cpus","mask","nodes","inside","kept","home","better":[{"cpus","obstacles":[{"kind",
// "cpus","worker"}]}],"sentences"}
[[nodiscard]] wire::Json reason_document(const cpu::SeatReason& reason);

}  // namespace pinion::ctl
