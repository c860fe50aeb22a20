// SPDX-License-Identifier: Apache-2.0
// What the host of job pools keeps while it waits: for the store's word, for the end of an attempt to be on record.
// For its own sources.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/jobs/job_meter.h"
#include "daemon/jobs/job_queue.h"
#include "daemon/jobs/worker_channel.h"
#include "jobs/scheduler.h"
#include "jobs/store.h"

namespace pinion::daemon::host {

// What is held about an attempt that ended, until its end is on record.
struct Evidence {
    std::string result;
    std::string error;   // JSON {"type","message"}
    std::string detail;  // JSON for the record of the attempt
    std::vector<jobs::NewJob> pushes;
    std::string line;     // for the log, of an answer that nobody waits for
    bool shared = false;  // a death may end several attempts
};

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
    [[nodiscard]] std::size_t bytes() const noexcept { return 512 + result.size() + error.size(); }
};

// A map whose opening is being written.
struct Opening {
    JobPoolId pool;
    bool fail_fast = false;
    JobQueue::Done<jobs::StoredMap> done;
};

// As the scheduler knows it.
struct Pool {
    JobPoolId id;
    SpecPtr spec;
    jobs::JobPoolPtr policy;
    bool declared = true;
    JobMeter meter;
    std::uint64_t strays = 0;  // lines and frames of its workers that were no answers, nor taken for any
    Duration cpu_of_ended{};   // CPU time of workers that are gone
};

}  // namespace pinion::daemon::host
