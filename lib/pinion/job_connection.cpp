// SPDX-License-Identifier: Apache-2.0
#include "pinion/job_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "wire/finished.h"
#include "wire/limits.h"

namespace pinion::inline v0 {
namespace {

using Code = JobFailure::Code;

constexpr std::size_t read_bytes = 64 << 10;
// A batch of results is a little larger than the largest of them.
constexpr std::size_t largest_frame = wire::limits::max_answer_bytes + (1 << 20);

JobFailure lost(int code) {
    return {Code::unreachable, "piniond closed the connection" + (code == 0 ? "" : ": " + errno_text(code)) +
                                   "; see 'systemctl status pinion'"};
}

Code code_of(const std::string& word) {
    constexpr std::array<std::pair<const char*, Code>, 7> words{{{"protocol", Code::protocol},
                                                                 {"version", Code::version},
                                                                 {"permission", Code::permission},
                                                                 {"not_found", Code::not_found},
                                                                 {"invalid", Code::invalid},
                                                                 {"busy", Code::busy},
                                                                 {"refused", Code::refused}}};
    const auto known = std::ranges::find_if(words, [&](const auto& entry) { return word == entry.first; });
    return known == words.end() ? Code::refused : known->second;
}

std::string text_of(const wire::Json& head, std::string_view name) {
    const wire::Json* value = head.find(name);
    const std::string* text = value == nullptr ? nullptr : value->as_string();
    return text == nullptr ? std::string() : *text;
}

JobResult::State state_of(std::string_view word) {
    if (word == "done") return JobResult::State::done;
    return word == "cancelled" ? JobResult::State::cancelled : JobResult::State::failed;
}

// Of one `finished`; nothing where it can't be read.
std::optional<std::vector<JobResult>> read_results(std::string_view payload) {
    const auto body = wire::split_body(payload);
    if (!body) return std::nullopt;
    std::vector<JobResult> results;
    results.reserve(body->items.size());
    const bool whole = wire::visit_finished(body->head, [&](const wire::FinishedHead& job) {
        if (results.size() == body->items.size()) return false;
        results.push_back({.index = job.index.value_or(0),
                           .id = job.id,
                           .state = state_of(job.state),
                           .attempts = job.attempts,
                           .result = std::string(body->items[results.size()]),
                           .error = std::string(job.error)});
        return true;
    });
    if (!whole || results.size() != body->items.size()) return std::nullopt;
    return results;
}

// Nothing where it is none that this library knows.
std::optional<JobMessage> read_message(const wire::FrameHeader& header, std::string_view payload) {
    const auto type = wire::check_frame(header, wire::Sender::daemon);
    if (!type) return std::nullopt;
    if (*type == wire::MessageType::finished) {
        auto results = read_results(payload);
        if (!results) return std::nullopt;
        return JobMessage{*type, {}, std::move(*results)};
    }
    if (header.codec == wire::FrameCodec::body) {
        auto body = wire::decode_body(payload);
        if (!body) return std::nullopt;
        return JobMessage{*type, std::move(body->head), {}};
    }
    // The ids of a map's items by the thousand: nobody asks for them.
    if (*type == wire::MessageType::items_added) return JobMessage{*type, {}, {}};
    auto head = wire::Json::parse(payload);
    if (!head) return std::nullopt;
    return JobMessage{*type, std::move(*head), {}};
}

int milliseconds_until(const SteadyTime& deadline) {
    if (!deadline) return -1;
    const auto left = *deadline - std::chrono::steady_clock::now();
    const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::clamp<std::int64_t>(rounded, 0, 1'000'000'000));
}

}  // namespace

SteadyTime steady_deadline(Timeout timeout) {
    if (timeout.is_forever()) return std::nullopt;
    const auto now = std::chrono::steady_clock::now();
    const auto most = std::chrono::steady_clock::time_point::max() - now;
    return now + std::min<std::chrono::nanoseconds>(std::max(timeout.span(), std::chrono::nanoseconds(0)), most);
}

JobFailure failure_of(const JobMessage& failure) {
    return {code_of(text_of(failure.head, "code")), text_of(failure.head, "message")};
}

void throw_failure(const JobMessage& failure) { throw failure_of(failure); }

JobClient::Connection::Connection(UniqueFd connected) : socket_(std::move(connected)), reader_(largest_frame) {}

void JobClient::Connection::append(wire::MessageType type, std::uint64_t id, wire::FrameCodec codec,
                                   std::string_view payload) {
    if (payload.size() > wire::limits::max_answer_bytes)
        throw JobFailure(Code::invalid, "send to piniond: " + std::to_string(payload.size()) +
                                            " bytes at once, and no more than 16 MiB may be");
    wire::append_frame(out_, {.type = static_cast<std::uint8_t>(type), .codec = codec, .id = id}, payload);
}

std::uint64_t JobClient::Connection::ask(wire::MessageType type, const wire::Json& payload) {
    append(type, next_request_, wire::FrameCodec::json, payload.dump());
    answers_[next_request_];
    return next_request_++;
}

std::uint64_t JobClient::Connection::ask_body(wire::MessageType type, const wire::Json& head,
                                              const std::vector<std::string>& items) {
    const std::uint64_t request = next_request_++;
    tell_body(type, request, head, items);
    answers_[request];
    return request;
}

void JobClient::Connection::tell(wire::MessageType type, std::uint64_t map, const wire::Json& payload) {
    append(type, map, wire::FrameCodec::json, payload.dump());
}

void JobClient::Connection::tell_body(wire::MessageType type, std::uint64_t map, const wire::Json& head,
                                      const std::vector<std::string>& items) {
    const std::vector<std::string_view> views(items.begin(), items.end());
    append(type, map, wire::FrameCodec::body, wire::encode_body(head, views));
}

std::optional<JobMessage> JobClient::Connection::take_answer(std::uint64_t request) {
    const auto wanted = answers_.find(request);
    if (wanted == answers_.end() || wanted->second.empty()) return std::nullopt;
    JobMessage message = std::move(wanted->second.front());
    wanted->second.erase(wanted->second.begin());
    return message;
}

JobMessage JobClient::Connection::answer(std::uint64_t request, const SteadyTime& deadline) {
    for (;;) {
        if (auto message = take_answer(request)) {
            forget(request);
            if (message->type == wire::MessageType::failure) throw_failure(*message);
            return std::move(*message);
        }
        if (exchange(deadline) == Woken::by_time) throw JobFailure(Code::unreachable, "piniond does not answer");
    }
}

JobClient::Connection::Woken JobClient::Connection::exchange(const SteadyTime& deadline, int also) {
    if (broken_) throw JobFailure(*broken_);
    write_some();
    const bool more = written_ < out_.size();
    std::array<pollfd, 2> files{pollfd{socket_.fd(), static_cast<short>(more ? POLLIN | POLLOUT : POLLIN), 0},
                                pollfd{also, POLLIN, 0}};
    const int ready = ::poll(files.data(), also < 0 ? 1 : 2, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) return Woken::by_signal;
    if (ready < 0) throw lost(errno);
    if (ready == 0) return Woken::by_time;
    if ((files[0].revents & POLLOUT) != 0) write_some();
    if ((files[0].revents & ~POLLOUT) == 0) return files[1].revents != 0 ? Woken::by_other : Woken::by_peer;
    read_some();
    if (broken_) throw JobFailure(*broken_);
    return Woken::by_peer;
}

void JobClient::Connection::write_some() {
    while (written_ < out_.size()) {
        const ssize_t count =
            ::send(socket_.fd(), out_.data() + written_, out_.size() - written_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        // A peer that has gone may have left its last words: reading tells.
        if (count < 0) break;
        written_ += static_cast<std::size_t>(count);
    }
    if (written_ < out_.size()) return;
    out_.clear();
    written_ = 0;
}

void JobClient::Connection::read_some() {
    std::array<char, read_bytes> bytes;
    const ssize_t count = ::recv(socket_.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        if (!broken_) broken_ = lost(count < 0 ? errno : 0);
        return;
    }
    const auto read =
        reader_.feed({bytes.data(), static_cast<std::size_t>(count)},
                     [this](const wire::FrameHeader& header, std::string_view payload) { on_frame(header, payload); });
    if (!read && !broken_)
        broken_ = JobFailure(Code::protocol, "what piniond sends is no job protocol: " + read.error().message);
}

void JobClient::Connection::on_frame(const wire::FrameHeader& header, std::string_view payload) {
    if (broken_) return;
    auto read = read_message(header, payload);
    if (!read) {
        broken_ = JobFailure(Code::protocol, "what piniond sends is no message that this library knows");
        return;
    }
    JobMessage& message = *read;
    // Number 0 is the connection's own.
    if (message.type == wire::MessageType::failure && header.id == 0) {
        broken_ = failure_of(message);
        return;
    }
    if (const auto map = maps.find(header.id); map != maps.end()) {
        try {
            map->second->on_message(std::move(message));
        } catch (const JobFailure& failure) {
            broken_ = failure;
        }
        return;
    }
    if (const auto wanted = answers_.find(header.id); wanted != answers_.end())
        wanted->second.push_back(std::move(message));
}

}  // namespace pinion::inline v0
