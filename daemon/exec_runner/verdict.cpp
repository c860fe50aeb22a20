// SPDX-License-Identifier: Apache-2.0
#include "daemon/exec_runner/verdict.h"

#include <cerrno>

#include "base/result.h"
#include "wire/frames.h"
#include "wire/job_messages.h"
#include "wire/json.h"
#include "wire/json_scan.h"
#include "wire/limits.h"

namespace pinion::exec_runner {
namespace {

using wire::FrameCodec;
using wire::Json;
using wire::MessageType;

std::string frame(const Job& job, MessageType type, FrameCodec codec, std::string_view payload) {
    std::string out;
    out.reserve(wire::frame_header_bytes + payload.size());
    wire::append_frame(out, {.type = static_cast<std::uint8_t>(type), .codec = codec, .id = job.attempt_id}, payload);
    return out;
}

Json error(const char* type, std::string message) {
    return Json::object().set("type", type).set("message", std::move(message));
}

std::string error_frame(const Job& job, const Json& what) {
    return frame(job, MessageType::error, FrameCodec::json, what.dump());
}

std::string too_large(const Job& job) {
    auto what =
        error("too_large", "its result has more than " + std::to_string(wire::limits::max_payload_bytes) + " bytes");
    return error_frame(job, what.set("retry", false));
}

// Its last lines are not told: the daemon reads them itself.
Json describe(const Death& death) {
    const bool exited = death.cause == Death::Cause::exited;
    auto what = error(exited ? "exit" : "signal", to_string(death)).set(exited ? "exit" : "signal", death.status);
    if (death.core_dumped) what.set("core", true);
    if (death.oom_killed) what.set("oom", true);
    what.set("peak_memory_bytes", death.peak_memory_bytes);
    return what.set("cpu_usec", (death.cpu_user + death.cpu_system).count());
}

}  // namespace

std::string result_of(std::string output, PayloadKind payload) {
    if (output.ends_with('\n')) output.pop_back();
    if (payload == PayloadKind::raw || wire::is_json(output)) return output;
    return wire::json_string(output);
}

std::string answer_frame(const Job& job, Ending ending, PayloadKind payload, const std::string& program) {
    if (ending.start_error != 0) {
        auto what = error("start", "start '" + program + "': " + errno_text(ending.start_error));
        // What is too long today is too long tomorrow.
        if (ending.start_error == E2BIG) what.set("retry", false);
        return error_frame(job, what);
    }
    if (ending.too_large) return too_large(job);
    if (ending.death.cause != Death::Cause::exited || ending.death.status != 0)
        return error_frame(job, describe(ending.death));
    const std::string result = result_of(std::move(ending.output), payload);
    if (result.size() > wire::limits::max_payload_bytes) return too_large(job);
    const auto codec = payload == PayloadKind::raw ? FrameCodec::raw : FrameCodec::json;
    return frame(job, MessageType::result, codec, result);
}

std::string refusal_frame(const Job& job, const std::string& why) {
    return error_frame(job, error("input", why).set("retry", false));
}

}  // namespace pinion::exec_runner
