// SPDX-License-Identifier: Apache-2.0
// The store on disk: SQLite in WAL, in a folder with a spool beside it. Four threads, none of which decides:
//
//     post ──> [spooler: large parts to files, fsync] ──> queue ──> [committer: BEGIN … COMMIT, as one, of whatever
//                                                                    queued while the last commit ran] ──> answers
//     post ──> [reader: payloads, results, lists, on a connection of its own] ──> answers
//                                        committer ──> [checkpointer: copies the log into the database] ; when the log
//                                        grows
//                                                      large all the same, the committer waits for it to be restarted
//
// A transaction with an answer of a pool of durability fsync is synced before it is answered (synchronous = FULL);
// others are left to the operating system (NORMAL), and the next sync covers them. The writing rules for a crash at any
// point: a file before its row; all that one request does in one transaction; an answer after its COMMIT; a file's
// removal after the COMMIT that lets go of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "jobs/store.h"

namespace pinion::jobs {

// The points between which a crash leaves different things behind; for tests.
enum class StorePoint : std::uint8_t {
    file_written,
    transaction_begun,
    request_applied,
    before_commit,
    committed,
    answered,
    file_removed,
    checkpoint_begins,
    checkpoint_done,
};

struct SqliteStoreOptions {
    std::string folder;                      // made if it is not there
    std::string vfs;                         // SQLite's system layer; "" is the usual one
    std::uint64_t nonce = 0;                 // differs from run to run: names the spool's files
    std::function<void(StorePoint)> hook{};  // called by the threads of the store
};

// Opens the store, removes what a crash left in the spool, and starts the threads. The folder is locked against a
// second process. Errors name the file and what is the matter with it; nothing was changed then.
[[nodiscard]] Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteStoreOptions& options);

// Whether a store lies in the folder already, and perhaps something waits in it.
[[nodiscard]] bool sqlite_store_exists(const std::string& folder);

}  // namespace pinion::jobs
