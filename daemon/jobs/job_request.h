// SPDX-License-Identifier: Apache-2.0
// What a client asks for over the job socket, as values, and their reader: pure, and strict about what it takes.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "jobs/job_event.h"
#include "jobs/outcome.h"
#include "model/job_ids.h"
#include "model/job_limits.h"
#include "wire/job_messages.h"

namespace pinion::daemon {

struct HelloRequest {
    std::uint64_t version = 0;
};
struct SubmitRequest {
    std::string pool;
    std::uint8_t priority = limits::default_priority;
    Duration delay{};
    std::vector<std::string> keys;  // empty, or one for each input
    std::vector<std::string> inputs;
    bool wait = false;
};
struct OpenMapRequest {
    std::string pool;
    std::string name;
    bool fail_fast = false;
    bool unordered = false;
    bool results = true;
    std::uint8_t priority = limits::default_priority;
};
struct AddItemsRequest {
    MapId map;
    std::uint64_t from = 0;
    std::vector<std::string> inputs;
};
struct SealMapRequest {
    MapId map;
};
struct AttachMapRequest {
    std::string pool;  // empty: whichever has it
    std::string name;
    std::uint64_t from = 0;
};
struct AllowRequest {
    MapId map;
    std::uint64_t results = 0;
};
struct WaitRequest {
    std::vector<JobId> jobs;
};
struct AskJobRequest {
    JobId job;
    bool result = false;
};
struct ListRequest {
    std::string pool;                    // empty: all
    std::string map;                     // a name; empty: any
    std::vector<jobs::JobState> states;  // none: any
    JobId after;
    std::uint32_t limit = 0;
};
struct CancelRequest {
    std::vector<JobId> jobs;
    std::string pool;  // of the map; empty: whichever has it
    std::string map;
};
struct RetryRequest {
    std::vector<JobId> jobs;
};
struct QueueRequest {
    std::string pool;
    jobs::QueueMode mode = jobs::QueueMode::running;
};
struct WhyRequest {
    JobId job;
};
struct LogRequest {
    JobId job;
    std::optional<std::uint32_t> attempt;
};
struct AskPoolRequest {
    std::string pool;
    bool cpu_time = false;
};
using JobRequest = std::variant<HelloRequest, SubmitRequest, OpenMapRequest, AddItemsRequest, SealMapRequest,
                                AttachMapRequest, AllowRequest, WaitRequest, AskJobRequest, ListRequest, CancelRequest,
                                RetryRequest, QueueRequest, WhyRequest, LogRequest, AskPoolRequest>;

struct BadRequest {
    bool broken = false;  // no JSON, no body: nothing that follows could be trusted
    std::string message;
};

// The request of a frame that check_frame has let pass. `id` is the header's.
[[nodiscard]] std::expected<JobRequest, BadRequest> read_request(wire::MessageType type, std::uint64_t id,
                                                                 std::string_view payload);

// Whether a pool takes this input: JSON where its payload is; for `lines` a raw input must fit on a line. The error
// says why not.
[[nodiscard]] Result<void> check_input(const JobPoolSpec& pool, std::string_view input);

}  // namespace pinion::daemon
