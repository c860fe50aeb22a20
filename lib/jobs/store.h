// SPDX-License-Identifier: Apache-2.0
// Where jobs are kept: the interface of the engines (SQLite on disk, memory). What it is asked, what it
// answers and what it finds at start stand in headers of their own.
//
// The deciding thread posts requests and takes answers; it never waits. An engine does the work in threads of its own
// and makes `answer_fd` readable when there are answers. A write is answered after it is as durable as its pool asks
// for; what was posted earlier is committed no later. Requests without an answer ride along and survive the daemon's
// death, though perhaps not the loss of power, once a later answer has come. What can go wrong: `full` (no room on the
// disk: submits are refused, ends of jobs are kept and tried again) and `stopped` (an fsync failed, the file is damaged
// or read-only: nothing is written any more until the daemon starts anew; what was answered is there). Changes of
// health come as answers, too.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "jobs/store_answer.h"
#include "jobs/store_recovery.h"
#include "jobs/store_request.h"
#include "model/job_ids.h"
#include "model/job_policy.h"

namespace pinion::jobs {

class Store {
public:
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    // Waits for what was posted, as far as it can still be written.
    virtual ~Store() = default;

    // Makes a pool known, or gives it another policy; before anything else about it.
    virtual void declare_pool(JobPoolId pool, const std::string& name, const QueuePolicy& policy) = 0;
    // Everything that waits, of the pools that are declared, or of one. Blocks; once at start, or when a pool comes
    // back.
    [[nodiscard]] virtual Result<void> recover(std::optional<JobPoolId> only, const RecoveryVisitor& visitor) = 0;

    // The input of a job, where it is in memory: valid until the next call. Else it is to be fetched.
    [[nodiscard]] virtual std::optional<std::string_view> input_at_hand(JobId) { return std::nullopt; }
    virtual void post(WriteRequest request) = 0;
    virtual void post(ReadRequest request) = 0;
    // Whether more should be posted; if not, stop reading from clients. Ends of jobs are always taken.
    [[nodiscard]] virtual bool has_room() const = 0;
    [[nodiscard]] virtual std::vector<StoreAnswer> take_answers() = 0;
    [[nodiscard]] virtual int answer_fd() const = 0;
    [[nodiscard]] virtual StoreHealth health() const = 0;
};

}  // namespace pinion::jobs
