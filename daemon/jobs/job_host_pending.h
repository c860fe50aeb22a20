// SPDX-License-Identifier: Apache-2.0
// What the host of job pools keeps while it waits for the store's word: orders, openings, payloads, claims, reads, and
// ends that are being written. Each table is keyed by the token of its request, ends by their job. For its own sources.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/jobs/job_queue.h"
#include "daemon/jobs/worker_channel.h"
#include "jobs/store.h"

namespace pinion::daemon::host {

// Jobs that a client handed in, until the store has answered.
struct Order {
    JobOrder order;
    JobQueue::Done<std::vector<jobs::PlacedJob>> done;
    JobPoolId pool;
    MapId map;
    std::uint32_t count = 0;
    bool admitted = false;
};

// A job whose payload is being fetched for its worker; or was, and waits for those before it.
struct Sending {
    WorkerRef worker;
    JobToSend job;
    std::optional<std::string> payload;
    bool claims = false;  // its claim is to be written when it is sent
};

// An end that is being written, and then announced.
struct Ending {
    JobEnd end;
    std::string result, error;
    // What it costs until then, roughly: with its request to the store and its row there.
    [[nodiscard]] std::size_t bytes() const noexcept { return 1024 + result.size() + error.size(); }
};

// A map whose opening is being written.
struct Opening {
    JobPoolId pool;
    bool fail_fast = false;
    JobQueue::Done<jobs::StoredMap> done;
};

struct Pending {
    template <class T>
    using Calls = std::unordered_map<std::uint64_t, JobQueue::Done<T>>;

    std::uint64_t next_token = 1;
    std::unordered_map<std::uint64_t, Order> orders;
    std::vector<std::uint64_t> abandoned;  // orders, in this turn
    std::unordered_map<std::uint64_t, Opening> openings;
    std::unordered_map<std::uint64_t, Sending> sendings;
    std::vector<std::uint64_t> unfetched;  // of those, whose payloads are to be asked for once more
    std::unordered_map<std::uint64_t, std::pair<WorkerRef, AttemptId>> claims;
    Calls<std::optional<jobs::StoredJob>> look_ups;
    Calls<std::optional<jobs::StoredMap>> map_look_ups;
    Calls<JobPage> lists;
    Calls<std::vector<jobs::StoredJob>> items;
    Calls<std::string> payloads;
    Calls<MapId> finds;
    std::unordered_map<std::uint64_t, Ending> endings;  // by job
    std::size_t unwritten = 0;                          // bytes of those that go to disk
    bool store_behind = false;                          // as the scheduler was told
};

}  // namespace pinion::daemon::host
