// SPDX-License-Identifier: Apache-2.0
// What comes to a pool from outside as a whole: declarations, withdrawal, shutdown, and operators' words.
#include <algorithm>
#include <utility>

#include "supervise/pool.h"

namespace pinion::supervise {

void Pool::declare(const PoolDeclared& event, const Turn& turn) {
    const SpecPtr before = std::exchange(spec_, event.spec);
    const bool anew = before == nullptr || withdrawn_;
    const auto workers = static_cast<std::uint32_t>(event.seats.size());
    // What still runs from before a withdrawal may run any text.
    const bool respawn = event.respawn || (before != nullptr && anew);
    if (respawn) ++text_;
    if (anew) {
        gate_open_ = stopped_ = withdrawn_ = released_ = false;
        since_ = turn.now;
        declared_ = 0;  // all slots are new
        turn.out.report(PoolAppeared{name_, workers});
    } else if (!event.seats_only) {
        turn.out.report(PoolChanged{name_, workers, event.respawn});
    }
    resize(event.seats, turn);
    if (respawn) {
        apply_new_text(turn);
    } else if (before != nullptr) {
        apply_live(before, turn);
    }
}

void Pool::resize(const std::vector<cpu::Seat>& seats, const Turn& turn) {
    const auto before = std::exchange(declared_, static_cast<std::uint32_t>(seats.size()));
    while (places_.size() < seats.size()) {
        places_.emplace_back(Slot{static_cast<std::uint32_t>(places_.size())}, floor_);
        ++counts_[static_cast<std::size_t>(StateKind::idle)];
    }
    for (auto& place : places_) {
        const auto number = place.slot.value;
        if (number >= declared_) {
            set_next(place, std::nullopt);  // by now somebody else's
            if (!place.removed) {
                step(place, turn, [](Worker& w, const Scene& s) { w.stop(s, StopReason::fewer_workers); });
            }
            continue;
        }
        if (place.next.value_or(place.seat) != seats[number]) reseat(place, seats[number], turn);
        if (number < before) continue;
        place.removed = place.stopped = place.past_gate = false;
        if (is_wanted(place)) step(place, turn, [](Worker& w, const Scene& s) { w.start(s); });
    }
    recount_wanted();
}

// Who has completed or failed stays so, with CPUs and without.
void Pool::reseat(Place& place, const cpu::Seat& seat, const Turn& turn) {
    const bool was_parked = place.seat.parked;
    const bool lives = has_process(place.worker.kind());
    // Whoever lives may have to wait until others have left: settle() moves it, in this turn where it can.
    if (lives && !was_parked && !seat.parked)
        return set_next(place, seat == place.seat ? std::nullopt : std::optional(seat));
    set_next(place, std::nullopt);
    place.seat = seat;
    if (!seat.mask.empty()) step(place, turn, [](Worker& w, const Scene& s) { w.seat_changed(s); });
    const auto kind = place.worker.kind();
    if (was_parked == seat.parked || kind == StateKind::failed || kind == StateKind::completed) return;
    if (seat.parked)
        step(place, turn, [](Worker& w, const Scene& s) { w.stop(s, StopReason::cpus_lost); });
    else if (is_wanted(place))
        step(place, turn, [](Worker& w, const Scene& s) { w.start(s); });
}

void Pool::set_next(Place& place, std::optional<cpu::Seat> seat) {
    if (place.next) --moving_;
    place.next = std::move(seat);
    if (place.next) ++moving_;
}

void Pool::remove_if_surplus(Place& place, const Turn& turn) {
    if (place.slot.value < declared_ || place.removed || has_process(place.worker.kind()) || withdrawn_) return;
    place.removed = true;
    place.worker = Worker(place.worker.generation());
    turn.out.close(SlotRemoved{name_, place.slot});
}

void Pool::forget_removed() {
    while (!places_.empty() && places_.back().removed) {
        floor_ = std::max(floor_, places_.back().worker.generation());
        places_.pop_back();
        --counts_[static_cast<std::size_t>(StateKind::idle)];
    }
}

void Pool::apply_new_text(const Turn& turn) {
    roll_.forget(StopReason::new_text);
    for (auto& place : places_) {
        if (!is_wanted(place)) continue;
        if (!place.worker.is_up()) {
            step(place, turn, [](Worker& w, const Scene& s) { w.start(s); });
        } else if (place.worker.is_outdated(scene(place, turn))) {
            roll_.add(place.slot, {place.worker.generation(), StopReason::new_text});
        } else {
            step(place, turn, [](Worker& w, const Scene& s) { w.same_text(s); });
        }
    }
}

void Pool::apply_live(const SpecPtr& before, const Turn& turn) {
    if (*before == *spec_) return;
    const bool restart_changed = before->restart != spec_->restart;
    for (auto& place : places_) {
        step(place, turn, [](Worker& w, const Scene& s) { w.spec_changed(s); });
        if (!restart_changed || !is_wanted(place)) continue;
        step(place, turn, [](Worker& w, const Scene& s) { w.restart_changed(s); });
    }
}

void Pool::withdraw(const Turn& turn) {
    if (withdrawn_) return;
    withdrawn_ = true;
    close(turn);
}

void Pool::shut_down(const Turn& turn) {
    shutting_down_ = true;
    close(turn);
}

void Pool::close(const Turn& turn) {
    roll_.clear();
    recount_wanted();
    for (auto& place : places_) {
        set_next(place, std::nullopt);
        const auto kind = place.worker.kind();
        if (kind == StateKind::starting || kind == StateKind::running) continue;
        step(place, turn, [&](Worker& w, const Scene& s) { w.stop(s, leaving_reason()); });
    }
}

void Pool::release(const Turn& turn) {
    released_ = true;
    stop_all(leaving_reason(), turn);
}

void Pool::stop_all(StopReason why, const Turn& turn) {
    for (auto& place : places_) {
        step(place, turn, [why](Worker& w, const Scene& s) { w.stop(s, why); });
    }
}

void Pool::kill_all(const Turn& turn) {
    released_ = true;
    for (auto& place : places_) {
        step(place, turn, [&](Worker& w, const Scene& s) { w.kill(s, StopReason::shutdown); });
    }
}

void Pool::remove(const Turn& turn) {
    for (const auto& place : places_) {
        if (!place.removed) turn.out.close(SlotRemoved{name_, place.slot});
    }
    turn.out.close(PoolRemoved{name_});
    turn.out.report(PoolLeft{name_});
}

StopReason Pool::leaving_reason() const { return shutting_down_ ? StopReason::shutdown : StopReason::pool_withdrawn; }

// An operator wants the pool, or this one slot of it, to run: whatever was stopped by an operator's word is wanted
// again. Of a pool stopped as a whole, the other slots stay stopped one by one.
void Pool::lift_stops(std::optional<Slot> slot) {
    for (auto& place : places_) {
        const bool concerned = !slot || place.slot == *slot;
        place.stopped = !concerned && (place.stopped || stopped_);
    }
    stopped_ = false;
    recount_wanted();
}

// Whether it can start at once or has to wait for its CPUs.
void Pool::pass_gate(Place& place) {
    place.past_gate = true;
    if (auto waiting = gated_.extract(place.ticket)) queue_.insert(std::move(waiting));
}

void Pool::start(std::optional<Slot> slot, const Turn& turn) {
    if (leaving()) return;
    lift_stops(slot);
    if (!slot) open_gate();
    for (auto& place : places_) {
        if (!is_wanted(place) || (slot && place.slot != *slot)) continue;
        if (slot) pass_gate(place);
        step(place, turn, [](Worker& w, const Scene& s) { w.start(s); });
        if (slot) start_alone(place, turn);
    }
}

void Pool::stop(std::optional<Slot> slot, const Turn& turn) {
    if (!slot) {
        stopped_ = true;
        roll_.clear();
        stop_all(StopReason::operator_stop, turn);
    } else if (Place* place = find(*slot)) {
        place->stopped = true;
        step(*place, turn, [](Worker& w, const Scene& s) { w.stop(s, StopReason::operator_stop); });
    }
    recount_wanted();
}

void Pool::restart(std::optional<Slot> slot, const Turn& turn) {
    if (leaving()) return;
    Place* place = slot ? find(*slot) : nullptr;
    if (place && place->worker.is_up()) {
        place->past_gate = true;
        step(*place, turn, [](Worker& w, const Scene& s) { w.replace(s, StopReason::operator_restart); });
        return;
    }
    if (slot) return start(slot, turn);
    lift_stops(slot);
    open_gate();
    for (auto& each : places_) {
        if (!is_wanted(each)) continue;
        if (each.worker.is_up()) {
            roll_.add(each.slot, {each.worker.generation(), StopReason::operator_restart});
        } else {
            step(each, turn, [](Worker& w, const Scene& s) { w.start(s); });
        }
    }
}

void Pool::signal(std::optional<Slot> slot, int number, const Turn& turn) {
    for (const auto& place : places_) {
        if (slot && place.slot != *slot) continue;
        if (place.worker.is_alive()) turn.out.act(Signal{{name_, place.slot, place.worker.generation()}, number});
    }
}

}  // namespace pinion::supervise
