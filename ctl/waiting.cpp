// SPDX-License-Identifier: Apache-2.0
#include "ctl/waiting.h"

#include <algorithm>

#include "base/text.h"
#include "ctl/display.h"

namespace pinion::ctl {

namespace {

using namespace std::chrono_literals;

// Events tell of every change, but a daemon under pressure may drop one: look again this often anyway.
constexpr Duration longest_look_apart = 1s;

std::string trouble_of(const WorkerRow& worker) {
    const std::string state = worker.state == "backoff" ? "is in back-off" : "has failed";
    return "worker '" + worker.name() + "' " + state + (worker.note.empty() ? "" : ": " + harmless(worker.note));
}

// Adds one worker on its way to running.
void add_starting(Progress& progress, const WorkerRow& worker, bool is_successor, bool idle_is_fine) {
    if (worker.state == "starting" || worker.state == "stopping" || !is_successor) {
        progress.done = false;
        return;
    }
    if (worker.state == "idle" && !idle_is_fine) progress.done = false;
    if (worker.state == "failed" || worker.state == "backoff") progress.troubles.push_back(trouble_of(worker));
}

}  // namespace

Answer<Target> parse_target(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view pool = text.substr(0, slash);
    if (!is_name(pool)) return refuse(Exit::usage, "'" + harmless(text) + "' is neither POOL nor POOL/SLOT");
    if (slash == std::string_view::npos) return Target{std::string(pool), std::nullopt};
    const auto slot = parse_integer(text.substr(slash + 1));
    if (!slot || *slot < 0) return refuse(Exit::usage, "'" + harmless(text) + "' does not end in a slot's number");
    return Target{std::string(pool), static_cast<std::uint64_t>(*slot)};
}

Answer<Snapshot> take_snapshot(Client& client) {
    PINION_TRY(pools, client.pools());
    PINION_TRY(workers, client.workers(""));
    return Snapshot{std::move(pools), std::move(workers)};
}

const PoolRow* find_pool(const Snapshot& snapshot, std::string_view name) noexcept {
    const auto found = std::ranges::find(snapshot.pools, name, &PoolRow::name);
    return found == snapshot.pools.end() ? nullptr : &*found;
}

std::unexpected<Failure> no_such_pool(const Snapshot& snapshot, const std::string& name) {
    std::vector<std::string_view> names;
    for (const PoolRow& pool : snapshot.pools) names.push_back(pool.name);
    const auto meant = closest(name, names);
    const std::string hint = meant ? " (did you mean '" + std::string(*meant) + "'?)" : "; see 'pinionctl status'";
    return refuse(Exit::not_found, "there is no pool '" + harmless(name) + "'" + hint);
}

Generations generations_of(std::span<const WorkerRow> workers) {
    Generations generations;
    for (const WorkerRow& worker : workers) generations[worker.name()] = worker.generation;
    return generations;
}

Progress toward_running(const Snapshot& snapshot, std::span<const Target> targets, const Generations* before) {
    Progress progress;
    for (const Target& target : targets) {
        const PoolRow* pool = find_pool(snapshot, target.pool);
        if (pool == nullptr) {
            progress.troubles.push_back("pool '" + target.pool + "' has left the configuration");
            continue;
        }
        for (const WorkerRow& worker : snapshot.workers) {
            if (!target.covers(worker)) continue;
            const bool surplus = !target.slot && worker.slot >= pool->wanted;
            bool is_successor = true;
            if (before != nullptr) {
                const auto old = before->find(worker.name());
                is_successor = surplus || old == before->end() || worker.generation > old->second;
            }
            add_starting(progress, worker, is_successor, surplus);
        }
    }
    return progress;
}

Progress toward_stopped(const Snapshot& snapshot, std::span<const Target> targets) {
    Progress progress;
    for (const WorkerRow& worker : snapshot.workers) {
        const bool meant = std::ranges::any_of(targets, [&](const Target& target) { return target.covers(worker); });
        if (meant && (!is_at_rest(worker.state) || worker.pid != 0)) progress.done = false;
    }
    return progress;
}

Progress toward_scale(const Snapshot& snapshot, const std::string& name, std::uint64_t workers) {
    Progress progress;
    const PoolRow* pool = find_pool(snapshot, name);
    if (pool == nullptr) return {.done = true, .troubles = {"pool '" + name + "' has left the configuration"}};
    std::uint64_t present = 0;
    for (const WorkerRow& worker : snapshot.workers) {
        if (worker.pool != name) continue;
        if (worker.slot < workers) {
            ++present;
            add_starting(progress, worker, true, pool->stopped_by_operator);
        } else if (!is_at_rest(worker.state) || worker.pid != 0) {
            progress.done = false;
        }
    }
    if (present < workers) progress.done = false;
    return progress;
}

Progress toward_rest(const Snapshot& snapshot, std::span<const std::string> pools) {
    Progress progress;
    const auto meant = [&](const std::string& name) {
        return pools.empty() || std::ranges::find(pools, name) != pools.end();
    };
    for (const WorkerRow& worker : snapshot.workers) {
        if (!meant(worker.pool)) continue;
        if (!is_at_rest(worker.state)) progress.done = false;
        if (worker.state == "failed") progress.troubles.push_back(trouble_of(worker));
    }
    // A pool that waits for another has only idle workers, but is not at rest.
    for (const PoolRow& pool : snapshot.pools)
        if (meant(pool.name) && (pool.state == "starting" || pool.state == "stopping")) progress.done = false;
    return progress;
}

Progress toward_health(const Snapshot& snapshot, std::span<const std::string> pools) {
    Progress progress;
    for (const PoolRow& pool : snapshot.pools) {
        if (!pools.empty() && std::ranges::find(pools, pool.name) == pools.end()) continue;
        if (is_healthy(pool)) continue;
        progress.done = false;
        progress.troubles.push_back("pool '" + pool.name + "' is " + harmless(pool.state) +
                                    (pool.note.empty() ? "" : ": " + harmless(pool.note)));
    }
    for (const std::string& name : pools) {
        if (find_pool(snapshot, name) != nullptr) continue;
        progress.done = false;
        progress.troubles.push_back("pool '" + harmless(name) + "' has left the configuration");
    }
    return progress;
}

Answer<Progress> wait_until(Client& client, std::optional<Duration> timeout,
                            const std::function<Progress(const Snapshot&)>& check) {
    const MonotonicTime deadline = timeout ? add_saturating(MonotonicClock::now(), *timeout) : no_deadline;
    for (;;) {
        PINION_TRY(snapshot, take_snapshot(client));
        Progress progress = check(snapshot);
        const MonotonicTime now = MonotonicClock::now();
        if (progress.done || now >= deadline) return progress;
        const Duration left = deadline == no_deadline ? longest_look_apart : deadline - now;
        PINION_TRY(event, client.next_event(std::min(left, longest_look_apart)));
        // One look answers for all events that came together.
        while (event) {
            auto more = client.next_event(Duration::zero());
            if (!more) return std::unexpected(more.error());
            event = std::move(*more);
        }
    }
}

}  // namespace pinion::ctl
