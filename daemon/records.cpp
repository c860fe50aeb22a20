// SPDX-License-Identifier: Apache-2.0
#include "daemon/records.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <optional>
#include <variant>

#include "base/text.h"
#include "base/units.h"
#include "log/messages.h"

namespace pinion::daemon {
namespace {

using namespace supervise;
using log::Priority;
using log::Record;
namespace messages = log::messages;

std::string slot_text(const WorkerId& worker) { return slot_name(worker.pool, worker.slot); }

std::string plural(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

Record of_pool(Priority priority, const log::MessageKind& kind, const std::string& pool, std::string message) {
    Record record = daemon_record(priority, kind, std::move(message));
    record.fields.emplace_back("PINION_POOL", pool);
    return record;
}

Record of_worker(Priority priority, const log::MessageKind& kind, const WorkerId& worker, const WorkerFacts& facts,
                 std::string message) {
    Record record = of_pool(priority, kind, worker.pool, std::move(message));
    record.fields.emplace_back("PINION_SLOT", std::to_string(worker.slot.value));
    record.fields.emplace_back("PINION_GENERATION", std::to_string(worker.generation.value));
    if (!facts.cpus.empty()) record.fields.emplace_back("PINION_CPUS", facts.cpus);
    if (facts.pid > 0) record.fields.emplace_back("OBJECT_PID", std::to_string(facts.pid));
    return record;
}

const char* decision_word(Decision::Kind kind) {
    switch (kind) {
        case Decision::Kind::restart: return "restart";
        case Decision::Kind::complete: return "complete";
        case Decision::Kind::give_up_fatal: return "give-up-fatal";
        case Decision::Kind::give_up_limit: return "give-up-limit";
        case Decision::Kind::give_up_policy: return "give-up-policy";
        case Decision::Kind::stopped: return "stopped";
        case Decision::Kind::replace: return "replace";
    }
    return "";
}

const char* phase_word(Phase phase) {
    switch (phase) {
        case Phase::starting: return "starting";
        case Phase::running: return "running";
        case Phase::stopping: return "stopping";
    }
    return "";
}

// What an exit code means beside its number, as shells and sysexits(3) use it.
std::string_view exit_hint(const Death& death) {
    if (death.cause != Death::Cause::exited) return "";
    switch (death.status) {
        case 126: return " (command found but not executable)";
        case 127: return " (command not found)";
        default: return "";
    }
}

void add_decision(Record& record, const Decision& decision) {
    record.fields.emplace_back("PINION_DECISION", decision_word(decision.kind));
    if (decision.kind == Decision::Kind::restart)
        record.fields.emplace_back("PINION_RETRY_USEC", std::to_string(decision.delay.count()));
    record.fields.emplace_back("PINION_FAILURES_IN_ROW", std::to_string(decision.failures_in_row));
}

bool expected_end(const Decision& decision) {
    return decision.kind == Decision::Kind::complete || decision.kind == Decision::Kind::stopped ||
           decision.kind == Decision::Kind::replace;
}

Priority priority_of(const Decision& decision) {
    if (expected_end(decision)) return Priority::info;
    return decision.kind == Decision::Kind::restart ? Priority::warning : Priority::err;
}

std::string cpus_text(const cpu::Seat& seat) {
    const std::string list = (seat.cpus.empty() ? seat.mask : seat.cpus).to_list();
    if (list.empty()) return "";
    if (seat.cpus.empty()) return fmt::format(" floating on CPUs {}", list);
    return fmt::format(" on CPU{} {}{}", seat.cpus.count() == 1 ? "" : "s", list, seat.exclusive ? ", its own" : "");
}

Record died(const WorkerDied& fact, const WorkerFacts& facts) {
    const Death& death = fact.death;
    std::string message = fmt::format("{}: {}{} after {}", slot_text(fact.worker), to_string(death), exit_hint(death),
                                      format_duration_coarse(fact.uptime));
    if (fact.phase == Phase::starting) message += " while starting";
    message += "; " + describe(fact.decision);
    if (!expected_end(fact.decision) && !death.last_lines.empty())
        message += fmt::format("; its last line: {}", printable(death.last_lines.back(), 200));
    Record record =
        of_worker(priority_of(fact.decision), messages::worker_died, fact.worker, facts, std::move(message));
    const bool exited = death.cause == Death::Cause::exited;
    // systemd's own words and numbers (CLD_EXITED is 1, CLD_KILLED 2, CLD_DUMPED 3).
    record.fields.emplace_back("EXIT_CODE", exited ? "exited" : (death.core_dumped ? "dumped" : "killed"));
    record.fields.emplace_back("EXIT_STATUS",
                               exited ? std::to_string(death.status) : signal_name(death.status).substr(3));
    record.fields.emplace_back("PINION_PHASE", phase_word(fact.phase));
    record.fields.emplace_back("PINION_UPTIME_USEC", std::to_string(fact.uptime.count()));
    record.fields.emplace_back("CPU_USAGE_NSEC", std::to_string((death.cpu_user + death.cpu_system).count() * 1000));
    record.fields.emplace_back("MEMORY_PEAK", std::to_string(death.peak_memory_bytes));
    if (death.oom_killed) record.fields.emplace_back("PINION_OOM_KILLED", "1");
    if (!death.last_lines.empty()) record.fields.emplace_back("PINION_LAST_LINES", join(death.last_lines, "\n"));
    add_decision(record, fact.decision);
    return record;
}

Record not_spawned(const WorkerNotSpawned& fact, const WorkerFacts& facts) {
    Record record = of_worker(priority_of(fact.decision), messages::worker_not_spawned, fact.worker, facts,
                              fmt::format("{}: cannot start: {}; {}", slot_text(fact.worker), to_string(fact.failure),
                                          describe(fact.decision)));
    record.fields.emplace_back("PINION_STAGE", to_string(fact.failure.stage));
    record.fields.emplace_back("ERRNO", std::to_string(fact.failure.error));
    add_decision(record, fact.decision);
    return record;
}

Record operator_acted(const OperatorActed& fact) {
    std::string what = fact.slot ? slot_name(fact.pool, *fact.slot) : fact.pool;
    Record record = of_pool(Priority::notice, messages::operator_acted, fact.pool,
                            fmt::format("{}: {} by {}", what, fact.verb, fact.by));
    if (fact.slot) record.fields.emplace_back("PINION_SLOT", std::to_string(fact.slot->value));
    return record;
}

Record pool_reached(const PoolReached& fact) {
    const bool bad = fact.state == "failed" || fact.state == "degraded";
    const std::string advice =
        fact.state == "failed" ? fmt::format("; 'pinionctl status {}' shows why", fact.pool) : "";
    Record record = of_pool(bad ? Priority::err : Priority::notice, messages::pool_state, fact.pool,
                            fmt::format("{}: {}{}", fact.pool, fact.state, advice));
    record.fields.emplace_back("PINION_STATE", fact.state);
    return record;
}

// The visitor: one short answer a fact.
struct ToRecord {
    const WorkerFacts& facts;

    Record operator()(const PoolAppeared& f) const {
        return of_pool(Priority::info, messages::pool_added, f.pool,
                       fmt::format("{}: new pool of {}", f.pool, plural(f.workers, "worker")));
    }
    Record operator()(const PoolChanged& f) const {
        return of_pool(Priority::notice, messages::pool_changed, f.pool,
                       fmt::format("{}: changed, {}, {}", f.pool, plural(f.workers, "worker"),
                                   f.respawn ? "replacing them one at a time" : "applied without a restart"));
    }
    Record operator()(const PoolLeft& f) const {
        return of_pool(Priority::notice, messages::pool_removed, f.pool, fmt::format("{}: removed", f.pool));
    }
    Record operator()(const PoolWaits& f) const {
        return of_pool(Priority::info, messages::pool_waiting, f.pool,
                       fmt::format("{}: starts when {} {} ready", f.pool, join(f.for_pools, ", "),
                                   f.for_pools.size() == 1 ? "is" : "are"));
    }
    Record operator()(const PoolReached& f) const { return pool_reached(f); }
    Record operator()(const WorkerStarting& f) const {
        return of_worker(Priority::info, messages::worker_started, f.worker, facts,
                         fmt::format("{}: started{}{}", slot_text(f.worker),
                                     facts.pid > 0 ? fmt::format(" as pid {}", facts.pid) : "", cpus_text(f.seat)));
    }
    Record operator()(const WorkerIsReady& f) const {
        return of_worker(Priority::info, messages::worker_ready, f.worker, facts,
                         fmt::format("{}: ready after {}", slot_text(f.worker), format_duration_coarse(f.after)));
    }
    Record operator()(const WorkerStartTimedOut& f) const {
        return of_worker(Priority::warning, messages::worker_start_timeout, f.worker, facts,
                         fmt::format("{}: not ready within start.timeout, after {}; stopping it", slot_text(f.worker),
                                     format_duration_coarse(f.after)));
    }
    Record operator()(const WorkerStopping& f) const {
        return of_worker(Priority::info, messages::worker_stopping, f.worker, facts,
                         fmt::format("{}: stopping with {} ({}), SIGKILL in {}", slot_text(f.worker),
                                     signal_name(f.signal), f.reason, format_duration(f.timeout)));
    }
    Record operator()(const WorkerKilled& f) const {
        return of_worker(Priority::warning, messages::worker_killed, f.worker, facts,
                         fmt::format("{}: SIGKILL to all its processes: {}", slot_text(f.worker), f.reason));
    }
    Record operator()(const WorkerDied& f) const { return died(f, facts); }
    Record operator()(const WorkerNotSpawned& f) const { return not_spawned(f, facts); }
    Record operator()(const OperatorActed& f) const { return operator_acted(f); }
    Record operator()(const RollProgress& f) const {
        return of_pool(Priority::info, messages::roll_progress, f.pool,
                       fmt::format("{}: {} of {} replaced", f.pool, f.done, plural(f.total, "worker")));
    }
};

}  // namespace

Record to_record(const Fact& fact, const WorkerFacts& facts) { return std::visit(ToRecord{facts}, fact); }

Record predecessor_ended(const std::vector<std::string>& slots) {
    return daemon_record(Priority::warning, messages::predecessor_ended,
                         fmt::format("killed what a dead piniond had left running in {}: {}",
                                     plural(slots.size(), "slot"), join(slots, ", ")));
}

std::string describe(const Decision& decision) {
    const std::string in_a_row =
        decision.failures_in_row > 1 ? fmt::format(" ({} in a row)", decision.failures_in_row) : "";
    switch (decision.kind) {
        case Decision::Kind::restart:
            if (decision.delay == Duration::zero()) return "restarting at once" + in_a_row;
            return fmt::format("restarting in {}{}", format_duration_coarse(decision.delay), in_a_row);
        case Decision::Kind::complete: return "completed";
        case Decision::Kind::give_up_fatal:
            return "not restarted: its restart.fatal lists this; 'pinionctl start' tries again";
        case Decision::Kind::give_up_limit:
            return "not restarted: restart.limit is exceeded; 'pinionctl start' tries again";
        case Decision::Kind::give_up_policy:
            return "not restarted: restart.policy is never; 'pinionctl start' tries again";
        case Decision::Kind::stopped: return "stopped as asked";
        case Decision::Kind::replace: return "its successor starts";
    }
    return "";
}

Record daemon_record(Priority priority, const log::MessageKind& kind, std::string message) {
    return {.priority = priority, .message = std::move(message), .kind = &kind, .identifier = "piniond", .fields = {}};
}

Record pool_record(Priority priority, const log::MessageKind& kind, const std::string& pool, std::string message) {
    return of_pool(priority, kind, pool, std::move(message));
}

Record seat_record(Priority priority, const log::MessageKind& kind, const std::string& pool, std::uint32_t slot,
                   std::string message) {
    Record record = of_pool(priority, kind, pool, std::move(message));
    record.fields.emplace_back("PINION_SLOT", std::to_string(slot));
    return record;
}

std::string describe(const std::vector<config::Change>& changes) {
    if (changes.empty()) return "nothing changed";
    std::vector<std::string> parts;
    for (const auto& change : changes) {
        std::string part = fmt::format("{} {}", change.pool, config::to_string(change.kind));
        if (!change.fields.empty()) part += fmt::format(" ({})", join(change.fields, ", "));
        parts.push_back(std::move(part));
    }
    return fmt::format("{} changed: {}", plural(changes.size(), "pool"), join(parts, ", "));
}

}  // namespace pinion::daemon
