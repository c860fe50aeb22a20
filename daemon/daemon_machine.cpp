// SPDX-License-Identifier: Apache-2.0
// How seats are kept: over restarts of the daemon, while CPUs come and go, and against those who change masks.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cpu/places.h"
#include "daemon/daemon.h"
#include "daemon/records.h"
#include "daemon/usage.h"
#include "log/messages.h"
#include "model/limits.h"

namespace pinion::daemon {

namespace messages = log::messages;

namespace {

std::string and_or(const CpuSet& gone, const CpuSet& come) {
    std::string text;
    if (!gone.empty()) text = "gone: " + gone.to_list();
    if (!come.empty()) text += (text.empty() ? "come: " : ", come: ") + come.to_list();
    return text;
}

}  // namespace

Result<void> Daemon::add_keepers() {
    PINION_TRY(reader, MachineReader::make(
                           loop_, [] { return read_machine(); },
                           [this](Result<Machine> found, MachineReader::Run) { machine_read(std::move(found)); }));
    PINION_TRY(watch, MachineWatch::make(loop_, [this] {
                   keeping_.told = keeping_.watch->last_sign();
                   keeping_.reader->request();
               }));
    PINION_TRY(audit, Audit::make(
                          loop_, workers_, [this](const Audit::Drift& drift) { drifted(drift); },
                          [this](const WorkerId& worker, std::uint32_t runnable, std::uint32_t room) {
                              if (keeping_.starved.looked(worker, runnable, room, loop_.now()))
                                  tell_starved(worker, runnable, room);
                          }));
    // Where the kernel does not tell, it is looked when masks are: an idle machine is not woken for it.
    if (auto pressure = event::CpuPressure::open(loop_, workers_.pressure_file(), [this] { keeping_.audit->press(); }))
        keeping_.pressure.emplace(std::move(*pressure));
    else
        audit->expect_no_word();
    PINION_TRY(home, loop_.add_timer(event::Priority::commands, [this] {
        if (!supervisor_.shutting_down()) seat_again(true);
    }));
    keeping_.reader = std::move(reader);
    keeping_.watch = std::move(watch);
    keeping_.watch->arm();
    keeping_.audit = std::move(audit);
    keeping_.home_timer = std::move(home);
    return {};
}

// What a daemon of this boot left of its seats. The mask that we were started with is read but once: later it is our
// own. One that was executed anew in the same process has narrowed it already.
void Daemon::recall_seats(Machine& machine) {
    keeping_.inherited = cpu::bounding_mask(machine.limits, machine.topology.root.cpus);
    auto found = keeping_.ledger.read();
    std::string why = found ? "" : found.error().message;
    if (found && *found) {
        cpu::LedgerFile& left = **found;
        if (!cpu::take_places(machine.topology, left.places)) {
            why = "read the ledger: it is of another machine";
        } else {
            seats_ = std::move(left.seats);
            keeping_.origins.recall(seats_);
            if (left.owner == own_process()) keeping_.inherited = left.inherited.value_or(CpuSet{});
        }
    }
    if (!why.empty())
        record(daemon_record(log::Priority::notice, messages::ledger_ignored, why + "; all seats are chosen anew"));
    machine_.topology.places = cpu::places_of(machine.topology);
}

// What was read, with what the machine does not tell of itself: the numbers of its places, and the first mask.
Machine Daemon::accepted(Machine found) const {
    found.limits.inherited = keeping_.inherited;
    // Never contradictory on one boot; the numbers are then those of now.
    found.topology.places = {};
    static_cast<void>(cpu::take_places(found.topology, machine_.topology.places));
    return found;
}

void Daemon::machine_read(Result<Machine> found) {
    if (supervisor_.shutting_down() || !config_) return;
    keeping_.watch->arm();
    if (!found) {
        record(daemon_record(log::Priority::warning, messages::config_warning,
                             found.error().message + "; all seats stay where they are"));
        return;
    }
    Machine now = later_of(machine_, accepted(std::move(*found)));
    const CpuSet before = usable_cpus(*config_, machine_).base;
    const bool same = now.topology == machine_.topology && usable_cpus(*config_, now).base == before;
    machine_ = std::move(now);
    if (!same) {
        const CpuSet after = usable_cpus(*config_, machine_).base;
        if (after != before)
            record(daemon_record(log::Priority::notice, messages::cpus_changed,
                                 fmt::format("the CPUs that pools may use changed, {}; now {}",
                                             and_or(before - after, after - before), after.to_list())));
        seat_again(false);
    }
    keeping_.told.reset();
    // Masks of those who were not concerned may have been reset with the others'.
    keeping_.own = {};
    move_ourselves();
    if (!kernel_keeps_pins()) keeping_.audit->look_now(true);
}

// Who lost CPUs, and who has them back.
void Daemon::tell_displaced(const cpu::KeptSeats& before) {
    for (const auto& kept : seats_) {
        const auto* placed = plan_.find(kept.pool);
        if (placed == nullptr || kept.slot >= placed->seats.size()) continue;
        auto told = displacement(cpu::find_kept(before, kept.pool, kept.slot), kept, placed->seats[kept.slot]);
        if (told.sentence.empty()) continue;
        if (told.home)
            record(seat_record(log::Priority::notice, messages::seat_home, kept.pool, kept.slot,
                               std::move(told.sentence)));
        else
            record(seat_record(log::Priority::warning, messages::seat_moved, kept.pool, kept.slot,
                               std::move(told.sentence)));
    }
}

// After each plan that has taken effect.
void Daemon::keep_seats() {
    auto written = keeping_.ledger.write(
        {.boot = {},
         .owner = own_process(),
         .inherited = keeping_.inherited.empty() ? std::nullopt : std::optional(keeping_.inherited),
         .places = machine_.topology.places,
         .seats = seats_});
    if (!written && !keeping_.write_failed)
        record(daemon_record(log::Priority::warning, messages::config_warning,
                             written.error().message + "; a restart of the daemon may move workers"));
    keeping_.write_failed = !written;
    keeping_.origins.follow(seats_);
    move_ourselves();
    arm_home_timer();
    set_audit_period();
    after_turn();  // who came home, and whose mask is forgiven, shows in the pools' states
}

// CPUs must be back for a while before anybody goes home to them, from when the kernel told of them, not from when we
// had looked. CPUs that nobody waits for change nothing of that.
void Daemon::arm_home_timer() {
    if (std::exchange(keeping_.awaited, keeping_.returning) == keeping_.returning) return;
    const MonotonicTime since = keeping_.told.value_or(loop_.now());
    keeping_.home_timer.arm(keeping_.returning.empty() ? no_deadline : since + limits::home_delay);
}

// The daemon keeps off the CPUs that workers own.
void Daemon::move_ourselves() {
    const cpu::UsableCpus usable = usable_cpus(*config_, machine_);
    CpuSet own = usable.reserved | plan_.shared;
    if (own.empty()) own = usable.base;
    if (own.empty() || own == keeping_.own) return;
    if (auto moved = cpu::pin_process(::getpid(), own); !moved)
        record(daemon_record(log::Priority::warning, messages::config_warning,
                             "keep the daemon off the workers' CPUs: " + moved.error().message));
    keeping_.own = std::move(own);
}

// Under cpusets of their own nobody but root can widen a mask, and the kernel itself keeps it.
bool Daemon::kernel_keeps_pins() const { return enforcement_ && enforcement_->level == Enforcement::cpuset; }

void Daemon::set_audit_period() {
    const auto is_soft = [](const cpu::Seat& seat) { return !seat.exclusive && !seat.cpus.empty(); };
    const auto period = audit_period({.wish = config_->machine().audit,
                                      .kernel_keeps_pins = kernel_keeps_pins(),
                                      .kernel_tells_pressure = keeping_.pressure.has_value(),
                                      .soft_workers = std::ranges::any_of(plan_.pools, [&](const cpu::PoolSeats& pool) {
                                          return std::ranges::any_of(pool.seats, is_soft);
                                      })});
    keeping_.audit->set_period(period);
    if (!keeping_.pressure) keeping_.starved.expect_looks(period);
}

void Daemon::tell_starved(const WorkerId& worker, std::uint32_t runnable, std::uint32_t room) {
    record(seat_record(
        log::Priority::warning, messages::worker_starved, worker.pool, worker.slot.value,
        fmt::format("W_STARVED {}: for {}s it has had more threads to run ({} now) than its core can ({}). Try: "
                    "cpu: none, or cores of its own, as in cpu: 4 cores",
                    slot_name(worker.pool, worker.slot),
                    std::chrono::duration_cast<std::chrono::seconds>(cpu::StarvedWatch::patience).count(), runnable,
                    room)));
}

void Daemon::drifted(const Audit::Drift& drift) {
    using Verdict = cpu::DriftWatch::Verdict;
    const auto& [pool, slot, generation] = drift.worker;
    const auto verdict = keeping_.drift.drifted(pool, slot.value, loop_.now(), drift.excused);
    if (verdict == Verdict::leave) return;
    const bool below = drift.pid != workers_.facts(pool, slot).pid;
    const std::string name = slot_name(pool, slot) + (below ? fmt::format(" (process {} of its tree)", drift.pid) : "");
    changed_pools_.insert(pool);
    if (verdict == Verdict::contested) {
        auto told = seat_record(
            log::Priority::err, messages::seat_contested, pool, slot.value,
            fmt::format("{}: its CPUs were set to '{}' once more, {} times a minute are too many to be chance; it is "
                        "left alone until it is restarted or the configuration is loaded again",
                        name, drift.found.to_list(), cpu::DriftWatch::most_repairs + 1));
        told.fields.emplace_back("OBJECT_PID", std::to_string(drift.pid));
        record(std::move(told));
        after_turn();
        return;
    }
    const auto pinned = workers_.pin_tree(drift.worker);
    // CPUs that are ours no more, and nobody told.
    if (!pinned) keeping_.reader->request();
    const auto suspect =
        drift.excused ? cpu::Suspect::kernel : cpu::suspect_of(drift.found, usable_cpus(*config_, machine_).base);
    auto told = seat_record(
        log::Priority::warning, messages::seat_drift, pool, slot.value,
        fmt::format("{}: its CPUs were '{}' instead of '{}', {}; suspect: {}", name, drift.found.to_list(),
                    drift.permitted.to_list(), pinned ? "set again" : "and can't be set: " + pinned.error().message,
                    cpu::to_string(suspect)));
    told.fields.emplace_back("PINION_CPUS", drift.permitted.to_list());
    told.fields.emplace_back("PINION_CPUS_FOUND", drift.found.to_list());
    told.fields.emplace_back("OBJECT_PID", std::to_string(drift.pid));
    record(std::move(told));
    after_turn();
}

}  // namespace pinion::daemon
