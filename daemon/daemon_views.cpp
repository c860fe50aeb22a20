// SPDX-License-Identifier: Apache-2.0
// What is shown: the supervisor's values joined with the processes' facts.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "cpu/findings.h"
#include "cpu/machine.h"
#include "daemon/bus_server.h"
#include "daemon/daemon.h"
#include "daemon/jobs/job_host.h"
#include "daemon/jobs/job_records.h"
#include "daemon/records.h"
#include "model/limits.h"

namespace pinion::daemon {
namespace {

using supervise::PoolState;
using supervise::WorkerState;

// CPU time over less than this says little about a rate; the former rate is shown again.
constexpr Duration shortest_sample = 500ms;
constexpr std::uint32_t curve_length = 10;

const char* to_string(RestartWhen policy) {
    switch (policy) {
        case RestartWhen::always: return "always";
        case RestartWhen::on_failure: return "on_failure";
        case RestartWhen::never: return "never";
    }
    return "";
}

}  // namespace

WallTime Daemon::wall(MonotonicTime time) const { return wall_now() - (MonotonicClock::now() - time); }

std::vector<PoolRow> Daemon::pool_rows() {
    std::vector<PoolRow> rows;
    for (const auto& view : supervisor_.pools()) add_usage(rows.emplace_back(to_row(view)));
    for (const auto& [name, why] : unplaced_)
        if (!supervisor_.has_pool(name)) rows.push_back(unplaced_row(name, why));
    std::ranges::sort(rows, {}, &PoolRow::name);
    return rows;
}

std::optional<PoolRow> Daemon::pool_row(const std::string& pool) const {
    if (const auto view = supervisor_.pool(pool)) return to_row(*view);
    if (const auto unplaced = unplaced_.find(pool); unplaced != unplaced_.end())
        return unplaced_row(pool, unplaced->second);
    return std::nullopt;
}

PoolRow Daemon::unplaced_row(const std::string& pool, const std::string& why) const {
    PoolRow row;
    row.name = pool;
    row.state = supervise::to_string(PoolState::failed);
    row.since = started_;
    row.wanted = config_->pools().at(pool)->workers.number;
    row.note = why;
    return row;
}

std::vector<supervise::PoolView> Daemon::pool_views() const {
    auto views = supervisor_.pools();
    for (auto& view : views) add_pin_state(view);
    for (const auto& [name, why] : unplaced_) {
        if (supervisor_.has_pool(name)) continue;
        auto& view = views.emplace_back();
        view.name = name;
        view.state = PoolState::failed;
        view.wanted = config_->pools().at(name)->workers.number;
        view.note = why;
    }
    std::ranges::sort(views, {}, &supervise::PoolView::name);
    return views;
}

PoolRow Daemon::to_row(supervise::PoolView view) const {
    add_pin_state(view);
    PoolRow row;
    row.name = view.name;
    row.state = supervise::to_string(view.state);
    row.since = wall(view.since);
    row.wanted = view.wanted;
    row.running = view.running;
    row.note = view.note;
    row.withdrawn = view.withdrawn;
    row.stopped_by_operator = view.stopped_by_operator;
    CpuSet held;
    std::vector<std::string> seats;
    for (const auto& worker : supervisor_.workers(view.name)) {
        const bool up = workers_.facts(view.name, worker.slot).pid != 0;
        if (up) ++row.up;
        row.exits += worker.generation.value - (up && worker.generation.value > 0 ? 1 : 0);
        held |= worker.seat.cpus;
        auto seat = worker.seat.cpus.empty() ? std::string("-") : worker.seat.cpus.to_list();
        if (std::ranges::find(seats, seat) == seats.end()) seats.push_back(std::move(seat));
    }
    row.seats = join(seats, "+");
    row.cores_held = held.count();
    row.jobs = jobs_->figures(view.name);
    if (!row.jobs) return row;
    row.kind = "jobs";
    // What its workers do is of no use while nothing is handed to them.
    if (row.jobs->mode == "paused" && row.state == "running") {
        row.state = "paused";
        row.note = paused_note(view.name, *row.jobs, wall_now());
    }
    return row;
}

void Daemon::add_usage(PoolRow& row) {
    Duration cpu{};
    for (const auto& worker : supervisor_.workers(row.name)) {
        const auto used = workers_.usage(row.name, worker.slot);
        if (!used) continue;
        cpu += used->cpu;
        row.memory_bytes += used->memory_bytes;
    }
    auto& sample = cpu_samples_[row.name];
    const auto now = loop_.now();
    const bool first = sample.at == MonotonicTime{};
    const auto passed = first ? now - (MonotonicClock::now() - (wall_now() - row.since)) : now - sample.at;
    if (passed >= shortest_sample) {
        // A worker that ended took its time with it: the sum may fall, and the rate then waits for the next look.
        if (cpu >= sample.cpu)
            sample.rate = static_cast<double>((cpu - sample.cpu).count()) / static_cast<double>(passed.count());
        sample.at = now;
        sample.cpu = cpu;
    }
    row.cores_used = sample.rate;
}

// A pool whose workers all run, but not all where they belong, is not as it should be.
void Daemon::add_pin_state(supervise::PoolView& view) const {
    const auto* placed = plan_.find(view.name);
    if (placed == nullptr || view.withdrawn || view.stopped_by_operator) return;
    std::string trouble;
    for (const auto& seat : placed->seats) {
        trouble = pin_trouble(view.name, seat);
        if (trouble.empty()) continue;
        trouble = slot_name(view.name, Slot{seat.slot}) + ": " + trouble;
        break;
    }
    if (trouble.empty()) return;
    if (view.state == PoolState::running || view.state == PoolState::stopped) view.state = PoolState::degraded;
    if (view.note.empty()) view.note = std::move(trouble);
}

// A soft worker that sits elsewhere is where soft workers are: on a shared core.
std::string Daemon::pin_trouble(const std::string& pool, const cpu::Seat& seat) const {
    if (keeping_.drift.of(pool, seat.slot).contested) return "somebody else sets its mask";
    const auto* kept = cpu::find_kept(seats_, pool, seat.slot);
    if (kept != nullptr && (kept->exclusive || seat.parked)) return away_note(*kept, seat);
    return seat.parked ? "stopped: no CPU is left that it may use" : "";
}

void Daemon::add_pin(WorkerRow& row, const cpu::Seat& seat) const {
    row.mask = seat.mask.to_list();
    row.exclusive = seat.exclusive;
    CpuSet nodes;  // the same format
    for (const std::uint32_t node : seat.nodes) nodes.add(node);
    row.nodes = nodes.to_list();
    for (const auto& warning : plan_.warnings)
        if (warning.code == "W_STRADDLE" && warning.pool == row.pool &&
            std::ranges::find(warning.slots, row.slot) != warning.slots.end())
            row.straddles = join(cpu::straddled(machine_.topology, seat.cpus), ",");
    row.home = row.seat;
    if (const auto* kept = cpu::find_kept(seats_, row.pool, row.slot)) {
        row.home = kept->home.to_list();
        row.pin_note = away_note(*kept, seat);
    }
    const auto drift = keeping_.drift.of(row.pool, row.slot);
    row.drifts = drift.repairs;
    row.contested = drift.contested;
    if (const auto origin = keeping_.origins.find(row.pool, row.slot)) row.origin = cpu::to_string(*origin);
    if (drift.contested) row.pin_note = "its mask is left alone: somebody else sets it again and again";
}

WorkerRow Daemon::to_row(const std::string& pool, const supervise::WorkerView& view) const {
    WorkerRow row;
    row.pool = pool;
    row.slot = view.slot.value;
    row.state = supervise::to_string(view.state);
    row.generation = view.generation.value;
    row.restarts = view.restarts;
    row.seat = view.seat.cpus.to_list();
    row.cpus = view.seat.mask.to_list();
    add_pin(row, view.seat);
    row.since = wall(view.since);
    row.failures_in_row = view.failures_in_row;
    if (view.next_retry != no_deadline) row.next_retry = wall(view.next_retry);
    row.note = view.note;
    row.status_text = view.status_text;
    row.pid = workers_.facts(pool, view.slot).pid;
    if (row.pid == 0) return row;
    row.job = jobs_->job_of({pool, view.slot, view.generation}).value;
    if (const auto mask = cpu::read_affinity(row.pid)) row.cpus = mask->to_list();
    if (const auto used = workers_.usage(pool, view.slot)) {
        row.memory_bytes = used->memory_bytes;
        row.cpu = used->cpu;
    }
    return row;
}

Answer<std::vector<WorkerRow>> Daemon::worker_rows(const std::string& pool) const {
    std::vector<WorkerRow> rows;
    const auto add = [&](const std::string& name) {
        for (const auto& view : supervisor_.workers(name)) rows.push_back(to_row(name, view));
    };
    if (pool.empty()) {
        for (const auto& view : supervisor_.pools()) add(view.name);
        return rows;
    }
    if (unplaced_.contains(pool) && !supervisor_.has_pool(pool)) return rows;
    if (auto checked = check({pool, std::nullopt}); !checked && checked.error().kind == Refusal::Kind::not_found)
        return std::unexpected(std::move(checked).error());
    add(pool);
    return rows;
}

Answer<Explanation> Daemon::explain(const Target& target) const {
    if (auto checked = check(target); !checked && checked.error().kind == Refusal::Kind::not_found)
        return std::unexpected(std::move(checked).error());
    const Slot slot = target.slot.value_or(Slot{0});
    const auto workers = supervisor_.workers(target.pool);
    const auto view = std::ranges::find(workers, slot, &supervise::WorkerView::slot);
    if (view == workers.end())
        return std::unexpected(
            Refusal{Refusal::Kind::not_found, fmt::format("no worker '{}'", slot_name(target.pool, slot))});
    Explanation explanation;
    explanation.worker = to_row(target.pool, *view);
    for (const auto& life : supervisor_.history(target.pool, slot)) {
        LifeRow row;
        row.generation = life.generation.value;
        row.decision = describe(life.decision);
        row.uptime = life.uptime;
        row.at = wall(life.at);
        if (life.failure) row.what = to_string(*life.failure);
        if (life.death) {
            row.what = pinion::to_string(*life.death);
            row.peak_memory_bytes = life.death->peak_memory_bytes;
            row.cpu = life.death->cpu_user + life.death->cpu_system;
            row.last_lines = life.death->last_lines;
        }
        explanation.lives.push_back(std::move(row));
    }
    if (const auto spec = supervisor_.spec(target.pool)) {
        explanation.policy = to_string(spec->restart.policy);
        for (std::uint32_t n = 1; n <= curve_length; ++n) explanation.curve.push_back(backoff_delay(spec->restart, n));
    }
    return explanation;
}

Answer<std::vector<LineRow>> Daemon::last_lines(const Target& target) const {
    if (auto checked = check(target); !checked && checked.error().kind == Refusal::Kind::not_found)
        return std::unexpected(std::move(checked).error());
    std::vector<LineRow> rows;
    for (const auto& worker : supervisor_.workers(target.pool)) {
        if (target.slot && *target.slot != worker.slot) continue;
        if (const auto* kept = workers_.last_lines(target.pool, worker.slot))
            for (const auto& line : kept->lines()) rows.push_back({worker.slot.value, line});
    }
    std::ranges::stable_sort(rows, {}, [](const LineRow& row) { return row.line.at; });
    return rows;
}

StatsRow Daemon::stats() const {
    StatsRow row;
    row.pid = ::getpid();
    row.started = started_;
    row.config = options_.config;
    for (const auto& pool : supervisor_.pools()) {
        ++row.pools;
        row.workers += pool.wanted;
        row.running += pool.running;
    }
    row.pools += static_cast<std::uint32_t>(unplaced_.size());
    row.spawns = spawn_count_;
    row.deaths = death_count_;
    row.dropped_lines = drops_.lines;
    row.dropped_records = drops_.records;
    row.cgroups = workers_.uses_cgroups();
    if (config_) {
        row.cpus_allowed = allowed_cpus(*config_, machine_).to_list();
        row.cpus_reserved = keeping_.reserved.to_list();
    }
    row.last_reload = refused_reload_.empty() ? "ok" : refused_reload_;
    return row;
}

std::string status_line(const std::vector<supervise::PoolView>& pools, bool shutting_down,
                        const std::string& refused_reload) {
    std::uint32_t wanted = 0;
    std::uint32_t running = 0;
    const supervise::PoolView* worst = nullptr;
    for (const auto& pool : pools) {
        wanted += pool.wanted;
        running += pool.running;
        const bool bad = pool.state == PoolState::failed || pool.state == PoolState::degraded;
        if (bad && (worst == nullptr || (pool.state == PoolState::failed && worst->state != PoolState::failed)))
            worst = &pool;
    }
    std::string line = fmt::format("{}{} pool{}, {} of {} worker{} running", shutting_down ? "stopping: " : "",
                                   pools.size(), pools.size() == 1 ? "" : "s", running, wanted, wanted == 1 ? "" : "s");
    if (worst != nullptr)
        line += fmt::format("; {} {}{}{}", worst->name, supervise::to_string(worst->state),
                            worst->note.empty() ? "" : ": ", worst->note);
    if (!refused_reload.empty()) line += "; the last reload was refused: " + refused_reload;
    return line;
}

}  // namespace pinion::daemon
