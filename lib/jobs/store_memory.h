// SPDX-License-Identifier: Apache-2.0
// The store of pools with `durability: memory`: the same words as the one on disk, answered at once, without a thread
// and without a promise. All of it is gone with the daemon.
//
// A job that waits takes 40 bytes and its payload. Finished jobs are kept with input and result until their retention
// ends, and no more of them than `finished_bytes` hold: the oldest are forgotten first, with their keys.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "jobs/store.h"
#include "jobs/store_memory_jobs.h"

namespace pinion::jobs {

// Ids of jobs and maps in memory begin here; those on disk end before. Below 2^53, so that every reader of JSON can
// hold them.
inline constexpr std::uint64_t first_memory_id = 1ULL << 52;
[[nodiscard]] constexpr bool is_in_memory(JobId id) noexcept { return id.value >= first_memory_id; }
[[nodiscard]] constexpr bool is_in_memory(MapId id) noexcept { return id.value >= first_memory_id; }

struct MemoryStoreOptions {
    // When the daemon started. Ids go on from that microsecond, so that those of an earlier run are not given again
    // unless it made more than a million a second all its life.
    WallTime started = wall_now();
    std::size_t finished_bytes = limits::memory_finished_bytes;
};

class MemoryStore : public Store {
public:
    [[nodiscard]] static Result<std::unique_ptr<MemoryStore>> open(const MemoryStoreOptions& options);

    void declare_pool(JobPoolId pool, const std::string& name, const QueuePolicy& policy) override;
    [[nodiscard]] Result<void> recover(std::optional<JobPoolId> only, const RecoveryVisitor& visitor) override;
    [[nodiscard]] std::optional<std::string_view> input_at_hand(JobId job) override;
    void post(WriteRequest request) override;
    void post(ReadRequest request) override;
    [[nodiscard]] bool has_room() const override { return answers_.size() < limits::store_queue_requests; }
    [[nodiscard]] std::vector<StoreAnswer> take_answers() override;
    [[nodiscard]] int answer_fd() const override { return ready_.fd(); }
    [[nodiscard]] StoreHealth health() const override { return {}; }

    // For the router, which has to wait for another store first: whether the job is there and has no end, and its end.
    [[nodiscard]] bool is_live(JobId job);
    [[nodiscard]] Finished finish(NoteFinish request);
    [[nodiscard]] PlacedJob place(NewJob job);
    [[nodiscard]] StoreAnswer answer(const ReadRequest& request);

    // What the records of all jobs take, without payloads and results.
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return jobs_.memory_bytes(); }
    [[nodiscard]] std::size_t finished_bytes() const noexcept { return finished_bytes_; }

private:
    struct Pool {
        JobPoolId id;  // what it is called now
        std::string name;
        Duration retention{};
        QueueMode mode = QueueMode::running;
        std::string by;  // who wants it so, and since when
        WallTime at{};
        std::deque<std::pair<JobId, WallTime>> ended;  // oldest first
    };
    struct Map {
        JobPoolId pool;
        std::string name;
        bool fail_fast = false;
        bool cancelled = false;
        std::optional<MapSeal> seal;  // set: it is sealed
        std::uint64_t live = 0;
        std::map<std::uint64_t, std::pair<JobId, std::uint64_t>> items;  // of a named one: job and hash of its input
    };

    MemoryStore(const MemoryStoreOptions& options, UniqueFd ready);
    void answer_with(StoreAnswer answer);

    void on(Enqueue request);
    void on(const NoteClaim& request);
    void on(const VoidClaim& request);
    void on(NoteRetry request);
    void on(NoteFinish request);
    void on(const OpenMap& request);
    void on(const SealMap& request);
    void on(const DropMap&) {}  // what it is for is seen here
    void on(const CancelMap& request);
    void on(const SetMode& request);
    void on(const Flush& request) { answer_with(Flushed{request.pool, request.number}); }
    void on(const Expire& request);

    [[nodiscard]] Result<std::string> fetch(JobId job);
    [[nodiscard]] std::optional<StoredJob> look_up(JobId job);
    [[nodiscard]] std::optional<StoredMap> look_up(MapId map);
    [[nodiscard]] Listed list(const ListJobs& request);
    [[nodiscard]] std::vector<StoredJob> items(const ReadItems& request);
    [[nodiscard]] MapId named(const FindMap& request);
    [[nodiscard]] StoredJob describe(JobId id, const MemoryJob& job) const;
    [[nodiscard]] static StoredMap describe(MapId id, const Map& map);
    [[nodiscard]] std::vector<AttemptRow> attempts(JobId id) const;

    // What records call the pool: its first number. One that was forgotten and comes back has another.
    [[nodiscard]] JobPoolId own(JobPoolId pool) const noexcept;
    [[nodiscard]] Map* find_map(MapId map) noexcept;
    [[nodiscard]] MapId id_of(std::uint32_t map) const noexcept;
    [[nodiscard]] std::optional<JobId> known(const NewJob& job);
    void drop_map_if_done(std::uint32_t number);
    [[nodiscard]] std::size_t weight(JobId id, const MemoryJob& job) const noexcept;
    void forget_oldest();
    void forget(JobId id);
    void expire_slice();

    UniqueFd ready_;
    std::vector<StoreAnswer> answers_;
    MemoryJobs jobs_;
    std::uint64_t first_map_;
    std::uint32_t last_map_ = 0;
    std::unordered_map<std::uint32_t, Map> maps_;
    std::map<std::pair<JobPoolId, std::string>, std::uint32_t> map_names_;
    std::map<std::pair<JobPoolId, std::string>, JobId> keys_;
    std::map<JobPoolId, Pool> pools_;  // as records call them
    std::map<JobPoolId, JobPoolId> numbers_;
    std::size_t max_finished_bytes_;
    std::size_t finished_bytes_ = 0;
    std::optional<WallTime> expire_before_;
};

}  // namespace pinion::jobs
