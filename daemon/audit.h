// SPDX-License-Identifier: Apache-2.0
// Looks at the masks of all workers now and then, a few in a turn, and tells of each that is wider than it may be. What
// follows is decided by cpu::DriftWatch.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "daemon/workers.h"
#include "event/loop.h"

namespace pinion::daemon {

class Audit {
public:
    // `excused`: the masks may have been reset by a change of the machine.
    struct Drift {
        WorkerId worker;
        pid_t pid = 0;
        CpuSet permitted;
        CpuSet found;
        bool excused = false;
    };
    using Found = std::move_only_function<void(const Drift&)>;
    // Of a worker pinned softly: how many threads it has to run, and how many its core can.
    using Hungry = std::move_only_function<void(const WorkerId&, std::uint32_t runnable, std::uint32_t room)>;

    // `workers` must outlive it.
    [[nodiscard]] static Result<std::unique_ptr<Audit>> make(event::Loop& loop, const Workers& workers, Found found,
                                                             Hungry hungry);
    Audit(const Audit&) = delete;
    Audit& operator=(const Audit&) = delete;

    // 0: only when asked to.
    void set_period(Duration period);
    // Begins now, from the first worker.
    void look_now(bool excused);
    // Somebody waits for a CPU: for a while it is looked who has too much to run.
    void press();

private:
    Audit(event::Loop& loop, const Workers& workers, Found found, Hungry hungry)
        : loop_(loop), workers_(workers), found_(std::move(found)), hungry_(std::move(hungry)) {}
    void go_on();
    [[nodiscard]] MonotonicTime next_round() const;
    void look_at(const WorkerId& worker);

    event::Loop& loop_;
    const Workers& workers_;
    Found found_;
    Hungry hungry_;
    MonotonicTime pressed_until_{};
    event::Source timer_;
    Duration period_{};
    std::vector<WorkerId> left_;  // of this round, the next one last
    bool under_way_ = false;
    bool excused_ = false;
};

}  // namespace pinion::daemon
