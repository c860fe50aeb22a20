// SPDX-License-Identifier: Apache-2.0
// A pool's steps: how one worker's event moves the counts, the queue, the roll and the pool's own state.
#include "supervise/pool.h"

#include <algorithm>
#include <utility>

namespace pinion::supervise {

Pool::Pool(Birth birth, Deadlines& deadlines, const Occupied& occupied)
    : name_(std::move(birth.name)),
      serial_(birth.serial),
      seed_(birth.seed),
      deadlines_(deadlines),
      occupied_(occupied),
      floor_(birth.last) {}

Pool::~Pool() {
    for (const auto& place : places_) {
        deadlines_.change({serial_, place.slot.value, this}, place.worker.deadline(), no_deadline);
    }
    set_own_deadline(no_deadline);
}

void Pool::note_step(Place& place, StateKind before, MonotonicTime deadline, const Turn& turn) {
    const auto kind = place.worker.kind();
    if (kind != before) {
        --counts_[static_cast<std::size_t>(before)];
        ++counts_[static_cast<std::size_t>(kind)];
        if (before == StateKind::waiting && queue_.erase(place.ticket) == 0) gated_.erase(place.ticket);
        if (kind == StateKind::waiting) {
            place.ticket = next_ticket_++;
            auto& line = gate_open_ || place.past_gate ? queue_ : gated_;
            line.emplace(place.ticket, place.slot);
        }
    }
    deadlines_.change({serial_, place.slot.value, this}, deadline, place.worker.deadline());
    if (place.next && !has_process(kind)) {
        place.seat = *place.next;
        set_next(place, std::nullopt);
    }
    remove_if_surplus(place, turn);
}

Scene Pool::scene(const Place& place, const Turn& turn) const {
    return {.pool = name_,
            .slot = place.slot,
            .spec = spec_,
            .seat = place.seat,
            .text = text_,
            .seed = seed_,
            .closing = leaving(),
            .turn = turn};
}

Place* Pool::find(Slot slot) { return slot.value < places_.size() ? &places_[slot.value] : nullptr; }

const Place* Pool::find(Slot slot) const { return slot.value < places_.size() ? &places_[slot.value] : nullptr; }

void Pool::timer(std::uint32_t slot, const Turn& turn) {
    if (slot == Deadlines::whole_pool) {
        set_own_deadline(no_deadline);  // settle() starts who is due
        return;
    }
    if (Place* place = find(Slot{slot})) step(*place, turn, [](Worker& w, const Scene& s) { w.timer(s); });
}

void Pool::settle(const Turn& turn) {
    advance_roll(turn);
    move_due(turn);
    start_due(turn);
    forget_removed();
    name_state(turn);
}

void Pool::advance_roll(const Turn& turn) {
    while (roll_.active()) {
        if (const auto current = roll_.current()) {
            const Place* place = find(*current);
            const bool there = place == nullptr || !is_wanted(*place) || place->worker.kind() == StateKind::running ||
                               place->worker.kind() == StateKind::completed;
            if (!there) return;
            roll_.finish_current();
            turn.out.report(RollProgress{name_, roll_.done(), roll_.total()});
            continue;
        }
        const auto [slot, target] = roll_.take();
        Place* place = find(slot);
        if (place && place->worker.is_up() && place->worker.generation() == target.generation) {
            step(*place, turn, [why = target.why](Worker& w, const Scene& s) { w.replace(s, why); });
        }
    }
    roll_.clear();
}

void Pool::start_due(const Turn& turn) {
    for (auto next = queue_.begin(); next != queue_.end();) {
        Place& place = places_[next->second.value];
        ++next;  // who starts leaves the queue
        if (occupied_.bars(place.seat)) continue;
        const auto stagger = spec_->start.stagger;
        const auto due = last_start_ ? add_saturating(*last_start_, stagger) : turn.now;
        if (due > turn.now) return set_own_deadline(due);
        start_alone(place, turn);
    }
    set_own_deadline(no_deadline);
}

namespace {

// One that is being spawned is on its old seat until the answer is there; what is being cleared away stays there to its
// end.
bool can_move(StateKind kind) { return kind != StateKind::spawning && kind != StateKind::clearing; }

}  // namespace

void Pool::move_due(const Turn& turn) {
    if (moving_ == 0) return;
    for (auto& place : places_) {
        if (!place.next || !can_move(place.worker.kind()) || occupied_.bars(*place.next)) continue;
        place.seat = *place.next;
        set_next(place, std::nullopt);
        step(place, turn, [](Worker& w, const Scene& s) { w.seat_changed(s); });
    }
}

Occupied Pool::held_back(const Occupied& occupied) const {
    Occupied held;
    for (const auto& place : places_) {
        if (place.next && (!can_move(place.worker.kind()) || occupied.bars(*place.next))) held.add(place.seat);
    }
    return held;
}

Occupied Pool::left_behind() const {
    Occupied left;
    const std::size_t first = withdrawn_ ? 0 : declared_;
    for (std::size_t i = first; i < places_.size(); ++i) {
        const Place& place = places_[i];
        if (place.removed || !has_process(place.worker.kind())) continue;
        left.add(place.seat);
    }
    return left;
}

bool Pool::waits_for_cpus() const {
    if (occupied_.any.empty()) return false;
    if (moving_ > 0) return true;
    return std::ranges::any_of(queue_,
                               [&](const auto& entry) { return occupied_.bars(places_[entry.second.value].seat); });
}

void Pool::start_alone(Place& place, const Turn& turn) {
    if (occupied_.bars(place.seat)) return;
    if (place.worker.kind() == StateKind::waiting) last_start_ = turn.now;
    place.past_gate = true;
    step(place, turn, [](Worker& w, const Scene& s) { w.turn(s); });
}

void Pool::name_state(const Turn& turn) {
    const auto state = pool_state(facts());
    if (state == state_) return;
    state_ = state;
    since_ = turn.now;
    const bool rests =
        state == PoolState::completed || state == PoolState::failed || (state == PoolState::stopped && !leaving());
    const bool recovered = state == PoolState::running && had_failed_;
    if (rests || recovered) turn.out.report(PoolReached{name_, to_string(state)});
    // Each back-off and its end have records of their own; that a pool has recovered is news where it had given up.
    if (state == PoolState::failed) had_failed_ = true;
    const bool settled = state == PoolState::running || state == PoolState::completed || state == PoolState::stopped;
    if (settled) had_failed_ = false;
}

void Pool::set_own_deadline(MonotonicTime deadline) {
    deadlines_.change({serial_, Deadlines::whole_pool, this}, own_deadline_, deadline);
    own_deadline_ = deadline;
}

bool Pool::is_wanted(const Place& place) const {
    return place.slot.value < declared_ && !place.stopped && !place.seat.parked && !stopped_ && !leaving();
}

void Pool::recount_wanted() {
    wanted_ = static_cast<std::uint32_t>(
        std::ranges::count_if(places_, [&](const Place& place) { return is_wanted(place); }));
}

std::uint32_t Pool::processes() const noexcept {
    std::uint32_t sum = 0;
    for (std::size_t kind = 0; kind < state_kinds; ++kind) {
        if (has_process(static_cast<StateKind>(kind))) sum += counts_[kind];
    }
    return sum;
}

PoolFacts Pool::facts() const {
    return {.leaving = leaving(),
            .stopped = stopped_,
            .slots = declared_,
            .wanted = wanted_,
            .running = count(StateKind::running),
            .completed = count(StateKind::completed),
            .failed = count(StateKind::failed),
            .backoff = count(StateKind::backoff),
            .processes = processes()};
}

Generation Pool::last_generation() const {
    Generation last = floor_;
    for (const auto& place : places_) last = std::max(last, place.worker.generation());
    return last;
}

bool Pool::has_slot(Slot slot) const {
    const Place* place = find(slot);
    return place != nullptr && !place->removed;
}

PoolView Pool::view() const {
    return {.name = name_,
            .state = state_,
            .since = since_,
            .wanted = wanted_ - std::min(wanted_, count(StateKind::completed)),
            .running = count(StateKind::running),
            .withdrawn = withdrawn_,
            .stopped_by_operator = stopped_,
            .note = note()};
}

std::vector<WorkerView> Pool::workers() const {
    std::vector<WorkerView> views;
    views.reserve(places_.size());
    for (const auto& place : places_) {
        if (place.removed) continue;
        auto& view = views.emplace_back(place.worker.view(place.slot, place.seat));
        if (place.seat.parked && view.state == WorkerState::idle)
            view.note = "waits for CPUs: those of its seat are gone";
        if (place.stopped && view.state == WorkerState::idle) view.note = "stopped by an operator";
        if (place.next && view.note.empty())
            view.note = "waits for a worker that is stopping before it moves to CPUs " + place.next->mask.to_list();
        if (place.worker.kind() != StateKind::waiting) continue;
        const bool gated = gated_.contains(place.ticket);
        if (!gated && occupied_.bars(place.seat))
            view.note = "waits for a worker that is stopping to leave its CPUs " + place.seat.mask.to_list();
        else
            view.note = gated ? "waits for other pools (start.after)" : "waits for its turn (start.stagger)";
    }
    return views;
}

std::vector<PastLife> Pool::history(Slot slot) const {
    const Place* place = find(slot);
    return place ? place->worker.history() : std::vector<PastLife>{};
}

std::string Pool::note() const {
    if (withdrawn_) return "leaves the configuration";
    if (shutting_down_) return "shutdown";
    if (stopped_) return "stopped by an operator";
    for (const auto worst : {StateKind::failed, StateKind::backoff}) {
        if (count(worst) == 0) continue;
        const auto place = std::ranges::find_if(places_, [&](const Place& p) { return p.worker.kind() == worst; });
        if (place != places_.end()) return slot_name(name_, place->slot) + ": " + place->worker.note();
    }
    if (!roll_.active()) return "";
    return "replacing workers one at a time, " + std::to_string(roll_.done()) + " of " + std::to_string(roll_.total()) +
           " done";
}

}  // namespace pinion::supervise
