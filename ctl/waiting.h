// SPDX-License-Identifier: Apache-2.0
// When an order has been carried out: what start, stop, restart, scale and wait look for in the rows, and the loop that
// looks again whenever something happens.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/client.h"
#include "ctl/exit_code.h"
#include "ctl/rows.h"

namespace pinion::ctl {

// "web" or "web/3".
struct Target {
    std::string pool;
    std::optional<std::uint64_t> slot;
    bool operator==(const Target&) const = default;

    [[nodiscard]] bool covers(const WorkerRow& worker) const noexcept {
        return worker.pool == pool && (!slot || *slot == worker.slot);
    }
};
[[nodiscard]] Answer<Target> parse_target(std::string_view text);

// What the daemon runs at one moment.
struct Snapshot {
    std::vector<PoolRow> pools;
    std::vector<WorkerRow> workers;
};
[[nodiscard]] Answer<Snapshot> take_snapshot(Client& client);
[[nodiscard]] const PoolRow* find_pool(const Snapshot& snapshot, std::string_view name) noexcept;

// The failure that says there is no such pool, with the nearest name.
[[nodiscard]] std::unexpected<Failure> no_such_pool(const Snapshot& snapshot, const std::string& name);

// How far an order is: done when nothing is under way any more; `troubles` are the workers that went wrong, a sentence
// each.
struct Progress {
    bool done = true;
    std::vector<std::string> troubles;
};

// The generation of each worker before the order, by name.
using Generations = std::map<std::string, std::uint64_t>;
[[nodiscard]] Generations generations_of(std::span<const WorkerRow> workers);

// Started: each worker runs, or has completed; one that failed or is in back-off is a trouble. With `before` (a
// restart) each must be of a later generation too.
[[nodiscard]] Progress toward_running(const Snapshot& snapshot, std::span<const Target> targets,
                                      const Generations* before);
// Stopped: no worker has a process. A pool that is gone is at rest.
[[nodiscard]] Progress toward_stopped(const Snapshot& snapshot, std::span<const Target> targets);
// Scaled to `workers`.
[[nodiscard]] Progress toward_scale(const Snapshot& snapshot, const std::string& pool, std::uint64_t workers);
// At rest (join): nothing of these pools runs, starts, stops or waits for anything; failed workers are troubles.
[[nodiscard]] Progress toward_rest(const Snapshot& snapshot, std::span<const std::string> pools);
// Healthy: every pool does what it should.
[[nodiscard]] Progress toward_health(const Snapshot& snapshot, std::span<const std::string> pools);

// Looks with `check` at once and after each event, until it is done or `timeout` has passed (nothing: never). The last
// progress comes back; `done` is false after the timeout. The client must be subscribed.
[[nodiscard]] Answer<Progress> wait_until(Client& client, std::optional<Duration> timeout,
                                          const std::function<Progress(const Snapshot&)>& check);

}  // namespace pinion::ctl
