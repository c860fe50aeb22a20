// SPDX-License-Identifier: Apache-2.0
// What `Workers` keeps of a life and of a slot; for its own sources.
#pragma once

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "daemon/workers.h"
#include "process/spawn.h"

namespace pinion::daemon {

// One life: from the spawn until no process of its tree is left.
struct Workers::Process {
    WorkerId worker;
    supervise::SpecPtr spec;
    cpu::Seat seat;
    pid_t pid = -1;
    UniqueFd pidfd;
    event::Source exit_source;
    std::optional<WorkerOutput> output;
    JobWorkers::Birth birth;  // of a job pool's
    std::string notify_path;
    std::optional<event::NotifySocket> notify;
    event::IoGroup::Member notify_source;
    event::Source tree_source;  // cgroup.events, once the tree is to end
    // Where the program lies on a file system that may hang: the child on its way to exec, and what it reads.
    struct OnItsWay {
        process::ImageBuffer image;
        process::StartingChild child;
        event::Source source;
    };
    std::unique_ptr<OnItsWay> on_its_way;
    bool in_window = false;  // another child on its way, among those of `starting_`
    std::uint64_t oom_kills_before = 0;
    bool reaped = false;

    ~Process() {
        notify_source = {};
        if (!notify_path.empty()) ::unlink(notify_path.c_str());
    }
};

// What stays with the slot from life to life.
struct Workers::SlotState {
    std::optional<process::WorkerCgroup> cgroup;
    LastLines last_lines;
    Generation last_generation{};  // of the last life that ended, and what was known of it
    Facts last_facts;
    std::unique_ptr<Process> process;
};

}  // namespace pinion::daemon
