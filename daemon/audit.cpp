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

Duration audit_period(const AuditNeeds& needs) noexcept {
    if (!needs.kernel_keeps_pins) return needs.wish;
    // Nobody but root can widen a mask there; who has too much to run is found by looking, or not at all.
    return needs.soft_workers && !needs.kernel_tells_pressure ? needs.wish : Duration::zero();
}

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

void Audit::begin_round() {
    left_ = workers_.live();
    std::ranges::reverse(left_);
    orphans_ = workers_.look_for_orphans();
    look_ = {};
    under_way_ = true;
}

void Audit::go_on() {
    if (!under_way_) begin_round();
    const auto until = MonotonicClock::now() + limits::turn_budget;
    bool more = take_next();
    while (more && MonotonicClock::now() < until) {
        look();
        more = take_next();
    }
    if (more) return timer_.arm(loop_.now());
    orphans_ = {};
    under_way_ = excused_ = false;
    timer_.arm(next_round());
}

// Whether there is a process to look at: another of the same worker, or the first of the next one.
bool Audit::take_next() {
    while (look_.left.empty() && !left_.empty()) {
        look_ = {.worker = std::move(left_.back())};
        left_.pop_back();
        const auto pin = workers_.pin_of(look_.worker);
        if (!pin || pin->mask.empty()) continue;
        look_.left = workers_.processes_of(look_.worker, orphans_);
        std::ranges::reverse(look_.left);
    }
    return !look_.left.empty();
}

// The worker may have ended, or got another seat, since its tree was listed.
void Audit::look() {
    const pid_t pid = look_.left.back();
    look_.left.pop_back();
    const auto pin = workers_.pin_of(look_.worker);
    if (!pin || pin->mask.empty()) return look_.left.clear();
    if (const auto found = cpu::find_drift(pid, pin->mask); found && *found) {
        look_.left.clear();  // what follows concerns its whole tree
        return found_({look_.worker, pid, pin->mask, **found, excused_});
    }
    if (!counts_hunger(*pin)) return;
    look_.runnable += cpu::runnable_threads(pid).value_or(0);
    if (look_.left.empty()) hungry_(look_.worker, look_.runnable, pin->room);
}

bool Audit::counts_hunger(const Workers::Pin& pin) const {
    return pin.room > 0 && (unheard_ || loop_.now() < pressed_until_);
}

}  // namespace pinion::daemon
