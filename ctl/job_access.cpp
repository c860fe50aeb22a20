// SPDX-License-Identifier: Apache-2.0
#include "ctl/job_access.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "ctl/display.h"
#include "wire/json.h"
#include "wire/json_scan.h"
#include "wire/limits.h"

namespace pinion::ctl {

namespace {

// A daemon that lives says hello at once.
constexpr Duration longest_hello = std::chrono::seconds(25);

}  // namespace

JobClient connect_to_jobs(const Context& context, std::optional<Duration> timeout) {
    return JobClient::connect(context.global.runtime_dir + "/jobs.sock",
                              Timeout(std::min(timeout.value_or(longest_hello), longest_hello)));
}

Failure to_failure(const JobFailure& failure) {
    using Code = JobFailure::Code;
    const std::string message = harmless(failure.what());
    switch (failure.code()) {
        case Code::unreachable: return {Exit::unreachable, message};
        case Code::permission: return {Exit::denied, message};
        case Code::not_found: return {Exit::not_found, message};
        case Code::protocol:
        case Code::version:
        case Code::invalid:
        case Code::refused:
        case Code::busy: break;
    }
    return {Exit::failed, message};
}

std::string to_input(std::string_view text, bool raw_pool) {
    if (raw_pool || wire::is_json(text)) return std::string(text);
    return wire::json_string(text);
}

std::string to_line(std::string_view result, bool plain) {
    if (plain && result.starts_with('"'))
        if (const auto json = wire::Json::parse(result); json && json->as_string() != nullptr)
            return *json->as_string() + "\n";
    return std::string(result) + "\n";
}

std::string result_json(const JobResult& result, bool with_index, bool raw_pool) {
    std::string text = "{";
    if (with_index) text += "\"index\":" + std::to_string(result.index) + ",";
    text += "\"id\":" + std::to_string(result.id) + ",\"state\":\"" + to_string(result.state) + "\",";
    if (result.ok())
        text += "\"result\":" + (raw_pool || result.result.empty() ? wire::json_string(result.result) : result.result);
    else
        text += "\"error\":" + (result.error.empty() ? "null" : result.error);
    return text + ",\"attempts\":" + std::to_string(result.attempts) + "}\n";
}

std::string failure_text(const JobResult& result) {
    std::string text = "job " + std::to_string(result.id) + " " +
                       (result.state == JobResult::State::cancelled ? "was cancelled" : "failed");
    const auto error = wire::Json::parse(result.error);
    if (!error) return text;
    const auto member = [&](const char* name) {
        const wire::Json* value = error->find(name);
        return value != nullptr && value->as_string() != nullptr ? harmless(*value->as_string()) : std::string();
    };
    if (const std::string type = member("type"); !type.empty()) text += ": " + type;
    if (const std::string message = member("message"); !message.empty()) text += ": " + message;
    return text;
}

std::string InputLines::take() {
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    return line;
}

Answer<void> InputLines::read_some() {
    std::array<char, 64 << 10> bytes;
    const ssize_t count = ::read(fd_, bytes.data(), bytes.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return {};
    if (count < 0) return refuse(Exit::failed, "read standard input: " + errno_text(errno));
    if (count == 0) {
        ended_ = true;
        if (!rest_.empty()) lines_.push_back(std::exchange(rest_, {}));
        return {};
    }
    std::string_view left(bytes.data(), static_cast<std::size_t>(count));
    for (std::size_t end = left.find('\n'); end != std::string_view::npos; end = left.find('\n')) {
        rest_ += left.substr(0, end);
        lines_.push_back(std::exchange(rest_, {}));
        left.remove_prefix(end + 1);
    }
    rest_ += left;
    if (rest_.size() > wire::limits::max_payload_bytes)
        return refuse(Exit::failed, "read standard input: a line is longer than 16 MiB");
    return {};
}

}  // namespace pinion::ctl
