// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/channel_parts.h"

#include <algorithm>

#include "wire/json_scan.h"
#include "wire/limits.h"

namespace pinion::daemon {

bool Unanswered::contains(AttemptId attempt) const { return std::ranges::find(attempts_, attempt) != attempts_.end(); }

bool Unanswered::answered(AttemptId attempt) {
    const auto found = std::ranges::find(attempts_, attempt);
    if (found == attempts_.end()) return false;
    attempts_.erase(found);
    return true;
}

std::string error_json(std::string_view type, std::string_view message) {
    return "{\"type\":" + wire::json_string(type) + ",\"message\":" + wire::json_string(message) + "}";
}

ChannelAnswer refused_answer(AttemptId attempt, std::string_view type, std::string_view message) {
    return {.attempt = attempt,
            .verdict = {.outcome = jobs::Outcome::error, .retry = false, .after = {}},
            .result = {},
            .error = error_json(type, message),
            .pushes = {}};
}

ChannelAnswer too_large_answer(AttemptId attempt) {
    return refused_answer(attempt, "too_large",
                          "its result has more than " + std::to_string(wire::limits::max_payload_bytes) + " bytes");
}

ChannelAnswer result_answer(AttemptId attempt, std::string_view result) {
    if (result.size() > wire::limits::max_payload_bytes) return too_large_answer(attempt);
    return {.attempt = attempt, .verdict = {}, .result = std::string(result), .error = {}, .pushes = {}};
}

Result<std::unique_ptr<WorkerChannel>> open_channel(event::Loop& loop, const JobPoolSpec& spec, ChannelOwner& owner) {
    if (spec.protocol != JobProtocol::lines) return open_frames(loop, spec, owner);
    return spec.payload == PayloadKind::raw ? open_raw_lines(loop, owner) : open_lines(loop, owner);
}

}  // namespace pinion::daemon
