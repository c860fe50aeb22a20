// SPDX-License-Identifier: Apache-2.0
// Forgets what finished longer ago than its pool keeps it: all pools that the database knows, those that left the
// configuration too. In bulk: a slice takes a fixed number of statements over the set of its rows, however many those
// are. Works within transactions that the committer begins and ends; no threads here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "jobs/store_database.h"

namespace pinion::jobs {

// How many jobs a slice may forget. While nothing else is to be done, `limits::expire_rows`. While requests come, a
// tenth of that and twice as many as ended since the last slice: a queue that is never idle grows no further than one
// that is.
[[nodiscard]] std::uint64_t slice_rows(bool busy, std::uint64_t ended) noexcept;

class Retention {
public:
    // `database` must outlive it. Drops named maps of which no item is kept, as their clients went with the last
    // daemon.
    [[nodiscard]] static Result<std::unique_ptr<Retention>> make(Database& database);

    // From now on the pool of this name keeps what finished for so long. Written with the next transaction, so that it
    // holds when the pool has left the configuration.
    void declare(const std::string& pool, Duration keeps) { pending_[pool] = keeps; }
    [[nodiscard]] Result<void> note_declared();
    // The transaction was committed, or rolled back.
    void committed() { written_.clear(); }
    void roll_back();

    struct Slice {
        std::uint64_t jobs = 0;
        std::vector<std::string> files;  // theirs
    };
    // Chooses up to `rows` jobs that are past their retention at `now`, oldest first in each pool. Outside of a
    // transaction: it writes to memory only.
    [[nodiscard]] Result<Slice> choose(WallTime now, std::uint64_t rows);
    // Forgets those, with their attempts, keys, items and maps; within a transaction.
    [[nodiscard]] Result<void> forget(const Slice& slice);

private:
    explicit Retention(Database& database) : database_(&database) {}
    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] Result<std::map<std::uint64_t, Duration>> pools();

    Database* database_;
    std::map<std::string, Duration> pending_;
    std::map<std::string, Duration> written_;  // within the transaction
    Statement declare_, pools_, choose_, files_, drop_files_, forget_choice_;
    std::vector<Statement> drops_;
};

}  // namespace pinion::jobs
