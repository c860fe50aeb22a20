// SPDX-License-Identifier: Apache-2.0
// Frames on their way to one client. Results that follow one another for the same request or map share a frame.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/outcome.h"
#include "model/job_ids.h"
#include "wire/job_messages.h"
#include "wire/json.h"

namespace pinion::daemon {

// A job at its end, as `finished` tells it.
struct FinishedItem {
    JobId job;
    std::optional<std::uint64_t> index;
    jobs::JobState state = jobs::JobState::done;
    std::uint32_t attempts = 0;
    std::string_view result;
    std::string_view error;  // JSON, or nothing
};

class Outbox {
public:
    void add(wire::MessageType type, std::uint64_t id, const wire::Json& payload);
    void add_body(wire::MessageType type, std::uint64_t id, const wire::Json& head, std::string_view item);
    // An answer whose payload is JSON text already.
    void add_text(wire::MessageType type, std::uint64_t id, std::string_view payload);
    void add_finished(std::uint64_t id, const FinishedItem& item);

    // All that waits, as bytes; valid until the next call.
    [[nodiscard]] std::string_view bytes();
    void taken(std::size_t count);
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - taken_ + batch_bytes_; }

private:
    void close_batch();

    std::string bytes_;
    std::size_t taken_ = 0;  // of bytes_, at its head
    // The `finished` that is being filled.
    std::uint64_t batch_id_ = 0;
    std::size_t batch_count_ = 0;
    std::size_t batch_bytes_ = 0;
    std::string heads_;  // of its jobs, with commas between
    std::string items_;  // lengths and results
};

}  // namespace pinion::daemon
