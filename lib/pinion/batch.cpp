// SPDX-License-Identifier: Apache-2.0
#include <pinion/errors.h>

#include <algorithm>
#include <stdexcept>

#include "pinion/batch_state.h"

namespace pinion::inline v0::detail {
namespace {

// Later than any clock can add to its now.
constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);

template <class Predicate>
bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock, Timeout timeout, Predicate done) {
    if (done()) return true;
    if (timeout.span().count() <= 0) return false;
    if (timeout.span() > longest) {
        changed.wait(lock, done);
        return true;
    }
    return changed.wait_for(lock, timeout.span(), done);
}

}  // namespace

void Batch::State::settle(std::uint32_t index, Settled result) {
    const std::lock_guard guard(mutex);
    results[index] = std::move(result);
    --unsettled;
    if (eager) settled.push_back(index);
    // Under the lock: who waits may be the last to hold this, and gone once it is free.
    if (eager || unsettled == 0) changed.notify_all();
}

Batch::Batch(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
Batch::Batch(const Batch&) = default;
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(const Batch&) = default;
Batch& Batch::operator=(Batch&&) noexcept = default;
Batch::~Batch() = default;

std::size_t Batch::size() const { return state_->results.size(); }

bool Batch::wait(std::size_t index, Timeout timeout) const {
    std::unique_lock lock(state_->mutex);
    return wait_until(state_->changed, lock, timeout,
                      [&] { return state_->results.at(index).kind != Settled::Kind::pending; });
}

bool Batch::wait_all(Timeout timeout) const {
    std::unique_lock lock(state_->mutex);
    return wait_until(state_->changed, lock, timeout, [&] { return state_->unsettled == 0; });
}

std::optional<std::size_t> Batch::next(Timeout timeout) const {
    std::unique_lock lock(state_->mutex);
    if (state_->given == state_->results.size()) return std::nullopt;
    if (!wait_until(state_->changed, lock, timeout, [&] { return !state_->settled.empty(); })) return std::nullopt;
    const std::size_t index = state_->settled.front();
    state_->settled.pop_front();
    ++state_->given;
    return index;
}

std::string Batch::take(std::size_t index) const {
    Settled result;
    {
        const std::lock_guard guard(state_->mutex);
        Settled& stored = state_->results.at(index);
        if (stored.kind == Settled::Kind::taken) throw std::logic_error("result that was taken before");
        result = std::move(stored);
        stored = {.kind = Settled::Kind::taken, .text = {}, .death = nullptr};
    }
    switch (result.kind) {
        case Settled::Kind::died: throw WorkerDied(*result.death);
        case Settled::Kind::timed_out: throw TaskTimedOut();
        case Settled::Kind::closed: throw PoolClosed(result.text);
        default: break;
    }
    // The worker's own mark: whether the task's call came to its end.
    Reader in(result.text);
    if (!decode<bool>(in)) {
        const auto type = decode<std::string>(in);
        throw TaskFailed(type, decode<std::string>(in));
    }
    result.text.erase(0, 1);
    return std::move(result.text);
}

}  // namespace pinion::inline v0::detail
