// SPDX-License-Identifier: Apache-2.0
// What a worker says of itself to people.
#include "supervise/partition.h"
#include "supervise/worker.h"

namespace pinion::supervise {

using namespace state;

namespace {

std::string describe_end(const PastLife& life, bool start_timed_out) {
    if (life.failure) return to_string(*life.failure);
    if (start_timed_out) return "not ready in time";
    std::string text = to_string(*life.death);
    const bool failure = life.decision.kind != Decision::Kind::complete;
    if (failure && !life.death->last_lines.empty()) text += " (" + life.death->last_lines.back() + ")";
    return text;
}

std::string describe_ends(const PastLife& last, bool start_timed_out, std::uint32_t failures) {
    auto text = describe_end(last, start_timed_out);
    if (failures > 1) text += ", " + std::to_string(failures) + " times in a row";
    return text;
}

const char* why_given_up(Decision::Kind kind) {
    switch (kind) {
        case Decision::Kind::give_up_fatal: return "; not restarted: listed in restart.fatal";
        case Decision::Kind::give_up_limit: return "; not restarted: restart.limit exceeded";
        case Decision::Kind::give_up_policy: return "; not restarted: restart.policy is never";
        case Decision::Kind::restart:
        case Decision::Kind::complete:
        case Decision::Kind::stopped:
        case Decision::Kind::replace: return "";
    }
    return "";
}

}  // namespace

WorkerView Worker::view(Slot slot, const cpu::Seat& seat) const {
    return {.slot = slot,
            .generation = generation_,
            .state = visible(kind()),
            .since = since_,
            .restarts = counter_.restarts(),
            .failures_in_row = counter_.failures_in_row(),
            .next_retry = kind() == StateKind::backoff ? deadline() : no_deadline,
            .seat = seat,
            .note = note(),
            .status_text = is_alive() ? status_text_ : std::string{}};
}

std::string Worker::note() const {
    const auto failures = counter_.failures_in_row();
    return partition(
        state_,
        on<Backoff>([&](const Backoff&) { return describe_ends(history_.back(), last_start_timed_out_, failures); }),
        on<Failed>([&](const Failed& s) {
            return describe_ends(history_.back(), last_start_timed_out_, failures) + why_given_up(s.why);
        }),
        on<Completed>([&](const Completed&) { return describe_end(history_.back(), false); }),
        on<Stopping>([](const Stopping& s) { return std::string(to_string(s.why)); }),
        on<Spawning>([](const Spawning& s) { return std::string(s.after_answer ? to_string(s.why) : ""); }),
        on<Clearing>([](const Clearing&) { return std::string("its processes are being cleared away"); }),
        on<Idle, Waiting, Starting, Running>([](const auto&) { return std::string{}; }));
}

}  // namespace pinion::supervise
