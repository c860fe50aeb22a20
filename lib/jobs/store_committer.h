// SPDX-License-Identifier: Apache-2.0
// The committer: one thread that writes, as one transaction, whatever queued while the last commit ran. It also forgets
// what is past its retention, when there is nothing else to do, and keeps the log from growing without end.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "jobs/store_retention.h"
#include "jobs/store_spool.h"
#include "jobs/store_sqlite.h"
#include "jobs/store_threads.h"
#include "jobs/store_writer.h"

namespace pinion::jobs {

class Committer {
public:
    struct Parts {
        std::unique_ptr<Database> database;
        std::unique_ptr<StoreWriter> writer;
        std::unique_ptr<Retention> retention;
        std::unique_ptr<Database> checkpoints;  // the same database, for the checkpointer
        const Spool* spool = nullptr;
        AnswerBox* answers = nullptr;
        std::function<void(StorePoint)> hook;
    };
    explicit Committer(Parts parts);
    // Writes what is queued, as far as it can be written.
    ~Committer();

    void declare(JobPoolId pool, const std::string& name, Duration retention);
    void post(StowedRequest request);
    void expire(WallTime now);
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] StoreHealth health() const;
    // From the spooler and the reader: the disk is not to be trusted any more.
    void stop(const Error& error);
    // From the spooler: the end of a job waits for room, and waits no longer.
    void spool_is_full(const Error& error);
    void spool_has_room();

private:
    using Batch = std::vector<StowedRequest>;
    struct Declared {
        JobPoolId pool;
        std::string name;
        Duration retention{};
    };

    void commit_loop();
    void checkpoint_loop();
    [[nodiscard]] bool next_batch(Batch& batch);
    [[nodiscard]] bool wait_for_work(std::unique_lock<std::mutex>& lock);
    void refuse_some(std::unique_lock<std::mutex>& lock, bool all);
    void commit(Batch batch);
    [[nodiscard]] Result<void> sync_commits(bool sync);
    [[nodiscard]] Result<void> transact(const Batch& batch, std::vector<StoreAnswer>& answers);
    [[nodiscard]] Result<void> apply_all(const Batch& batch, std::vector<StoreAnswer>& answers);
    void failed(Batch batch, const Error& error);
    void succeeded();
    void set_health(StoreHealth health);
    void expire_slice();
    [[nodiscard]] Result<void> forget_slice(WallTime now, std::uint64_t rows, Retention::Slice& slice);
    void remove_files(const std::vector<std::string>& files);
    void mind_the_log();
    void at(StorePoint point) const {
        if (parts_.hook) parts_.hook(point);
    }

    Parts parts_;
    bool synced_ = true;         // the connection's synchronous is FULL
    std::uint64_t batches_ = 0;  // since the last slice of expiry
    std::uint64_t ended_ = 0;    // jobs, likewise

    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::deque<StowedRequest> queue_;
    std::size_t looked_at_ = 0;  // of them in front, which are no submits: while there is no room, not once more
    std::size_t queued_bytes_ = 0;
    bool closing_ = false;
    StoreHealth health_;
    bool spool_is_full_ = false;
    std::chrono::steady_clock::time_point retry_at_{};
    std::vector<Declared> declared_;  // since the last batch
    std::optional<WallTime> expire_before_;

    std::mutex checkpoint_mutex_;
    std::condition_variable checkpoint_wanted_;
    bool log_is_long_ = false;
    bool checkpoints_closing_ = false;

    std::thread committing_;
    std::thread checkpointing_;
};

}  // namespace pinion::jobs
