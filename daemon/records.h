// SPDX-License-Identifier: Apache-2.0
// From facts of the supervisor to journal records: the sentences a person reads and the fields a query matches. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/change.h"
#include "log/record.h"
#include "supervise/effect.h"

namespace pinion::daemon {

// What the shell knows of a worker beyond the core's fact.
struct WorkerFacts {
    std::int64_t pid = 0;  // 0: none
    std::string cpus;      // the mask it was given, kernel list format; empty where unknown
};

// The one record of `fact`. `facts` is about the worker it names, if it names one.
[[nodiscard]] log::Record to_record(const supervise::Fact& fact, const WorkerFacts& facts);

// "restarting in 3.2s (3 in a row)".
[[nodiscard]] std::string describe(const supervise::Decision& decision);

// A record of the daemon's own (no pool): `kind` and a sentence.
[[nodiscard]] log::Record daemon_record(log::Priority priority, const log::MessageKind& kind, std::string message);

// The same about one pool.
[[nodiscard]] log::Record pool_record(log::Priority priority, const log::MessageKind& kind, const std::string& pool,
                                      std::string message);

// The same about a slot and its CPUs.
[[nodiscard]] log::Record seat_record(log::Priority priority, const log::MessageKind& kind, const std::string& pool,
                                      std::uint32_t slot, std::string message);

// "2 pools changed: web replaced (command), db tuned (restart.delay)"; "nothing changed".
[[nodiscard]] std::string describe(const std::vector<config::Change>& changes);

// That a dead predecessor's workers, in `slots`, were killed.
[[nodiscard]] log::Record predecessor_ended(const std::vector<std::string>& slots);

}  // namespace pinion::daemon
