// SPDX-License-Identifier: Apache-2.0
// Operators' words: checked against what exists, then handed to the supervisor as events.
#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "daemon/bus_server.h"
#include "daemon/daemon.h"
#include "daemon/records.h"
#include "event/notify.h"
#include "log/messages.h"
#include "model/limits.h"

namespace pinion::daemon {
namespace {

// What the stop may take beyond `shutdown_timeout`: for the last SIGKILLs and what they leave.
constexpr Duration stop_margin = 10s;

}  // namespace

Answer<Target> parse_target(std::string_view text) {
    const auto slash = text.find('/');
    const auto pool = text.substr(0, slash);
    if (!is_name(pool))
        return std::unexpected(
            Refusal{Refusal::Kind::invalid,
                    fmt::format("'{}' names no pool: expected POOL or POOL/SLOT", printable(text, 100))});
    if (slash == std::string_view::npos) return Target{std::string(pool), std::nullopt};
    const auto slot = parse_integer(text.substr(slash + 1));
    if (!slot || *slot < 0 || *slot >= limits::max_workers_per_pool)
        return std::unexpected(
            Refusal{Refusal::Kind::invalid, fmt::format("'{}' names no worker: a slot is a number from 0 to {}",
                                                        printable(text, 100), limits::max_workers_per_pool - 1)});
    return Target{std::string(pool), Slot{static_cast<std::uint32_t>(*slot)}};
}

Answer<void> Daemon::check(const Target& target) const {
    if (const auto unplaced = unplaced_.find(target.pool); unplaced != unplaced_.end())
        return std::unexpected(
            Refusal{Refusal::Kind::refused, fmt::format("pool '{}' has no seats: {}", target.pool, unplaced->second)});
    if (!supervisor_.has_pool(target.pool)) {
        std::vector<std::string_view> names;
        if (config_)
            for (const auto& [name, spec] : config_->pools()) names.push_back(name);
        const auto meant = closest(target.pool, names);
        return std::unexpected(Refusal{
            Refusal::Kind::not_found,
            fmt::format("no pool '{}'{}", target.pool, meant ? fmt::format(" (did you mean '{}'?)", *meant) : "")});
    }
    if (target.slot && !supervisor_.has_slot(target.pool, *target.slot))
        return std::unexpected(Refusal{
            Refusal::Kind::not_found,
            fmt::format("no worker '{}': pool '{}' has {} slots, counted from 0", slot_name(target.pool, *target.slot),
                        target.pool, supervisor_.workers(target.pool).size())});
    if (supervisor_.shutting_down()) return std::unexpected(Refusal{Refusal::Kind::refused, "piniond is stopping"});
    return {};
}

Answer<void> Daemon::start_target(const Target& target, const std::string& by) {
    if (auto checked = check(target); !checked) return checked;
    dispatch(supervise::StartRequested{target.pool, target.slot, by});
    return {};
}

Answer<void> Daemon::stop_target(const Target& target, const std::string& by) {
    if (auto checked = check(target); !checked) return checked;
    dispatch(supervise::StopRequested{target.pool, target.slot, by});
    return {};
}

Answer<void> Daemon::restart_target(const Target& target, const std::string& by) {
    if (auto checked = check(target); !checked) return checked;
    for (const auto& worker : supervisor_.workers(target.pool))
        if (!target.slot || worker.slot == *target.slot) keeping_.drift.forgive(target.pool, worker.slot.value);
    dispatch(supervise::RestartRequested{target.pool, target.slot, by});
    return {};
}

Answer<std::uint32_t> Daemon::kill_target(const Target& target, int signal, const std::string& by) {
    if (auto checked = check(target); !checked) return std::unexpected(std::move(checked).error());
    if (signal < 1 || signal > 64)
        return std::unexpected(Refusal{Refusal::Kind::invalid, fmt::format("{} is no signal: 1 to 64", signal)});
    std::uint32_t live = 0;
    for (const auto& worker : supervisor_.workers(target.pool)) {
        if (target.slot && *target.slot != worker.slot) continue;
        if (workers_.facts(target.pool, worker.slot).pid != 0) ++live;
    }
    dispatch(supervise::SignalRequested{target.pool, target.slot, signal, by});
    return live;
}

Answer<void> Daemon::scale(const std::string& pool, std::uint32_t workers, const std::string& by) {
    if (!unplaced_.contains(pool))
        if (auto checked = check({pool, std::nullopt}); !checked) return checked;
    if (workers > limits::max_workers_per_pool)
        return std::unexpected(
            Refusal{Refusal::Kind::invalid, fmt::format("scale '{}' to {}: the bound is {} workers a pool", pool,
                                                        workers, limits::max_workers_per_pool)});
    if (!config_->pools().contains(pool))
        return std::unexpected(Refusal{Refusal::Kind::refused, fmt::format("pool '{}' is being removed", pool)});
    auto scales = scales_;
    scales[pool] = workers;
    auto kept = plan_for(*config_, scales, ground(), {});
    const cpu::Plan& plan = kept.plan;
    if (const auto why = error_of(plan, pool); !why.empty())
        return std::unexpected(
            Refusal{Refusal::Kind::refused, fmt::format("scale '{}' to {}: {}", pool, workers, why)});
    std::uint32_t total = 0;
    for (const auto& placed : plan.pools) total += static_cast<std::uint32_t>(placed.seats.size());
    if (total > limits::max_workers)
        return std::unexpected(
            Refusal{Refusal::Kind::refused, fmt::format("scale '{}' to {}: {} workers in all, the bound is {}", pool,
                                                        workers, total, limits::max_workers)});
    scales_ = std::move(scales);
    record(pool_record(log::Priority::notice, log::messages::operator_acted, pool,
                       fmt::format("{}: scale to {} by {}, until `workers` changes in the file", pool, workers, by)));
    declare(*config_, {}, std::move(kept));
    keep_seats();
    return {};
}

void Daemon::shut_down(const std::string& reason) {
    // A second Ctrl-C or SIGTERM means: now.
    const bool at_once = supervisor_.shutting_down();
    const Duration timeout = at_once ? Duration::zero() : config_->daemon().shutdown_timeout;
    if (!at_once) {
        event::notify_stopping("stopping: " + reason, timeout + stop_margin);
        watch_->disarm();
        keeping_.watch->disarm();
        keeping_.audit->set_period({});
        record(
            daemon_record(log::Priority::notice, log::messages::daemon_stopping,
                          fmt::format("stopping on {}: every worker gets its stop signal, then SIGKILL; all within {} "
                                      "(again: at once)",
                                      reason, format_duration(timeout))));
    }
    dispatch(supervise::ShutdownRequested{timeout, reason});
}

}  // namespace pinion::daemon
