// SPDX-License-Identifier: Apache-2.0
#include "daemon/daemon.h"

#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <random>

#include "base/units.h"
#include "daemon/access.h"
#include "daemon/bus_server.h"
#include "daemon/jobs/job_host.h"
#include "daemon/jobs/job_server.h"
#include "daemon/jobs/runner_path.h"
#include "daemon/records.h"
#include "event/notify.h"
#include "jobs/store_router.h"
#include "jobs/store_sqlite.h"
#include "log/messages.h"
#include "model/limits.h"

namespace pinion::daemon {
namespace {

using namespace supervise;
namespace messages = log::messages;

// How long spawns may go on before all others get their turn. A spawn takes 0.1 to 0.5 ms. A round ends where output
// has been looked at: else workers that crash at once would keep the loop from operators, SIGTERM among them.
constexpr Duration spawn_budget = 10ms;
// The first change of a quiet daemon is published this soon, so that the changes of one moment go together.
constexpr Duration publish_delay = 20ms;
constexpr Duration publish_interval = 1s;
constexpr Duration drop_report_delay = 1s;

std::uint64_t random_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

Daemon::Daemon(event::Loop loop, Options options, std::unique_ptr<log::Sink> sink, WorkersOptions workers)
    : loop_(std::move(loop)),
      options_(std::move(options)),
      writer_(std::move(sink)),
      supervisor_(random_seed()),
      output_{loop_, writer_,
              [this] {
                  if (drop_armed_) return;
                  drop_armed_ = true;
                  drop_timer_.arm(loop_.now() + drop_report_delay);
              }},
      workers_(loop_, output_, std::move(workers), [this](supervise::Event event) { dispatch(std::move(event)); }),
      bus_(std::make_unique<BusServer>(*this, loop_)),
      jobs_(make_job_host()),
      keeping_{.ledger = LedgerStore(options_.runtime_dir, read_boot_id())} {
    workers_.set_on_drift([this](const WorkerId& worker, std::string sentence) {
        static_cast<void>(keeping_.drift.drifted(worker.pool, worker.slot.value, loop_.now(), true));
        record(seat_record(log::Priority::warning, messages::seat_drift, worker.pool, worker.slot.value,
                           std::move(sentence)));
    });
}

Daemon::~Daemon() = default;

std::unique_ptr<JobHost> Daemon::make_job_host() {
    JobServices services;
    services.unwanted = [this](const WorkerId& worker, Unwanted why) { dispatch(WorkerUnwanted{worker, why}); };
    services.log_line = [this](const WorkerId& worker, std::string_view line) { workers_.log_line(worker, line); };
    services.read_output = [this](const WorkerId& worker) { workers_.read_output(worker); };
    services.memory = [this](const WorkerId& worker) -> std::optional<std::uint64_t> {
        const auto usage = workers_.usage(worker.pool, worker.slot);
        return usage ? std::optional(usage->memory_bytes) : std::nullopt;
    };
    services.cpu_time = [this](const WorkerId& worker) -> std::optional<Duration> {
        const auto usage = workers_.usage(worker.pool, worker.slot);
        return usage ? std::optional(usage->cpu) : std::nullopt;
    };
    services.usage_below = [this](const WorkerId& worker) { return workers_.usage_below(worker); };
    services.record = [this](log::Record of_jobs) { record(std::move(of_jobs)); };
    services.open_store = [folder = options_.state_dir + "/jobs"] {
        return jobs::open_store_router(
            {.open_disk = [folder] { return jobs::open_sqlite_store({.folder = folder, .nonce = random_seed()}); },
             .open_now = jobs::sqlite_store_exists(folder)});
    };
    services.runner = find_exec_runner();
    auto host = std::make_unique<JobHost>(loop_, std::move(services), random_seed());
    workers_.set_job_workers(*host);
    return host;
}

Result<void> Daemon::add_sources(config::LoadOptions load_options) {
    const auto on_signal = [this](int number, std::move_only_function<void(pid_t)> callback) -> Result<void> {
        PINION_TRY(source, loop_.add_signal(number, event::Priority::commands, std::move(callback)));
        signals_.push_back(std::move(source));
        return {};
    };
    PINION_CHECK(on_signal(SIGTERM, [this](pid_t) { shut_down("SIGTERM"); }));
    PINION_CHECK(on_signal(SIGINT, [this](pid_t) { shut_down("SIGINT"); }));
    PINION_CHECK(on_signal(SIGHUP, [this](pid_t) { reload([](const ReloadOutcome&) {}); }));
    PINION_CHECK(on_signal(SIGUSR1, [this](pid_t) { writer_.reopen_files(); }));

    PINION_TRY(timer, loop_.add_timer(event::Priority::timer, [this] { dispatch(TimerFired{}); }));
    PINION_TRY(spawn_timer, loop_.add_timer(event::Priority::output, [this] {
        spawn_left_ = spawn_budget;
        run_spawns();
        drain();
    }));
    if (writer_.failure_fd() >= 0) {
        PINION_TRY(failures,
                   loop_.add_io(writer_.failure_fd(), EPOLLIN, event::Priority::commands, [this](std::uint32_t) {
                       writer_.clear_failure();
                       output_.on_drop();
                   }));
        log_failures_ = std::move(failures);
    }
    PINION_TRY(publish_timer, loop_.add_timer(event::Priority::commands, [this] { publish(); }));
    PINION_TRY(drop_timer, loop_.add_timer(event::Priority::commands, [this] { report_drops(); }));
    timer_ = std::move(timer);
    spawn_timer_ = std::move(spawn_timer);
    spawn_left_ = spawn_budget;
    publish_timer_ = std::move(publish_timer);
    drop_timer_ = std::move(drop_timer);

    PINION_TRY(loader, Loader::make(
                           loop_,
                           [load_options] {
                               Loaded found = load_now(load_options);
                               look_for_strangers(found);
                               return found;
                           },
                           [this](Loaded found, Loader::Run run) { loaded(std::move(found), run); }));
    loader_ = std::move(loader);
    PINION_CHECK(add_keepers());
    PINION_TRY(watch, Watch::make(loop_, load_options.path,
                                  [this] { asked_loads_.push_back({.run = loader_->request(), .done = {}}); }));
    watch_ = std::move(watch);
    return {};
}

Result<void> Daemon::start(Loaded first, config::LoadOptions load_options) {
    PINION_CHECK(add_sources(std::move(load_options)));
    PINION_CHECK(workers_.start());
    PINION_CHECK(bus_->listen(options_.runtime_dir));
    PINION_CHECK(jobs_->start());
    job_server_ = std::make_unique<JobServer>(loop_, *jobs_, JobServerSetting{::geteuid(), peer_of});
    PINION_CHECK(job_server_->listen(options_.runtime_dir + "/jobs.sock"));
    if (options_.default_runtime_dir) {
        if (auto joined = bus_->join_message_bus(); !joined)
            record(daemon_record(log::Priority::info, messages::control_unavailable,
                                 joined.error().message + "; pinionctl works through the private socket"));
    }
    if (!first.machine) return std::unexpected(std::move(first.machine).error());
    record(daemon_record(log::Priority::notice, messages::daemon_started,
                         fmt::format("piniond {} started with '{}', {}", PINION_VERSION, options_.config,
                                     workers_.uses_cgroups() ? "a cgroup for each worker"
                                                             : "process groups (no delegated cgroup here)")));
    recall_seats(*first.machine);
    const auto outcome = apply(std::move(first));
    if (!outcome.accepted) return fail(outcome.messages.front());
    arm_watch();
    ready_after_ = spawn_count_ + spawns_.size();
    if (spawns_.empty()) spawns_attempted();
    return {};
}

Result<int> Daemon::run() { return loop_.run(); }

void Daemon::dispatch(supervise::Event event) {
    if (const auto* exited = std::get_if<WorkerExited>(&event)) changed_pools_.insert(exited->worker.pool);
    queue_.push_back(std::move(event));
    if (!draining_) drain();
}

// Handles what is queued, and what the effects of that post, until nothing is left; then writes and publishes. A
// successor thus starts before a line about its predecessor is written.
void Daemon::drain() {
    draining_ = true;
    Effects effects;
    while (!queue_.empty()) {
        const supervise::Event event = std::move(queue_.front());
        queue_.pop_front();
        effects.clear();
        supervisor_.handle(event, loop_.now(), effects);
        for (auto& effect : effects) execute(effect);
        if (!queue_.empty()) continue;
        if (!spawns_.empty()) jobs_->pass_on();
        run_spawns();
    }
    draining_ = false;
    write_facts();
    after_turn();
}

struct Daemon::Execute {
    Daemon& daemon;

    void operator()(Spawn& effect) const { daemon.spawns_.push_back(std::move(effect)); }
    void operator()(const Signal& effect) const { daemon.workers_.signal(effect); }
    void operator()(const KillTree& effect) const { daemon.workers_.kill_tree(effect); }
    void operator()(const Repin& effect) const {
        auto repinned = daemon.workers_.repin(effect);
        if (repinned) return;
        auto failure =
            pool_record(log::Priority::warning, messages::worker_pin_failed, effect.worker.pool,
                        fmt::format("{}: {}, it keeps its old CPUs", slot_name(effect.worker.pool, effect.worker.slot),
                                    repinned.error().message));
        daemon.record(std::move(failure));
    }
    void operator()(const Retune& effect) const { daemon.workers_.retune(effect); }
    void operator()(const SlotRemoved& effect) const {
        daemon.keeping_.drift.forget(effect.pool, effect.slot.value);
        daemon.workers_.slot_removed(effect.pool, effect.slot);
    }
    void operator()(const PoolRemoved& effect) const {
        daemon.changed_pools_.insert(effect.pool);
        daemon.cpu_samples_.erase(effect.pool);
    }
    void operator()(const ShutdownComplete&) const {
        daemon.write_facts();
        daemon.job_server_.reset();
        daemon.jobs_->finish();
        const bool clean = daemon.workers_.end_strays();
        daemon.record(daemon_record(
            clean ? log::Priority::notice : log::Priority::err, messages::daemon_stopped,
            clean ? "stopped; nothing is left behind" : "stopped; a process that SIGKILL does not end is left behind"));
        daemon.loop_.exit(0);
    }
    void operator()(Report& effect) const {
        if (const auto* stopping = std::get_if<WorkerStopping>(&effect.fact)) daemon.jobs_->leaving(stopping->worker);
        if (const auto* killed = std::get_if<WorkerKilled>(&effect.fact)) daemon.jobs_->leaving(killed->worker);
        daemon.facts_.push_back(std::move(effect.fact));
    }
};

void Daemon::execute(supervise::Effect& effect) { std::visit(Execute{*this}, effect); }

// Spawns in order, for a while; what does not fit goes on in the next turn, after the exits of this one.
void Daemon::run_spawns() {
    if (spawns_.empty() || spawn_left_ <= Duration::zero()) return;
    const bool outermost = !draining_;
    draining_ = true;  // the answers are queued, not handled in the midst of a spawn
    const auto began = MonotonicClock::now();
    const auto until = began + spawn_left_;
    do {
        const Spawn effect = std::move(spawns_.front());
        spawns_.pop_front();
        ++spawn_count_;
        changed_pools_.insert(effect.worker.pool);
        workers_.spawn(effect);
    } while (!spawns_.empty() && MonotonicClock::now() < until);
    // Else some go on their way to exec while the others get their turn.
    if (spawns_.empty()) workers_.finish_spawns();
    if (outermost) draining_ = false;
    spawn_left_ -= MonotonicClock::now() - began;
    if (spawn_left_ <= Duration::zero()) spawn_timer_.arm(loop_.now());
    // Workers that crash at once may keep the queue from ever being empty.
    if (spawns_.empty() || spawn_count_ >= ready_after_) spawns_attempted();
}

void Daemon::spawns_attempted() {
    if (ready_told_ || !config_) return;
    ready_told_ = true;
    // What loading the configuration and starting everybody at once took is not needed again soon.
    ::malloc_trim(0);
    event::notify_ready(status_line(pool_views(), false, refused_reload_));
}

void Daemon::write_facts() {
    // Recording may not dispatch, but a fact written here must not be written twice.
    const auto facts = std::exchange(facts_, {});
    for (const auto& fact : facts) {
        WorkerFacts known;
        std::visit(
            [&](const auto& f) {
                if constexpr (requires { f.worker; }) {
                    auto found = workers_.facts_of_life(f.worker);
                    known = {found.pid, std::move(found.cpus)};
                    changed_pools_.insert(f.worker.pool);
                } else {
                    changed_pools_.insert(f.pool);
                }
                if constexpr (std::is_same_v<std::decay_t<decltype(f)>, WorkerDied>) ++death_count_;
            },
            fact);
        record(to_record(fact, known));
    }
}

void Daemon::record(log::Record record) {
    EventRow row{wall_now(), record.priority, record.kind != nullptr ? std::string(record.kind->event) : "",
                 record.message, record.fields};
    if (!writer_.lifecycle(std::move(record))) output_.on_drop();
    bus_->emit_event(row);
    history_.push_back(std::move(row));
    if (history_.size() > limits::event_history) history_.pop_front();
}

void Daemon::after_turn() {
    timer_.arm(supervisor_.next_deadline());
    if (publish_armed_ || changed_pools_.empty()) return;
    publish_armed_ = true;
    const auto now = loop_.now();
    publish_timer_.arm(std::max(now + publish_delay, last_publish_ + publish_interval));
}

void Daemon::publish() {
    publish_armed_ = false;
    last_publish_ = loop_.now();
    const auto changed = std::exchange(changed_pools_, {});
    event::notify_status(status_line(pool_views(), supervisor_.shutting_down(), refused_reload_));
    bus_->emit_pools_changed(changed);
}

void Daemon::report_drops() {
    drop_armed_ = false;
    workers_.report_drops();
    const auto drops = writer_.take_drops();
    drops_.lines += drops.lines;
    drops_.records += drops.records;
    drops_.failed += drops.failed;
    if (drops.lines + drops.records + drops.failed == 0) return;
    record(daemon_record(
        log::Priority::warning, messages::output_dropped,
        fmt::format("the log does not keep up: dropped {} lines of output and {} records, {} could not be "
                    "written; workers are not slowed",
                    drops.lines, drops.records, drops.failed)));
}

}  // namespace pinion::daemon
