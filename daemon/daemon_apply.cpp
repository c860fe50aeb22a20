// SPDX-License-Identifier: Apache-2.0
// How a configuration takes effect: all of it is validated and planned before anything changes.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "base/text.h"
#include "daemon/bus_server.h"
#include "daemon/daemon.h"
#include "daemon/jobs/job_host.h"
#include "daemon/oom_sight.h"
#include "daemon/records.h"
#include "event/notify.h"
#include "log/messages.h"
#include "model/substitution.h"

namespace pinion::daemon {
namespace {

namespace messages = log::messages;

// More than this is for `pinionctl check`.
constexpr std::size_t recorded_reasons = 20;

std::vector<std::string> sentences(const std::vector<config::Diagnostic>& diagnostics) {
    std::vector<std::string> lines;
    for (const auto& diagnostic : diagnostics) lines.push_back(config::to_string(diagnostic));
    return lines;
}

const std::vector<cpu::Seat>* seats_of(const cpu::Plan& plan, const std::string& pool) {
    const auto* found = plan.find(pool);
    return found != nullptr ? &found->seats : nullptr;
}

bool same_seats(const std::vector<cpu::Seat>* before, const std::vector<cpu::Seat>* after) {
    return before != nullptr && after != nullptr && *before == *after;
}

// Whether a slot that both plans have sits elsewhere in the second.
bool any_moved(const std::vector<cpu::Seat>* before, const std::vector<cpu::Seat>* after) {
    if (before == nullptr || after == nullptr) return false;
    const auto common = std::min(before->size(), after->size());
    return !std::equal(before->begin(), before->begin() + static_cast<std::ptrdiff_t>(common), after->begin());
}

// How many more seats a pool has than before: none for one that moves or shrinks.
std::size_t seats_gained(const cpu::PoolSeats* before, const cpu::PoolSeats* after) {
    const std::size_t had = before != nullptr ? before->seats.size() : 0;
    const std::size_t has = after != nullptr ? after->seats.size() : 0;
    return has > had ? has - had : 0;
}

// "web/3: from CPUs 0,8 to 4,12", for each slot that both plans have.
std::vector<std::string> moves_between(const cpu::Plan& before, const cpu::Plan& after) {
    std::vector<std::string> moves;
    for (const auto& pool : after.pools) {
        const auto* old = seats_of(before, pool.pool);
        const auto common = old == nullptr ? 0 : std::min(old->size(), pool.seats.size());
        for (std::size_t slot = 0; slot < common; ++slot) {
            const auto& from = (*old)[slot];
            const auto& to = pool.seats[slot];
            if (from.mask != to.mask)
                moves.push_back(fmt::format("{}: from CPUs {} to {}", slot_name(pool.pool, Slot{to.slot}),
                                            from.mask.to_list(), to.mask.to_list()));
        }
    }
    return moves;
}

// Warns of pinned strangers, or takes the pools that they disturb out of the plan.
void judge_foreign_pins(cpu::Plan& plan, const Machine& machine, const MachineSpec& spec) {
    if (spec.foreign_pins == MachineSpec::ForeignPins::ignore) return;
    const bool errors = spec.foreign_pins == MachineSpec::ForeignPins::error;
    for (auto& note : cpu::foreign_notes(plan, machine.foreign, errors)) {
        if (errors) std::erase_if(plan.pools, [&](const auto& pool) { return pool.pool == note.pool; });
        (errors ? plan.errors : plan.warnings).push_back(std::move(note));
    }
}

// Whether a worker's command line, environment or folder names its CPUs: then it can't be moved while it runs.
bool seat_in_text(const PoolSpec& spec) {
    return std::ranges::any_of(spec.command.argv, depends_on_seat) || depends_on_seat(spec.cwd) ||
           std::ranges::any_of(spec.env, [](const auto& variable) { return depends_on_seat(variable.second); });
}

}  // namespace

void Daemon::reload(ReloadDone done) { ask_for_load(std::move(done), false); }

void Daemon::ask_for_load(ReloadDone done, bool anew) {
    if (supervisor_.shutting_down()) {
        done({.accepted = false, .changed = false, .messages = {"reload: piniond is stopping"}});
        return;
    }
    event::notify_reloading("reloading the configuration");
    asked_loads_.push_back({.run = loader_->request(), .done = std::move(done), .anew = anew});
}

void Daemon::rebalance(const std::string& by, ReloadDone done) {
    if (!supervisor_.shutting_down())
        record(daemon_record(log::Priority::notice, messages::config_loaded, "rebalance by " + by));
    ask_for_load(std::move(done), true);
}

void Daemon::loaded(Loaded found, Loader::Run run) {
    const auto later = std::ranges::upper_bound(asked_loads_, run, {}, &AskedLoad::run);
    std::vector<AskedLoad> asked(std::make_move_iterator(asked_loads_.begin()), std::make_move_iterator(later));
    asked_loads_.erase(asked_loads_.begin(), later);
    const auto by_somebody = [](const AskedLoad& ask) { return bool{ask.done}; };
    const bool anew = std::ranges::any_of(asked, &AskedLoad::anew);
    const bool by_watch = std::ranges::none_of(asked, by_somebody);
    const auto refused_before = refused_reload_;
    ReloadOutcome outcome = supervisor_.shutting_down() ? ReloadOutcome{false, false, {"reload: piniond is stopping"}}
                                                        : apply(std::move(found), anew);
    if (!supervisor_.shutting_down()) arm_watch();
    // A watch sees every touch of a file: a reload that changes nothing is said only to somebody who asked.
    if (outcome.accepted && !outcome.changed && (!by_watch || !refused_before.empty()))
        record(daemon_record(log::Priority::info, messages::config_loaded, "reload: nothing changed"));
    for (auto& ask : asked)
        if (ask.done) ask.done(outcome);
    // Else the service manager would take this load for the one that somebody has asked for since.
    if (std::ranges::any_of(asked_loads_, by_somebody)) return;
    event::notify_ready(status_line(pool_views(), supervisor_.shutting_down(), refused_reload_));
}

ReloadOutcome Daemon::refuse(std::vector<std::string> reasons) {
    const std::string then = config_ ? "; keeping the previous configuration" : "";
    refused_reload_ = reasons.front();
    const auto shown = std::min(reasons.size(), recorded_reasons);
    for (std::size_t i = 0; i < shown; ++i)
        record(daemon_record(log::Priority::err, messages::config_refused, reasons[i]));
    const std::string more =
        reasons.size() > shown ? fmt::format(" ({} more: pinionctl check)", reasons.size() - shown) : "";
    record(daemon_record(log::Priority::err, messages::config_refused,
                         fmt::format("load '{}': refused for {} error{}{}{}", options_.config, reasons.size(),
                                     reasons.size() == 1 ? "" : "s", more, then)));
    return {.accepted = false, .changed = false, .messages = std::move(reasons)};
}

// Errors of pools that this change touches, or that had seats until now. A pool that could not be placed before and is
// unchanged does not stand in the way of the others.
std::vector<std::string> Daemon::plan_objections(const cpu::Plan& plan,
                                                 const std::vector<config::Change>& changes) const {
    std::vector<std::string> objections;
    for (const auto& error : plan.errors) {
        const bool touched =
            std::ranges::any_of(changes, [&](const auto& change) { return change.pool == error.pool; });
        if (touched || !unplaced_.contains(error.pool)) objections.push_back(cpu::to_string(error));
    }
    return objections;
}

ReloadOutcome Daemon::apply(Loaded found, bool anew) {
    if (!found.config) return refuse(sentences(found.config.error()));
    config::Config next = std::move(*found.config);
    if (!found.machine && !config_) return refuse({found.machine.error().message});
    Machine machine = found.machine ? later_of(machine_, accepted(std::move(*found.machine))) : machine_;

    const auto changes = config::diff(config_ ? &*config_ : nullptr, next);
    auto scales = surviving(scales_, changes);
    // At the first load nobody runs yet, so that who may go home is there at once.
    const cpu::KeptSeats none;
    auto kept =
        plan_for(next, scales, {.machine = machine, .seats = anew ? none : seats_, .go_home = !config_}, changes);
    // A ledger must not keep anybody from starting.
    if (!config_ && !seats_.empty() && !kept.plan.errors.empty()) {
        auto cold = plan_for(next, scales, {.machine = machine, .seats = {}}, changes);
        if (cold.plan.errors.size() < kept.plan.errors.size()) {
            record(daemon_record(log::Priority::notice, messages::ledger_ignored,
                                 "with the seats of the ledger not all pools have room; all seats are chosen anew"));
            kept = std::move(cold);
        }
    }
    cpu::Plan& plan = kept.plan;
    judge_foreign_pins(plan, machine, next.machine());
    if (config_) {
        auto objections = plan_objections(plan, changes);
        if (!objections.empty()) return refuse(std::move(objections));
    }
    // Last, since it acts on the host where it succeeds.
    auto level = workers_.settle_enforcement(next.machine().enforce);
    if (!level) return refuse({level.error().message});
    machine_ = std::move(machine);
    scales_ = std::move(scales);
    keeping_.reserved = usable_cpus(next, machine_).reserved;
    keeping_.drift.forgive_all();
    refused_reload_.clear();
    keep_pins_by(std::move(*level));

    ReloadOutcome outcome = tell(next, changes, plan);
    if (anew) {
        auto moves = moves_between(plan_, plan);
        outcome.changed |= !moves.empty();
        const std::span shown(moves.begin(), std::min(moves.size(), recorded_reasons));
        if (!moves.empty())
            record(daemon_record(
                log::Priority::notice, messages::config_loaded,
                fmt::format("rebalance: {}{}", join(shown, "; "), moves.size() > shown.size() ? "; and others" : "")));
        std::ranges::move(moves, std::back_inserter(outcome.messages));
    }
    declare(next, changes, std::move(kept));
    config_.emplace(std::move(next));
    keep_seats();
    return outcome;
}

// What is about to change, to the journal and to who asked.
ReloadOutcome Daemon::tell(const config::Config& next, const std::vector<config::Change>& changes,
                           const cpu::Plan& plan) {
    const bool daemon_changed = config_ && (config_->daemon() != next.daemon() || config_->machine() != next.machine());
    ReloadOutcome outcome{.accepted = true, .changed = !changes.empty() || daemon_changed, .messages = {}};
    for (const auto& change : changes) outcome.messages.push_back(describe({change}));
    for (const auto& warning : next.warnings()) {
        outcome.messages.push_back(config::to_string(warning));
        record(daemon_record(log::Priority::warning, messages::config_warning, config::to_string(warning)));
    }
    for (const auto& warning : plan.warnings) {
        outcome.messages.push_back("warning: " + cpu::to_string(warning));
        if (changes.empty() && !daemon_changed) continue;
        record(daemon_record(log::Priority::warning, messages::config_warning, cpu::to_string(warning)));
    }
    const auto unseen = unseen_oom_deaths(next.pools(), workers_.oom_sight());
    if (!unseen.empty()) outcome.messages.push_back("warning: " + unseen);
    if (std::exchange(unseen_oom_deaths_, unseen) != unseen && !unseen.empty())
        record(daemon_record(log::Priority::warning, messages::config_warning, unseen));
    if (!changes.empty() && config_)
        record(daemon_record(log::Priority::notice, messages::config_loaded, "reload: " + describe(changes)));
    for (const auto& change : config_ ? config::semaphore_changes(*config_, next) : std::vector<std::string>()) {
        outcome.changed = true;
        outcome.messages.push_back(change);
        record(daemon_record(log::Priority::notice, messages::config_loaded, "reload: " + change));
    }
    return outcome;
}

// Says once what was chosen.
void Daemon::keep_pins_by(ChosenLevel chosen) {
    if (chosen == enforcement_) return;
    record(daemon_record(log::Priority::info, messages::enforcement, describe(chosen)));
    for (const auto& [pool, message] : workers_.keep_pins_by(chosen.level))
        record(pool_record(log::Priority::warning, messages::worker_pin_failed, pool,
                           message + ", it keeps its old CPUs"));
    enforcement_ = std::move(chosen);
}

// Tells the supervisor what is new, different, gone or seated elsewhere; nothing of the rest. Who gives seats up is
// told before who gets them.
void Daemon::declare(const config::Config& next, const std::vector<config::Change>& changes, cpu::Kept kept) {
    const cpu::Plan before = std::exchange(plan_, std::move(kept.plan));
    seats_ = std::move(kept.seats);
    keeping_.returning = kept.returning;
    workers_.set_output_budget(next.daemon().log_lines_per_second);
    std::map<std::string, const config::Change*> by_pool;
    for (const auto& change : changes) by_pool.emplace(change.pool, &change);

    for (const auto& change : changes) {
        if (change.kind != config::ChangeKind::removed) continue;
        unplaced_.erase(change.pool);
        changed_pools_.insert(change.pool);
        jobs_->withdraw(change.pool);
        if (supervisor_.has_pool(change.pool)) dispatch(supervise::PoolWithdrawn{change.pool});
    }
    jobs_->declare_semaphores(next.semaphores());
    std::vector<SpecPtr> in_turn;
    for (const auto& [name, spec] : next.pools()) in_turn.push_back(spec);
    const auto gets = [&](const SpecPtr& spec) {
        return seats_gained(before.find(spec->name), plan_.find(spec->name));
    };
    std::ranges::stable_sort(in_turn, {}, gets);
    for (const auto& spec : in_turn) {
        const auto change = by_pool.find(spec->name);
        declare_pool(spec, before, change == by_pool.end() ? nullptr : change->second);
    }
}

void Daemon::declare_pool(const SpecPtr& spec, const cpu::Plan& before, const config::Change* change) {
    const std::string& name = spec->name;
    if (spec->jobs)
        jobs_->declare(spec);
    else
        jobs_->withdraw(name);
    const auto* seats = seats_of(plan_, name);
    if (seats == nullptr) {
        const auto why = error_of(plan_, name);
        if (std::exchange(unplaced_[name], why) != why)
            record(pool_record(log::Priority::err, messages::pool_unplaceable, name,
                               fmt::format("{}: not started: {}", name, why)));
        changed_pools_.insert(name);
        return;
    }
    unplaced_.erase(name);
    if (change == nullptr && same_seats(seats_of(before, name), seats)) return;
    const bool replaced = change != nullptr && change->kind == config::ChangeKind::replaced;
    const bool respawn = replaced || (seat_in_text(*spec) && any_moved(seats_of(before, name), seats));
    dispatch(supervise::PoolDeclared{spec, *seats, respawn});
}

// CPUs came or went, or are there again for long enough. Counts and pools are as they were.
void Daemon::seat_again(bool go_home) {
    Ground now = ground();
    now.go_home = go_home;
    cpu::Kept kept = plan_again(*config_, keeping_.reserved, now);
    const cpu::Plan before = std::exchange(plan_, std::move(kept.plan));
    const cpu::KeptSeats seats_before = std::exchange(seats_, std::move(kept.seats));
    keeping_.returning = kept.returning;
    for (const auto& pool : plan_.pools) {
        const auto* old = seats_of(before, pool.pool);
        if (same_seats(old, &pool.seats)) continue;
        const auto& spec = config_->pools().at(pool.pool);
        const bool respawn = seat_in_text(*spec) && any_moved(old, &pool.seats);
        dispatch(supervise::PoolDeclared{spec, pool.seats, respawn, true});
        changed_pools_.insert(pool.pool);
    }
    tell_displaced(seats_before);
    keep_seats();
}

// After every load, refused ones too: a folder may have come, or been replaced, meanwhile.
void Daemon::arm_watch() {
    if (!config_->daemon().watch) {
        watch_->disarm();
        return;
    }
    for (const auto& failure : watch_->arm())
        record(daemon_record(log::Priority::warning, messages::config_warning,
                             failure + "; saved files are not noticed, use pinionctl reload"));
}

}  // namespace pinion::daemon
