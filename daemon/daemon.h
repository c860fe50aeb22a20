// SPDX-License-Identifier: Apache-2.0
// piniond as an object. Everything that happens comes through `dispatch`, in order: the supervisor decides, the effects
// are executed by `Workers`, the facts are recorded and published. Nothing here decides about a worker.
//
// Its member functions stand in five files: daemon.cpp (life, dispatch, effects), daemon_apply.cpp (configurations),
// daemon_machine.cpp (CPUs that come and go, pins that drift), daemon_control.cpp (operators' words), daemon_views.cpp
// (what is shown).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "cpu/plan.h"
#include "daemon/control.h"
#include "daemon/keeping.h"
#include "daemon/loader.h"
#include "daemon/options.h"
#include "daemon/placement.h"
#include "daemon/views.h"
#include "daemon/watch.h"
#include "daemon/workers.h"
#include "event/loop.h"
#include "log/writer.h"
#include "supervise/supervisor.h"

namespace pinion::daemon {

class BusServer;
class JobHost;
class JobServer;
using supervise::SpecPtr;

class Daemon {
public:
    // `nofile`: the limit that children get back.
    Daemon(event::Loop loop, Options options, std::unique_ptr<log::Sink> sink, WorkersOptions workers);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    // Registers signals, timers and control, then applies the first configuration. The error ends the program.
    [[nodiscard]] Result<void> start(Loaded first, config::LoadOptions load_options);
    // Until the stop is complete; returns the exit code.
    [[nodiscard]] Result<int> run();

    void dispatch(supervise::Event event);
    // Writes and publishes a record that does not come from the supervisor.
    void record(log::Record record);

    // --- Operators' words. `by` names who asks.
    [[nodiscard]] Answer<void> start_target(const Target& target, const std::string& by);
    [[nodiscard]] Answer<void> stop_target(const Target& target, const std::string& by);
    [[nodiscard]] Answer<void> restart_target(const Target& target, const std::string& by);
    [[nodiscard]] Answer<std::uint32_t> kill_target(const Target& target, int signal, const std::string& by);
    [[nodiscard]] Answer<void> scale(const std::string& pool, std::uint32_t workers, const std::string& by);
    using ReloadDone = std::move_only_function<void(const ReloadOutcome&)>;
    void reload(ReloadDone done);
    // The same, and all seats are chosen anew, as at a first start: whoever is elsewhere then moves. Where a pool that
    // has seats would have none, it is refused and nobody moves.
    void rebalance(const std::string& by, ReloadDone done);
    void shut_down(const std::string& reason);

    // --- What is shown.
    [[nodiscard]] std::vector<PoolRow> pool_rows();
    // Without what must be asked of /proc: CPU time and memory are 0.
    [[nodiscard]] std::optional<PoolRow> pool_row(const std::string& pool) const;
    [[nodiscard]] Answer<std::vector<WorkerRow>> worker_rows(const std::string& pool) const;  // "": of all
    [[nodiscard]] Answer<Explanation> explain(const Target& target) const;
    [[nodiscard]] Answer<std::vector<LineRow>> last_lines(const Target& target) const;
    [[nodiscard]] const std::deque<EventRow>& history() const noexcept { return history_; }
    [[nodiscard]] StatsRow stats() const;
    [[nodiscard]] const Options& options() const noexcept { return options_; }

private:
    struct Execute;
    [[nodiscard]] Result<void> add_sources(config::LoadOptions load_options);
    [[nodiscard]] Result<void> add_keepers();
    [[nodiscard]] std::unique_ptr<JobHost> make_job_host();
    void drain();
    void execute(supervise::Effect& effect);
    void run_spawns();
    void write_facts();
    void after_turn();
    void publish();
    void report_drops();
    void spawns_attempted();

    void ask_for_load(ReloadDone done, bool anew);
    void loaded(Loaded loaded, Loader::Run run);
    [[nodiscard]] ReloadOutcome apply(Loaded loaded, bool anew = false);
    [[nodiscard]] ReloadOutcome refuse(std::vector<std::string> reasons);
    [[nodiscard]] ReloadOutcome tell(const config::Config& next, const std::vector<config::Change>& changes,
                                     const cpu::Plan& plan);
    void keep_pins_by(ChosenLevel chosen);
    void declare(const config::Config& next, const std::vector<config::Change>& changes, cpu::Kept kept);
    void declare_pool(const SpecPtr& spec, const cpu::Plan& before, const config::Change* change);
    void arm_watch();
    [[nodiscard]] std::vector<std::string> plan_objections(const cpu::Plan& plan,
                                                           const std::vector<config::Change>& changes) const;

    // --- CPUs that come and go.
    void recall_seats(Machine& machine);
    [[nodiscard]] Machine accepted(Machine found) const;
    void machine_read(Result<Machine> found);
    void seat_again(bool go_home);
    void tell_displaced(const cpu::KeptSeats& before);
    void keep_seats();
    void arm_home_timer();
    void move_ourselves();
    void drifted(const Audit::Drift& drift);
    void tell_starved(const WorkerId& worker, std::uint32_t runnable, std::uint32_t room);
    [[nodiscard]] bool kernel_keeps_pins() const;
    void set_audit_period();
    [[nodiscard]] Ground ground() const { return {.machine = machine_, .seats = seats_, .counts = &plan_}; }

    [[nodiscard]] Answer<void> check(const Target& target) const;
    [[nodiscard]] WallTime wall(MonotonicTime time) const;
    // The supervisor's view with what the seats add to it, and pools that have none.
    [[nodiscard]] std::vector<supervise::PoolView> pool_views() const;
    [[nodiscard]] PoolRow to_row(supervise::PoolView view) const;
    [[nodiscard]] PoolRow unplaced_row(const std::string& pool, const std::string& why) const;
    void add_usage(PoolRow& row);
    void add_pin(WorkerRow& row, const cpu::Seat& seat) const;
    void add_pin_state(supervise::PoolView& view) const;
    [[nodiscard]] std::string pin_trouble(const std::string& pool, const cpu::Seat& seat) const;
    [[nodiscard]] WorkerRow to_row(const std::string& pool, const supervise::WorkerView& view) const;

    event::Loop loop_;
    Options options_;
    log::Writer writer_;
    supervise::Supervisor supervisor_;
    OutputServices output_;
    Workers workers_;
    std::unique_ptr<BusServer> bus_;
    std::unique_ptr<JobHost> jobs_;
    std::unique_ptr<JobServer> job_server_;

    // Events wait here while one is handled, effects' reports until all are; nothing recurses.
    std::deque<supervise::Event> queue_;
    std::vector<supervise::Fact> facts_;
    std::deque<supervise::Spawn> spawns_;
    bool draining_ = false;
    bool ready_told_ = false;

    std::optional<config::Config> config_;
    Machine machine_;
    cpu::Plan plan_;
    std::optional<ChosenLevel> enforcement_;  // as it was last said
    std::string unseen_oom_deaths_;           // likewise
    cpu::KeptSeats seats_;                    // where each slot belongs, which a new plan keeps
    Keeping keeping_;
    Scales scales_;
    std::map<std::string, std::string> unplaced_;  // pools without seats, and why
    std::unique_ptr<Loader> loader_;
    std::unique_ptr<Watch> watch_;
    struct AskedLoad {
        Loader::Run run;    // that answers it
        ReloadDone done;    // none for a saved file
        bool anew = false;  // all seats
    };
    std::vector<AskedLoad> asked_loads_;  // in the order of their runs
    std::string refused_reload_;          // why the last reload was refused; empty after one that was not

    std::vector<event::Source> signals_;
    event::Source timer_;          // the supervisor's next deadline
    event::Source spawn_timer_;    // begins the next round of spawns, once commands and output have had their turn
    Duration spawn_left_{};        // of this round, for spawns
    event::Source publish_timer_;  // state changes to the bus and the service manager, at most one a second
    event::Source drop_timer_;
    event::Source log_failures_;
    bool publish_armed_ = false;
    bool drop_armed_ = false;
    MonotonicTime last_publish_{};
    std::set<std::string> changed_pools_;

    std::deque<EventRow> history_;
    struct CpuSample {
        MonotonicTime at;
        Duration cpu;
        double rate = 0;
    };
    std::map<std::string, CpuSample> cpu_samples_;
    WallTime started_ = wall_now();
    std::uint64_t spawn_count_ = 0;
    std::uint64_t ready_after_ = UINT64_MAX;  // so many spawns: the first attempts are made
    std::uint64_t death_count_ = 0;
    log::DropCounts drops_;
};

}  // namespace pinion::daemon
