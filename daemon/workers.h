// SPDX-License-Identifier: Apache-2.0
// The processes behind the slots: executes the supervisor's effects on them, and tells what becomes of them as events.
// pids, pidfds, cgroups and pipes live here and nowhere else. No policy: what to do next is the supervisor's.
//
// Its member functions stand in three files: workers_spawn.cpp (until the program runs), workers_pins.cpp (its CPUs),
// workers.cpp (what becomes of it, and questions).
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/enforcement.h"
#include "daemon/jobs/job_workers.h"
#include "daemon/oom_sight.h"
#include "daemon/output.h"
#include "daemon/usage.h"
#include "event/io_group.h"
#include "event/loop.h"
#include "event/notify.h"
#include "process/cgroup.h"
#include "process/child_image.h"
#include "process/spawn_window.h"
#include "process/tree_members.h"
#include "supervise/effect.h"

namespace pinion::daemon {

struct WorkersOptions {
    std::string runtime_dir;
    std::optional<process::Cgroups> cgroups;  // nothing: process groups and subreaper
    rlimit nofile{};                          // as the daemon inherited it, restored in children
};

class Workers {
public:
    using Post = std::function<void(supervise::Event)>;

    // `post` takes each event; it may call back into this object only after the posting function has returned.
    Workers(event::Loop& loop, OutputServices& output, WorkersOptions options, Post post);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // Begins to adopt and reap orphans, where there are no cgroups or we are PID 1.
    [[nodiscard]] Result<void> start();

    // How pins are kept from here on, those of running workers too. `settle` makes sure that the host gives the level,
    // and changes no worker; `keep_pins_by` applies it, and returns whose pins could not be set.
    [[nodiscard]] Result<ChosenLevel> settle_enforcement(std::optional<Enforcement> wish);
    struct PinFailure {
        std::string pool;
        std::string message;
    };
    [[nodiscard]] std::vector<PinFailure> keep_pins_by(Enforcement level);
    // To be asked after `start`.
    [[nodiscard]] OomSight oom_sight() const { return daemon::oom_sight(options_.cgroups); }
    // Told of a worker whose mask was wider than its seat right after its start, and was set again.
    using OnDrift = std::function<void(const WorkerId&, std::string)>;
    void set_on_drift(OnDrift on_drift) { on_drift_ = std::move(on_drift); }

    // Who speaks with the workers of job pools; before the first of them is spawned.
    void set_job_workers(JobWorkers& jobs) { jobs_ = &jobs; }
    // A line of a worker's that did not come through one of our pipes.
    void log_line(const WorkerId& worker, std::string_view line);
    // Takes what a worker has written until now, as far as it came through our pipes.
    void read_output(const WorkerId& worker);

    void set_output_budget(std::uint32_t lines_per_second) { lines_per_second_ = lines_per_second; }

    // The effects. Spawn always posts its answer, at the latest from `finish_spawns`, which follows one or more of
    // them; another effect on a worker that is still on its way waits for it first.
    void spawn(const supervise::Spawn& effect);
    void finish_spawns();
    void signal(const supervise::Signal& effect);
    void kill_tree(const supervise::KillTree& effect);
    // The error is the sentence to record; the worker goes on with its old mask.
    [[nodiscard]] Result<void> repin(const supervise::Repin& effect);
    void retune(const supervise::Retune& effect);
    void slot_removed(const std::string& pool, Slot slot);

    // At the very end: kills what orphans are still ours, those that nobody can say whose they are too. Whether none is
    // left; with cgroups there is nothing to do.
    [[nodiscard]] bool end_strays();

    void report_drops();

    // Who runs and can be looked at, and what a look needs: nothing for who is still on its way to its program.
    struct Pin {
        pid_t pid = 0;
        CpuSet mask;             // permitted
        std::uint32_t room = 0;  // of one pinned softly: how many of its threads its core can run
    };
    [[nodiscard]] std::vector<WorkerId> live() const;
    [[nodiscard]] std::optional<Pin> pin_of(const WorkerId& worker) const;
    // Every process of its tree, the main one first; none where it can't be looked at. One look at the orphans that
    // came to us answers for many workers.
    [[nodiscard]] process::TreeMembers look_for_orphans() const;
    [[nodiscard]] std::vector<pid_t> processes_of(const WorkerId& worker, const process::TreeMembers& orphans) const;
    // Sets the mask that is permitted for every thread of every process of its tree. Fails with ESRCH when it is gone.
    [[nodiscard]] Result<void> pin_tree(const WorkerId& worker);

    // What is known of a slot now. `pid` 0: no live main process.
    struct Facts {
        pid_t pid = 0;
        std::string cpus;
    };
    [[nodiscard]] Facts facts(const std::string& pool, Slot slot) const;
    // What is known of one life, the last that ended in its slot included (its pid as it was).
    [[nodiscard]] Facts facts_of_life(const WorkerId& worker) const;
    [[nodiscard]] const LastLines* last_lines(const std::string& pool, Slot slot) const;
    // CPU time and memory of a slot's main process.
    [[nodiscard]] std::optional<Usage> usage(const std::string& pool, Slot slot) const;
    // What the processes that a worker has started use, of one that adopts what they leave (`exec`).
    [[nodiscard]] std::optional<TreeUsage> usage_below(const WorkerId& worker) const;
    // Where the kernel tells of workers that wait for CPUs.
    [[nodiscard]] std::string pressure_file() const;
    [[nodiscard]] bool uses_cgroups() const noexcept { return options_.cgroups.has_value(); }

private:
    struct Process;
    struct SlotState;
    using Key = std::pair<std::string, std::uint32_t>;

    SlotState& slot_state(const WorkerId& worker);
    Process* find(const WorkerId& worker);
    Process* find_settled(const WorkerId& worker);
    using Outcome = std::expected<void, SpawnFailure>;
    // Everything up to exec, which may be still ahead.
    Outcome begin(Process& process, SlotState& slot);
    void finish_oldest();
    Outcome take(Process& process, std::expected<process::Child, SpawnFailure> child);
    Outcome begin_by_fork(Process& process, process::ImageBuffer image, int cgroup);
    Outcome finish_start(Process& process);
    Outcome end_unseen(Process& process, int why);
    [[nodiscard]] process::TreeTag tag_of(const Process& process) const;
    Outcome prepare(Process& process, SlotState& slot);
    void answer(SlotState& slot, Outcome outcome);
    Outcome read_back(const Process& process) const;
    [[nodiscard]] Result<void> confine(SlotState& slot, const cpu::Seat& seat, const cpu::Seat& former);
    [[nodiscard]] std::vector<pid_t> tree_of(const Process& process, const SlotState& slot,
                                             const process::TreeMembers& orphans) const;
    [[nodiscard]] Result<void> pin_all(const Process& process, const SlotState& slot) const;
    void end_unwatched(Process& process, SlotState& slot);
    static void forget_oom_kills(Process& process, const SlotState& slot);
    [[nodiscard]] Result<process::ImageBuffer> build_image(const Process& process, const SlotState& slot) const;
    [[nodiscard]] Result<void> watch(Process& process);
    // By value: their sources, which hold the caller's copy, may go while they run.
    void on_started(WorkerId worker);
    void on_exit(WorkerId worker);
    void on_notify(WorkerId worker);
    void check_tree(WorkerId worker);
    bool tree_is_empty(const Process& process, const SlotState& slot) const;
    void tell_gone(const WorkerId& worker);
    void know_pid(pid_t pid);
    void forget_pid(pid_t pid);
    void on_child_signal();

    event::Loop& loop_;
    OutputServices& output_;
    WorkersOptions options_;
    Post post_;
    OnDrift on_drift_;
    JobWorkers* jobs_ = nullptr;
    Enforcement enforcement_ = Enforcement::affinity;
    std::uint32_t lines_per_second_ = 1000;
    std::uint64_t notify_counter_ = 0;
    bool reap_strays_ = false;
    event::IoGroup notify_sockets_;  // together, so that their share of the loop is that of one
    std::map<Key, SlotState> slots_;
    // Who is on the way to exec in the window, in its order. A deque: images stay where they are.
    struct Starting {
        WorkerId worker;
        process::ImageBuffer image;
    };
    std::deque<Starting> starting_;
    process::SpawnWindow window_;
    std::vector<pid_t> known_;  // main processes not yet reaped, sorted
    event::Source child_signal_;
};

}  // namespace pinion::daemon
