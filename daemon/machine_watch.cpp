// SPDX-License-Identifier: Apache-2.0
#include "daemon/machine_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include "cpu/quota.h"
#include "model/limits.h"

namespace pinion::daemon {

Result<std::unique_ptr<MachineWatch>> MachineWatch::make(event::Loop& loop, Changed changed) {
    std::unique_ptr<MachineWatch> watch(new MachineWatch(loop, std::move(changed)));
    PINION_TRY(timer, loop.add_timer(event::Priority::commands, [watch = watch.get()] { watch->changed_(); }));
    watch->timer_ = std::move(timer);
    // Without it, as in some containers, a reload takes what has changed.
    if (auto opened = event::CpuEvents::open(loop, [watch = watch.get()] { watch->sign(); }))
        watch->cpus_.emplace(std::move(*opened));
    return watch;
}

void MachineWatch::sign() {
    last_sign_ = loop_.now();
    timer_.arm(last_sign_ + limits::machine_debounce);
}

void MachineWatch::arm() {
    std::vector<std::string> files;
    for (auto& file : cpu::cpuset_files(""))
        if (::access(file.c_str(), F_OK) == 0) files.push_back(std::move(file));
    if (files == files_) return;
    sources_.clear();
    files_.clear();
    for (auto& file : files) {
        // cgroupfs tells of writes only: cpuset.cpus.effective changes in silence.
        auto source = loop_.add_inotify(file, IN_MODIFY, event::Priority::commands,
                                        [this](std::uint32_t, std::string_view) { sign(); });
        if (!source) continue;
        sources_.push_back(std::move(*source));
        files_.push_back(std::move(file));
    }
}

void MachineWatch::disarm() {
    sources_.clear();
    files_.clear();
    cpus_.reset();
    timer_.arm(no_deadline);
}

}  // namespace pinion::daemon
