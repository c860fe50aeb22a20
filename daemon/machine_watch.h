// SPDX-License-Identifier: Apache-2.0
// Notices that CPUs come and go: the kernel's events of hotplug, and inotify on the cpusets of the own cgroup and those
// around it. Many signs in a short time are told once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event/loop.h"
#include "event/uevents.h"

namespace pinion::daemon {

class MachineWatch {
public:
    using Changed = std::move_only_function<void()>;

    // `changed` is called limits::machine_debounce after the last sign.
    [[nodiscard]] static Result<std::unique_ptr<MachineWatch>> make(event::Loop& loop, Changed changed);
    MachineWatch(const MachineWatch&) = delete;
    MachineWatch& operator=(const MachineWatch&) = delete;

    // Watches the cpusets that are there now; to be called again after each change, since others may have come.
    void arm();
    void disarm();
    // When the last sign came.
    [[nodiscard]] MonotonicTime last_sign() const noexcept { return last_sign_; }

private:
    MachineWatch(event::Loop& loop, Changed changed) : loop_(loop), changed_(std::move(changed)) {}
    void sign();

    event::Loop& loop_;
    Changed changed_;
    event::Source timer_;
    MonotonicTime last_sign_{};
    std::optional<event::CpuEvents> cpus_;
    std::vector<std::string> files_;  // watched by sources_
    std::vector<event::Source> sources_;
};

}  // namespace pinion::daemon
