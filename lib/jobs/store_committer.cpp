// SPDX-License-Identifier: Apache-2.0
#include "jobs/store_committer.h"

#include <algorithm>
#include <cerrno>
#include <unordered_set>

namespace pinion::jobs {
namespace {

constexpr std::uint64_t page_bytes = 4096;
// While requests keep coming, a slice of expiry comes after so many batches, or after so many ends of jobs.
constexpr std::uint64_t busy_batches = 64;
constexpr std::uint64_t busy_ends = 512;

bool is_submit(const WriteRequest& request) {
    return std::holds_alternative<Enqueue>(request) || std::holds_alternative<OpenMap>(request);
}

std::size_t weight(const WriteRequest& request) {
    if (const auto* submit = std::get_if<Enqueue>(&request)) return std::max<std::size_t>(1, submit->jobs.size());
    return 1;
}

StoreAnswer refusal(const WriteRequest& request, const StoreHealth& health) {
    const bool submit = std::holds_alternative<Enqueue>(request);
    Error error{health.code, (submit ? "submit: " : "open a map: ") + health.reason};
    if (submit) return Enqueued{std::get<Enqueue>(request).token, std::unexpected(std::move(error))};
    return MapStored{std::get<OpenMap>(request).token, std::unexpected(std::move(error))};
}

StoreHealth full(const Error& error) {
    return {StoreHealth::State::full, error.message + ", submits are refused until there is room", error.code};
}

StoreHealth stopped(const Error& error) {
    return {StoreHealth::State::stopped,
            error.message + ", nothing is written any more until the daemon is started anew", error.code};
}

}  // namespace

Committer::Committer(Parts parts) : parts_(std::move(parts)) {
    committing_ = std::thread([this] { commit_loop(); });
    checkpointing_ = std::thread([this] { checkpoint_loop(); });
}

Committer::~Committer() {
    {
        const std::scoped_lock lock(mutex_);
        closing_ = true;
    }
    work_.notify_all();
    committing_.join();
    {
        const std::scoped_lock lock(checkpoint_mutex_);
        checkpoints_closing_ = true;
    }
    checkpoint_wanted_.notify_all();
    checkpointing_.join();
}

void Committer::declare(JobPoolId pool, const std::string& name, Duration retention) {
    const std::scoped_lock lock(mutex_);
    declared_.push_back({pool, name, retention});
}

void Committer::post(StowedRequest request) {
    {
        const std::scoped_lock lock(mutex_);
        queued_bytes_ += request.bytes;
        queue_.push_back(std::move(request));
    }
    work_.notify_one();
}

void Committer::expire(WallTime now) {
    {
        const std::scoped_lock lock(mutex_);
        expire_before_ = now;
    }
    work_.notify_one();
}

bool Committer::has_room() const {
    const std::scoped_lock lock(mutex_);
    return queue_.size() < limits::store_queue_requests && queued_bytes_ < limits::store_queue_bytes;
}

StoreHealth Committer::health() const {
    const std::scoped_lock lock(mutex_);
    return health_;
}

void Committer::stop(const Error& error) {
    set_health(stopped(error));
    work_.notify_one();
}

void Committer::spool_is_full(const Error& error) {
    {
        const std::scoped_lock lock(mutex_);
        spool_is_full_ = true;
        retry_at_ = std::chrono::steady_clock::now() + limits::store_retry;
    }
    set_health(full(error));
    work_.notify_one();
}

void Committer::spool_has_room() {
    {
        const std::scoped_lock lock(mutex_);
        spool_is_full_ = false;
        retry_at_ = std::chrono::steady_clock::now();
    }
    work_.notify_one();
}

void Committer::set_health(StoreHealth health) {
    {
        const std::scoped_lock lock(mutex_);
        if (health_.state == health.state || health_.state == StoreHealth::State::stopped) return;
        health_ = health;
    }
    parts_.answers->put(std::move(health));
}

void Committer::commit_loop() {
    Batch batch;
    while (next_batch(batch)) {
        const bool idle = batch.empty();
        if (!idle || health().state == StoreHealth::State::full) commit(std::exchange(batch, {}));
        if (idle || ++batches_ >= busy_batches || ended_ >= busy_ends) expire_slice();
        mind_the_log();
    }
}

// Submits that can't be written are answered at once; what must not be lost waits in the queue. Of a submit that was
// refused for want of room nothing is left; after a failed sync nobody knows what is on the disk, so its files stay.
void Committer::refuse_some(std::unique_lock<std::mutex>& lock, bool all) {
    std::vector<StoreAnswer> answers;
    std::vector<std::string> files;
    auto kept = queue_.begin() + static_cast<std::ptrdiff_t>(all ? 0 : looked_at_);
    for (auto request = kept; request != queue_.end(); ++request) {
        const bool submit = is_submit(request->request);
        if (submit) answers.push_back(refusal(request->request, health_));
        if (submit || all) {
            queued_bytes_ -= request->bytes;
            for (Stowed& part : request->stowed)
                if (!all && !part.file.empty()) files.push_back(std::move(part.file));
            continue;
        }
        if (kept != request) *kept = std::move(*request);
        ++kept;
    }
    queue_.erase(kept, queue_.end());
    looked_at_ = queue_.size();
    if (answers.empty()) return;
    lock.unlock();
    for (const std::string& file : files) parts_.spool->remove(file);
    parts_.answers->put(std::move(answers));
    lock.lock();
}

// False: it is time to end.
bool Committer::wait_for_work(std::unique_lock<std::mutex>& lock) {
    for (;;) {
        if (health_.state == StoreHealth::State::stopped) {
            refuse_some(lock, true);
            if (closing_) return false;
            if (queue_.empty()) work_.wait(lock);
            continue;
        }
        if (health_.state == StoreHealth::State::full) {
            refuse_some(lock, false);
            if (closing_ || std::chrono::steady_clock::now() >= retry_at_) return !closing_ || !queue_.empty();
            work_.wait_until(lock, retry_at_);
            continue;
        }
        if (!queue_.empty() || (expire_before_ && health_.state == StoreHealth::State::open)) return true;
        if (closing_) return false;
        work_.wait(lock);
    }
}

bool Committer::next_batch(Batch& batch) {
    batch.clear();
    std::unique_lock lock(mutex_);
    if (!wait_for_work(lock)) return false;
    for (const Declared& one : std::exchange(declared_, {})) {
        parts_.writer->name_pool(one.pool, one.name);
        parts_.retention->declare(one.name, one.retention);
    }
    std::size_t size = 0;
    while (!queue_.empty() && size < limits::store_batch_requests) {
        size += weight(queue_.front().request);
        queued_bytes_ -= queue_.front().bytes;
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    looked_at_ = 0;
    return true;
}

void Committer::commit(Batch batch) {
    std::vector<StoreAnswer> answers;
    parts_.database->forget_trouble();
    // A log that is copied can be written over: perhaps that is all the room that is needed.
    if (health().state == StoreHealth::State::full) (void)parts_.database->checkpoint(Database::Checkpoint::restart);
    parts_.database->forget_trouble();
    if (auto done = transact(batch, answers); !done) return failed(std::move(batch), done.error());
    for (const std::string& file : parts_.writer->committed()) parts_.spool->remove(file);
    parts_.retention->committed();
    succeeded();
    parts_.answers->put(std::move(answers));
    at(StorePoint::answered);
}

// The spooler's disk may be as full as before: it alone can tell.
void Committer::succeeded() {
    {
        const std::scoped_lock lock(mutex_);
        if (spool_is_full_) {
            retry_at_ = std::chrono::steady_clock::now() + limits::store_retry;
            return;
        }
    }
    set_health({});
}

Result<void> Committer::sync_commits(bool sync) {
    if (sync == synced_) return {};
    PINION_CHECK(parts_.database->run(sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
    synced_ = sync;
    return {};
}

Result<void> Committer::transact(const Batch& batch, std::vector<StoreAnswer>& answers) {
    PINION_CHECK(sync_commits(std::ranges::any_of(batch, &StowedRequest::durable)));
    PINION_CHECK(parts_.database->check_in_place());
    PINION_CHECK(parts_.database->run("BEGIN IMMEDIATE"));
    at(StorePoint::transaction_begun);
    auto applied = apply_all(batch, answers);
    if (applied) {
        at(StorePoint::before_commit);
        applied = parts_.database->run("COMMIT");
    }
    if (!applied) {
        // Some errors roll back by themselves; then this one has nothing to do.
        const DatabaseTrouble trouble = parts_.database->trouble();
        (void)parts_.database->run("ROLLBACK");
        if (trouble == DatabaseTrouble::none) parts_.database->forget_trouble();
        parts_.writer->roll_back();
        parts_.retention->roll_back();
        return applied;
    }
    at(StorePoint::committed);
    return {};
}

Result<void> Committer::apply_all(const Batch& batch, std::vector<StoreAnswer>& answers) {
    // A full disk commits what changes nothing: that would pass for room.
    if (health().state == StoreHealth::State::full) PINION_CHECK(parts_.writer->probe());
    if (batch.empty()) return {};
    PINION_CHECK(parts_.retention->note_declared());
    const WallTime now = wall_now();
    std::unordered_set<JobId> ending;
    for (const StowedRequest& request : batch)
        if (const auto* finish = std::get_if<NoteFinish>(&request.request)) ending.insert(finish->job);
    ended_ += ending.size();
    for (const StowedRequest& request : batch) {
        const auto* claim = std::get_if<NoteClaim>(&request.request);
        if (claim != nullptr && !claim->token && ending.contains(claim->job)) continue;
        PINION_CHECK(parts_.writer->apply(request, now, answers));
        at(StorePoint::request_applied);
    }
    return {};
}

void Committer::failed(Batch batch, const Error& error) {
    const bool no_room = parts_.database->trouble() == DatabaseTrouble::full;
    {
        const std::scoped_lock lock(mutex_);
        retry_at_ = std::chrono::steady_clock::now() + limits::store_retry;
        // In front again, in their order; submits among them are refused with the next look at the queue.
        for (auto request = batch.rbegin(); request != batch.rend(); ++request) {
            queued_bytes_ += request->bytes;
            if (!closing_ || is_submit(request->request)) queue_.push_front(std::move(*request));
        }
        looked_at_ = 0;
    }
    set_health(no_room ? full(error) : stopped(error));
    std::unique_lock lock(mutex_);
    refuse_some(lock, !no_room);
}

void Committer::expire_slice() {
    const std::uint64_t rows = slice_rows(batches_ > 0, std::exchange(ended_, 0));
    batches_ = 0;
    std::optional<WallTime> now;
    {
        const std::scoped_lock lock(mutex_);
        if (!expire_before_ || health_.state != StoreHealth::State::open) return;
        now = expire_before_;
    }
    Retention::Slice slice;
    parts_.database->forget_trouble();
    auto done = forget_slice(*now, rows, slice);
    if (!done) {
        const auto trouble = parts_.database->trouble();
        (void)parts_.database->run("ROLLBACK");
        parts_.retention->roll_back();
        if (trouble != DatabaseTrouble::full) return failed({}, done.error());
    } else {
        parts_.retention->committed();
        remove_files(slice.files);
    }
    parts_.writer->forget_maps();  // some may be gone
    const std::scoped_lock lock(mutex_);
    // Where there is no room: later, then.
    if ((!done || slice.jobs < rows) && expire_before_ == now) expire_before_.reset();
}

// What the loss of power brings back is forgotten again; but a row must not come back whose file is gone.
Result<void> Committer::forget_slice(WallTime now, std::uint64_t rows, Retention::Slice& slice) {
    PINION_TRY(chosen, parts_.retention->choose(now, rows));
    slice = std::move(chosen);
    PINION_CHECK(sync_commits(!slice.files.empty()));
    PINION_CHECK(parts_.database->run("BEGIN IMMEDIATE"));
    PINION_CHECK(parts_.retention->note_declared());
    PINION_CHECK(parts_.retention->forget(slice));
    return parts_.database->run("COMMIT");
}

void Committer::remove_files(const std::vector<std::string>& files) {
    for (const std::string& file : files) {
        parts_.spool->remove(file);
        at(StorePoint::file_removed);
    }
}

void Committer::mind_the_log() {
    const std::uint64_t bytes = parts_.database->log_pages() * page_bytes;
    if (bytes < limits::wal_checkpoint_bytes) return;
    {
        const std::scoped_lock lock(checkpoint_mutex_);
        log_is_long_ = true;
    }
    checkpoint_wanted_.notify_one();
    // The checkpointer can't catch up with us: what is left is copied now, and the log begins anew.
    if (bytes >= limits::wal_restart_bytes) (void)parts_.database->checkpoint(Database::Checkpoint::restart);
}

void Committer::checkpoint_loop() {
    std::unique_lock lock(checkpoint_mutex_);
    for (;;) {
        checkpoint_wanted_.wait(lock, [this] { return checkpoints_closing_ || log_is_long_; });
        if (checkpoints_closing_) return;
        log_is_long_ = false;
        lock.unlock();
        at(StorePoint::checkpoint_begins);
        const auto left = parts_.checkpoints->checkpoint(Database::Checkpoint::passive);
        at(StorePoint::checkpoint_done);
        // No room: the committer will meet it, too. Anything else is about the disk.
        if (!left && parts_.checkpoints->trouble() == DatabaseTrouble::fatal) stop(left.error());
        lock.lock();
    }
}

}  // namespace pinion::jobs
