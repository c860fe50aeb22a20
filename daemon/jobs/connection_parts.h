// SPDX-License-Identifier: Apache-2.0
// What the parts of JobConnection share, for its own sources only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/jobs/job_connection.h"

namespace pinion::daemon {

class JobConnection::InFlight {
public:
    InFlight(std::weak_ptr<JobConnection> owner, std::size_t weight, std::size_t bytes)
        : owner_(std::move(owner)), weight_(weight), bytes_(bytes) {
        const auto self = owner_.lock();
        self->in_flight_ += weight_;
        self->in_flight_bytes_ += bytes_;
    }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    ~InFlight() {
        const auto self = owner_.lock();
        if (self == nullptr) return;
        self->in_flight_ -= weight_;
        self->in_flight_bytes_ -= bytes_;
        self->changed();
    }

private:
    std::weak_ptr<JobConnection> owner_;
    std::size_t weight_;
    std::size_t bytes_;
};

// A list of jobs that is worked through one after another. Shared by the callbacks of its steps.
struct JobConnection::Cancelling {
    std::uint64_t id = 0;
    std::vector<JobId> jobs;
    std::shared_ptr<InFlight> token;
    std::size_t at = 0;
    std::size_t waited = 0;  // for, of those that were begun
    bool refused = false;    // the client was told
    bool paused = false;     // until one of those has ended
    wire::Json cancelled = wire::Json::array();
    wire::Json ended = wire::Json::array();
};
struct JobConnection::Retrying {
    std::uint64_t id = 0;
    std::vector<JobId> jobs;
    std::shared_ptr<InFlight> token;
    std::size_t at = 0;
    std::vector<jobs::PlacedJob> placed;
    std::string input;                          // of the one under way
    Durability durability = Durability::fsync;  // the weakest of the pools
};

}  // namespace pinion::daemon
