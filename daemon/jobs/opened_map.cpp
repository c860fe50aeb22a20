// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/opened_map.h"

#include <iterator>
#include <utility>

#include "daemon/jobs/job_reply.h"

namespace pinion::daemon {
namespace {

std::size_t bytes_of(const AddItemsRequest& request) {
    std::size_t bytes = 0;
    for (const auto& input : request.inputs) bytes += input.size();
    return bytes;
}

}  // namespace

OpenedMap::OpenedMap(JobQueue& queue, ClientPort& port, const JobPool& pool, const OpenMapRequest& request,
                     const jobs::StoredMap& map)
    : MapStream(queue, port, map.map),
      pool_(pool.id),
      capacity_(pool.spec->jobs->queue.capacity),
      named_(!request.name.empty()),
      unordered_(request.unordered),
      results_(request.results),
      priority_(request.priority),
      stored_items_(std::max(map.items, map.given)),
      name_(request.name) {
    if (results_) queue_.listen(map.map, *this);
    queue_.begin_filling(map.map);
}

OpenedMap::~OpenedMap() {
    queue_.end_filling(map());
    for (const auto& [from, ticket] : tickets_) queue_.abandon(ticket);
    if (named_ || complete() || (sealed_ && !results_)) return;
    queue_.cancel_map(map(), {});
    queue_.seal_map(map(), {.items = next_});
}

bool OpenedMap::has_window_for(std::size_t items) const {
    return !results_ || entries_.empty() || entries_.size() + items <= socket_limits::map_window;
}

void OpenedMap::add(AddItemsRequest request) {
    const std::uint64_t expected = held_.empty() ? next_ : held_.back().from + held_.back().inputs.size();
    if (seal_asked_) return give_up(FailureCode::invalid, "add items: the map is sealed");
    if (request.from != expected)
        return give_up(FailureCode::invalid,
                       "add items: the next is " + std::to_string(expected) + ", not " + std::to_string(request.from));
    if (tickets_.size() + held_.size() >= socket_limits::max_unanswered_adds)
        return give_up(FailureCode::busy, "add items: wait for the answers to the last " +
                                              std::to_string(socket_limits::max_unanswered_adds));
    // Behind one that waits already, whatever its size.
    if (!held_.empty() || !has_window_for(request.inputs.size())) {
        held_.push_back(std::move(request));
        return;
    }
    start(std::move(request));
}

void OpenedMap::start(AddItemsRequest request) {
    auto adding = std::make_shared<Adding>();
    adding->bytes = bytes_of(request);
    adding->request = std::move(request);
    const std::size_t items = adding->request.inputs.size();
    input_bytes_ += adding->bytes;
    next_ += items;
    if (results_) entries_.resize(entries_.size() + items);
    submit_some(std::move(adding));
}

// As many at a time as the queue can ever hold.
void OpenedMap::submit_some(std::shared_ptr<Adding> adding) {
    auto& inputs = adding->request.inputs;
    const std::uint64_t from = adding->request.from;
    const std::size_t at = adding->placed.size();
    const std::size_t count = std::min<std::uint64_t>(inputs.size() - at, capacity_);
    JobOrder order{.pool = pool_, .map = map(), .first_index = from + at};
    if (count == inputs.size())
        order.inputs = std::move(inputs);
    else
        order.inputs.assign(std::make_move_iterator(inputs.begin() + static_cast<std::ptrdiff_t>(at)),
                            std::make_move_iterator(inputs.begin() + static_cast<std::ptrdiff_t>(at + count)));
    const bool last = at + count >= inputs.size();
    order.priority = priority_;
    order.wait = true;
    auto done = [weak = weak_from_this(), &queue = queue_, map = map(), named = named_, from, last,
                 adding = std::move(adding)](Answer<std::vector<jobs::PlacedJob>> placed) {
        const auto self = weak.lock();
        if (self == nullptr) {  // its client went meanwhile
            if (!named) queue.cancel_map(map, {});
            return;
        }
        self->tickets_.erase(from);
        const bool goes_on = placed && !last && !self->over();
        if (!goes_on) self->input_bytes_ -= adding->bytes;
        if (!placed) return self->give_up(code_of(placed.error().kind), placed.error().message);
        const std::uint64_t first = from + adding->placed.size();
        adding->placed.insert(adding->placed.end(), placed->begin(), placed->end());
        if (goes_on)
            self->submit_some(adding);
        else
            self->tell_added(from, adding->placed);
        self->added(first, *placed);
    };
    tickets_.emplace(from, queue_.submit(std::move(order), std::move(done)));
}

void OpenedMap::tell_added(std::uint64_t from, const std::vector<jobs::PlacedJob>& placed) {
    if (over()) return;
    port_.outbox().add_text(wire::MessageType::items_added, map().value, added_reply(from, placed));
    port_.changed();
}

void OpenedMap::added(std::uint64_t from, const std::vector<jobs::PlacedJob>& placed) {
    if (over()) return;
    index_of_.forget_before(base_);
    for (std::size_t i = 0; results_ && i < placed.size(); ++i) {
        const std::uint64_t index = from + i;
        entry(index).id = placed[i].id;
        index_of_.add(placed[i].id, index);
        // One that was known and is at its end already is in the store, and no end of it will come.
        if (!placed[i].existing || queue_.phase(placed[i].id) != jobs::JobPhase::none) continue;
        note_in_store(entry(index));
        if (unordered_) ready_.push_back(index);
    }
    go_on();
}

void OpenedMap::seal() {
    if (seal_asked_) return give_up(FailureCode::invalid, "seal the map: it is sealed");
    seal_asked_ = true;
    go_on();
}

// After anything that may let a held add, the seal or the end come.
void OpenedMap::go_on() {
    pump();
    if (over()) return;
    while (!held_.empty() && has_window_for(held_.front().inputs.size())) {
        AddItemsRequest request = std::move(held_.front());
        held_.pop_front();
        start(std::move(request));
    }
    if (!seal_asked_ || !held_.empty() || !tickets_.empty()) return;
    if (!sealed_) {
        if (next_ < stored_items_)
            return give_up(FailureCode::invalid, "seal map '" + name_ + "': it has " + std::to_string(stored_items_) +
                                                     " items, and " + std::to_string(next_) +
                                                     " were given: other inputs need another name");
        sealed_ = true;
        total_ = next_;
        if (!results_) return seal_for_good();
        queue_.seal_map(map(), {.items = next_});
    }
    if (results_ && entries_.empty()) finish();
}

// Its client goes now, and relies on it.
void OpenedMap::seal_for_good() {
    queue_.seal_map(map(), {.items = next_, .goes_on = !named_}, [weak = weak_from_this()](Answer<void> sealed) {
        const auto self = weak.lock();
        if (self == nullptr) return;
        if (!sealed) return self->give_up(code_of(sealed.error().kind), sealed.error().message);
        self->finish();
    });
}

void OpenedMap::job_ended(const JobEnd& end) {
    const auto known = index_of_.find(end.job);
    if (!known || *known < base_ || over()) return;
    const std::uint64_t index = *known;
    if (entry(index).state != Entry::State::pending) return;
    note_end(end.state);
    entry(index).counted = true;
    const bool next_in_line = unordered_ ? ready_.empty() : index == base_;
    if (next_in_line && may_send()) {
        send({end.job, index, end.state, end.attempts, end.result, end.error});
        mark_sent(index);
        return go_on();
    }
    const std::size_t bytes = end.result.size() + end.error.size();
    largest_ = std::max(largest_, bytes);
    if (kept_bytes_ + bytes <= socket_limits::map_buffer_bytes)
        keep(index, {end.state, end.attempts, std::string(end.result), std::string(end.error)});
    else
        note_in_store(entry(index));
    if (unordered_) ready_.push_back(index);
    pump();
}

void OpenedMap::note_in_store(Entry& ended) {
    ended.state = Entry::State::ended;
    ++in_store_;
}

void OpenedMap::keep(std::uint64_t index, Kept kept) {
    kept_bytes_ += kept.bytes();
    entry(index).state = Entry::State::kept;
    entry(index).kept = std::make_unique<Kept>(std::move(kept));
}

void OpenedMap::send_kept(std::uint64_t index) {
    const auto kept = std::move(entry(index).kept);
    send({entry(index).id, index, kept->state, kept->attempts, kept->result, kept->error});
    kept_bytes_ -= kept->bytes();
    mark_sent(index);
}

void OpenedMap::mark_sent(std::uint64_t index) {
    entry(index).state = Entry::State::sent;
    while (!entries_.empty() && entries_.front().state == Entry::State::sent) {
        entries_.pop_front();
        ++base_;
    }
}

void OpenedMap::pump() {
    if (over()) return;
    const std::uint64_t before = base_;
    unordered_ ? pump_unordered() : pump_ordered();
    if (base_ != before) go_on();
}

void OpenedMap::pump_ordered() {
    while (!entries_.empty() && entries_.front().state == Entry::State::kept && may_send()) send_kept(base_);
    if (in_store_ == 0 || !may_send()) return;
    const std::size_t ahead = largest_ > socket_limits::large_result ? 1 : socket_limits::look_ups_ahead;
    const std::size_t most = std::min<std::uint64_t>({ahead, credit_, entries_.size()});
    for (std::size_t i = 0; i < most && asked_ < ahead; ++i)
        if (entries_[i].state == Entry::State::ended) look_up(base_ + i);
}

void OpenedMap::pump_unordered() {
    const std::size_t ahead = largest_ > socket_limits::large_result ? 1 : socket_limits::look_ups_ahead;
    while (!ready_.empty() && may_send()) {
        const std::uint64_t index = ready_.front();
        const bool kept = entry(index).state == Entry::State::kept;
        if (!kept && asked_ >= ahead) return;
        ready_.pop_front();
        kept ? send_kept(index) : look_up(index);
    }
}

void OpenedMap::look_up(std::uint64_t index) {
    entry(index).state = Entry::State::asked;
    --in_store_;
    ++asked_;
    queue_.look_up(entry(index).id, [weak = weak_from_this(), index](Answer<std::optional<jobs::StoredJob>> found) {
        if (const auto self = weak.lock()) self->looked_up(index, std::move(found));
    });
}

void OpenedMap::looked_up(std::uint64_t index, Answer<std::optional<jobs::StoredJob>> found) {
    --asked_;
    if (over()) return;
    if (!found) return give_up(code_of(found.error().kind), found.error().message);
    if (!*found)
        return give_up(FailureCode::not_found,
                       "read the result of job " + std::to_string(entry(index).id.value) + ": it is kept no longer");
    jobs::StoredJob& job = **found;
    if (!jobs::is_final(job.state)) return has_not_ended(index);
    const auto attempts = job.attempts.empty() ? 0 : job.attempts.back().number;
    std::string error = error_of(job);
    largest_ = std::max(largest_, job.result.size());
    if (!entry(index).counted) note_end(job.state);
    keep(index, {job.state, attempts, std::move(job.result), std::move(error)});
    if (unordered_) ready_.push_front(index);
    pump();
}

// It was taken for ended since the scheduler did not know it: it hears of a job that was just queued in its next turn.
// An end that came during the look-up was not heard here, so in doubt it is looked up once more.
void OpenedMap::has_not_ended(std::uint64_t index) {
    Entry& at = entry(index);
    if (queue_.phase(at.id) != jobs::JobPhase::none) {
        at.state = Entry::State::pending;
        return pump();
    }
    if (at.doubtful)
        return give_up(FailureCode::refused, "wait for job " + std::to_string(at.id.value) +
                                                 ": it has not ended, and its queue is not there");
    at.doubtful = true;
    note_in_store(at);
    if (unordered_) ready_.push_front(index);
    pump();
}

}  // namespace pinion::daemon
