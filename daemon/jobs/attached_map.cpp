// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/attached_map.h"

#include "daemon/jobs/job_reply.h"
#include "jobs/store_memory.h"

namespace pinion::daemon {
namespace {

constexpr std::size_t much = 256 << 10;  // of one read, in bytes: the next asks for less

}  // namespace

AttachedMap::AttachedMap(JobQueue& queue, ClientPort& port, const jobs::StoredMap& map, std::uint64_t from)
    : MapStream(queue, port, map.map), next_(from) {
    const auto view = queue.map(map.map);
    const std::uint64_t left = view ? view->unfinished : 0;
    settled_ = map.sealed && left == 0;
    const std::uint64_t items = std::max(map.items, map.given);
    ended_ = items - std::min(items, left);
    missing_ = map.sealed ? items - map.items : 0;
    if (view) failed_ = view->failed;
    if (map.sealed) total_ = items;
    queue.listen(map.map, *this);
    tell_progress();
}

void AttachedMap::pump() {
    if (over()) return;
    while (!kept_.empty() && may_send()) {
        const jobs::StoredJob& job = kept_.front();
        const auto attempts = job.attempts.empty() ? 0 : job.attempts.back().number;
        const std::string error = error_of(job);
        send({job.id, job.index, job.state, attempts, job.result, error});
        kept_.pop_front();
    }
    // Without credit one more is read once all have ended, to learn whether there is one.
    const bool wanted = worth_ && (credit_ > 0 || settled_);
    if (kept_.empty() && !reading_ && wanted && !not_before_ && port_.has_room()) read();
}

void AttachedMap::read() {
    reading_ = true;
    worth_ = false;
    settled_before_ = settled_;
    asked_ = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(credit_, 1, limit_));
    queue_.read_items(map(), next_, asked_, [weak = weak_from_this()](Answer<std::vector<jobs::StoredJob>> items) {
        if (const auto self = weak.lock()) self->have_read(std::move(items));
    });
}

void AttachedMap::have_read(Answer<std::vector<jobs::StoredJob>> items) {
    reading_ = false;
    if (over()) return;
    if (!items) return give_up(code_of(items.error().kind), items.error().message);
    std::size_t bytes = 0;
    for (auto& job : *items) {
        bytes += job.result.size();
        next_ = job.index + 1;
        kept_.push_back(std::move(job));
    }
    limit_ = bytes > much ? std::max(1U, limit_ / 4) : std::min(limit_ * 2, socket_limits::read_items_most);
    if (items->empty() && settled_before_) return all_read();
    if (items->empty() && !jobs::is_in_memory(map()))
        if (const auto stopped = queue_.stopped()) return store_stopped(*stopped);
    // An end that came since the read began makes it worth while to read once more, first.
    if (items->empty() && !settled_ && !worth_ && is_abandoned())
        return give_up(
            FailureCode::refused,
            "the map ends after " + std::to_string(next_) +
                " results: its inputs are incomplete, and nobody adds to it; give them again under its name");
    // After the last one a read that finds nothing says so; before, only another end makes it worth while.
    if (!items->empty() || settled_) worth_ = true;
    if (items->empty() && !settled_) {
        // Items end out of order: an end says little about the one that is next, so they are not asked after each.
        not_before_ = add_saturating(port_.now(), socket_limits::read_again);
        port_.changed();
    }
    pump();
}

// The store gives items up to the first that it has no more.
void AttachedMap::all_read() {
    if (next_ >= total_.value_or(0)) return finish();
    const std::string gone = missing_ <= 1 ? "it is" : std::to_string(missing_) + " of them are";
    give_up(FailureCode::not_found, "read result " + std::to_string(next_) + " of the map's " +
                                        std::to_string(*total_) + ": " + gone + " kept no longer");
}

// Whoever filled it went before its end, and nothing of what it gave is left to be done.
bool AttachedMap::is_abandoned() const {
    if (queue_.is_filled(map())) return false;
    const auto view = queue_.map(map());
    return view && !view->sealed && view->unfinished == 0;
}

std::optional<MonotonicTime> AttachedMap::deadline() const {
    const auto progress = MapStream::deadline();
    if (!not_before_ || !progress) return not_before_ ? not_before_ : progress;
    return std::min(*not_before_, *progress);
}

void AttachedMap::tick(MonotonicTime now) {
    MapStream::tick(now);
    if (!not_before_ || *not_before_ > now) return;
    not_before_.reset();
    pump();
}

void AttachedMap::job_ended(const JobEnd& end) {
    if (over()) return;
    note_end(end.state);
    worth_ = true;
    pump();
}

void AttachedMap::map_settled(const jobs::MapSettled& settled) {
    settled_ = true;
    total_ = settled.items;
    worth_ = true;
    pump();
}

void AttachedMap::map_left() {
    worth_ = true;
    pump();
}

}  // namespace pinion::daemon
