// SPDX-License-Identifier: Apache-2.0
// Looks at the masks of all workers now and then, a few processes in a turn, and tells of each worker of which a thread
// may run where it should not. What follows is decided by cpu::DriftWatch.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "daemon/workers.h"
#include "event/loop.h"

namespace pinion::daemon {

// What decides how often there is something to look at.
struct AuditNeeds {
    Duration wish{};  // machine.audit
    bool kernel_keeps_pins = false;
    bool kernel_tells_pressure = false;
    bool soft_workers = false;  // who may have too much to run
};
// Zero: only when something tells of itself.
[[nodiscard]] Duration audit_period(const AuditNeeds& needs) noexcept;

class Audit {
public:
    // `pid`: of the process that was found so, the worker's own or one below it. `excused`: the masks may have been
    // reset by a change of the machine.
    struct Drift {
        WorkerId worker;
        pid_t pid = 0;
        CpuSet permitted;
        CpuSet found;
        bool excused = false;
    };
    using Found = std::move_only_function<void(const Drift&)>;
    // Of a worker pinned softly: how many threads its tree has to run, and how many its core can.
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
    // Nobody will tell of that: it is looked in every round that there is.
    void expect_no_word() { unheard_ = true; }

private:
    // The worker whose tree is being looked at.
    struct Look {
        WorkerId worker;
        std::vector<pid_t> left;  // the next one last
        std::uint32_t runnable = 0;
    };

    Audit(event::Loop& loop, const Workers& workers, Found found, Hungry hungry)
        : loop_(loop), workers_(workers), found_(std::move(found)), hungry_(std::move(hungry)) {}
    void go_on();
    [[nodiscard]] MonotonicTime next_round() const;
    void begin_round();
    [[nodiscard]] bool take_next();
    void look();
    [[nodiscard]] bool counts_hunger(const Workers::Pin& pin) const;

    event::Loop& loop_;
    const Workers& workers_;
    Found found_;
    Hungry hungry_;
    MonotonicTime pressed_until_{};
    bool unheard_ = false;
    event::Source timer_;
    Duration period_{};
    std::vector<WorkerId> left_;  // of this round, the next one last
    process::TreeMembers orphans_;
    Look look_;
    bool under_way_ = false;
    bool excused_ = false;
};

}  // namespace pinion::daemon
