// SPDX-License-Identifier: Apache-2.0
#include "daemon/audit.h"

#include <algorithm>
#include <utility>

#include "cpu/machine.h"
#include "model/limits.h"

namespace pinion::daemon {

namespace {

// Between two looks at who has too much to run, and how long they go on after the last word of pressure.
constexpr Duration pressed_period = std::chrono::seconds(5);
constexpr Duration pressed_for = std::chrono::seconds(15);

}  // namespace

Result<std::unique_ptr<Audit>> Audit::make(event::Loop& loop, const Workers& workers, Found found, Hungry hungry) {
    std::unique_ptr<Audit> audit(new Audit(loop, workers, std::move(found), std::move(hungry)));
    PINION_TRY(timer, loop.add_timer(event::Priority::output, [audit = audit.get()] { audit->go_on(); }));
    audit->timer_ = std::move(timer);
    return audit;
}

void Audit::set_period(Duration period) {
    if (period == period_) return;
    period_ = period;
    if (!under_way_) timer_.arm(next_round());
}

void Audit::press() {
    const bool begins = pressed_until_ <= loop_.now();
    pressed_until_ = loop_.now() + pressed_for;
    if (begins && !under_way_) timer_.arm(next_round());
}

MonotonicTime Audit::next_round() const {
    const MonotonicTime now = loop_.now();
    const bool pressed = now < pressed_until_;
    if (period_ == Duration::zero()) return pressed ? now + pressed_period : no_deadline;
    return now + (pressed ? std::min(period_, pressed_period) : period_);
}

void Audit::look_now(bool excused) {
    under_way_ = false;
    excused_ = excused;
    timer_.arm(loop_.now());
}

void Audit::go_on() {
    if (!under_way_) {
        left_ = workers_.live();
        std::ranges::reverse(left_);
        under_way_ = true;
    }
    const auto until = MonotonicClock::now() + limits::turn_budget;
    while (!left_.empty() && MonotonicClock::now() < until) {
        const WorkerId worker = std::move(left_.back());
        left_.pop_back();
        look_at(worker);
    }
    if (!left_.empty()) return timer_.arm(loop_.now());
    under_way_ = excused_ = false;
    timer_.arm(next_round());
}

// It may have ended, or got another seat, since the round began.
void Audit::look_at(const WorkerId& worker) {
    const auto pin = workers_.pin_of(worker);
    if (!pin || pin->mask.empty()) return;
    if (pin->room > 0 && loop_.now() < pressed_until_)
        if (const auto runnable = cpu::runnable_threads(pin->pid)) hungry_(worker, *runnable, pin->room);
    auto drift = cpu::find_drift(pin->pid, pin->mask);
    if (!drift || !*drift) return;
    found_({worker, pin->pid, pin->mask, *std::move(*drift), excused_});
}

}  // namespace pinion::daemon
