// SPDX-License-Identifier: Apache-2.0
// What the channels have in common: which attempts a worker has to answer, and answers that are errors.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/jobs/worker_channel.h"

namespace pinion::daemon {

// The attempts that were sent and not answered, oldest first. At most as many as a worker has jobs ahead.
class Unanswered {
public:
    void sent(AttemptId attempt) { attempts_.push_back(attempt); }
    [[nodiscard]] bool contains(AttemptId attempt) const;
    // Whether it was there; it is no longer.
    bool answered(AttemptId attempt);

private:
    std::deque<AttemptId> attempts_;
};

// An error that comes from us, not from the worker: permanent, since another attempt would end the same way.
[[nodiscard]] ChannelAnswer refused_answer(AttemptId attempt, std::string_view type, std::string_view message);
// A result; an error where it is larger than limits::max_payload_bytes.
[[nodiscard]] ChannelAnswer result_answer(AttemptId attempt, std::string_view result);
[[nodiscard]] ChannelAnswer too_large_answer(AttemptId attempt);

// {"type","message"}
[[nodiscard]] std::string error_json(std::string_view type, std::string_view message);

// The three of open_channel.
[[nodiscard]] Result<std::unique_ptr<WorkerChannel>> open_lines(event::Loop& loop, ChannelOwner& owner);
[[nodiscard]] Result<std::unique_ptr<WorkerChannel>> open_raw_lines(event::Loop& loop, ChannelOwner& owner);
[[nodiscard]] Result<std::unique_ptr<WorkerChannel>> open_frames(event::Loop& loop, const JobPoolSpec& spec,
                                                                 ChannelOwner& owner);

}  // namespace pinion::daemon
