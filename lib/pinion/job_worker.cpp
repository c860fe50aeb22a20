// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <pinion/batch.h>
#include <pinion/job_worker.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "job_line.h"
#include "wire/frames.h"
#include "wire/limits.h"
#include "wire/little_endian.h"

namespace pinion::inline v0 {
namespace {

using wire::FrameCodec;

constexpr std::size_t read_size = 64 << 10;

[[noreturn]] void throw_errno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

// A JSON string of at most max_note_bytes of `text`. What is not UTF-8 becomes question marks.
std::string quoted(std::string_view text) {
    constexpr const char* digits = "0123456789abcdef";
    if (text.size() > wire::limits::max_note_bytes) {
        text = text.substr(0, wire::limits::max_note_bytes);
        // The cut may have halved a character.
        for (int i = 0; i < 3 && !is_valid_utf8(text); ++i) text.remove_suffix(1);
    }
    const bool sound = is_valid_utf8(text);
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20) {
            out += "\\u00";
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
        } else {
            out += sound || byte < 0x80 ? c : '?';
        }
    }
    return out += '"';
}

// A number of seconds as JSON, whatever the locale.
std::string seconds(std::chrono::microseconds span) {
    const auto count = std::max<std::chrono::microseconds::rep>(0, span.count());
    std::string fraction = std::to_string(count % 1'000'000);
    fraction.insert(0, 6 - fraction.size(), '0');
    return std::to_string(count / 1'000'000) + "." + fraction;
}

std::string error_json(const JobError& error) {
    std::string json = "{\"type\":" + quoted(error.type()) + ",\"message\":" + quoted(error.message());
    if (error.retry()) json += *error.retry() ? ",\"retry\":true" : ",\"retry\":false";
    if (error.after()) json += ",\"after\":" + seconds(*error.after());
    return json + "}";
}

UniqueFd take_socket() {
    const char* name = std::getenv("PINION_FD");
    const auto number = name == nullptr ? std::nullopt : parse_integer(name);
    if (!number || *number < 0 || *number > INT_MAX)
        throw Failure(
            "job worker: PINION_FD is not set; this program is to be a worker of a pool with 'protocol: frames'");
    const int given = static_cast<int>(*number);
    // Out of the way of the standard files.
    UniqueFd socket(::fcntl(given, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!socket) throw_errno("job worker: take the descriptor that PINION_FD names");
    ::unsetenv("PINION_FD");
    if (given > STDERR_FILENO) {
        ::close(given);
        return socket;
    }
    auto null = open_file("/dev/null", O_RDWR);
    if (!null || ::dup2(null->fd(), given) < 0) throw_errno("job worker: open /dev/null");
    return socket;
}

}  // namespace

// Calls the handler and adds what it makes of the job.
void JobWorker::answer(const Job& job, const Handler& handler) {
    try {
        const std::string result = handler(job);
        if (result.size() > wire::limits::max_payload_bytes)
            throw JobError("too_large",
                           "its result has more than " + std::to_string(wire::limits::max_payload_bytes) + " bytes")
                .retry(false);
        line_->add(Job::Line::result_type, job.raw_ ? FrameCodec::raw : FrameCodec::json, job.id_, result);
    } catch (const JobError& error) {
        line_->add(Job::Line::error_type, FrameCodec::json, job.id_, error_json(error));
    } catch (...) {
        const detail::Caught caught = detail::describe_exception();
        line_->add(Job::Line::error_type, FrameCodec::json, job.id_, error_json(JobError(caught.type, caught.text)));
    }
}

void Job::progress(double fraction, std::string_view note) const {
    // In millionths: a double is written with the locale's point.
    const auto millionths = static_cast<long>(std::clamp(fraction, 0.0, 1.0) * 1e6);
    std::string json = "{\"progress\":" + seconds(std::chrono::microseconds(millionths));
    if (!note.empty()) json += ",\"note\":" + quoted(note);
    line_->add(Line::progress_type, FrameCodec::json, id_, json + "}");
    line_->flush();
}

void Job::push(std::string_view pool, std::string_view input, const PushOptions& options) const {
    std::string head = "{\"pool\":" + quoted(pool);
    if (options.priority) head += ",\"priority\":" + std::to_string(*options.priority);
    if (options.delay.count() > 0) head += ",\"delay\":" + seconds(options.delay);
    head += "}";
    std::string body;
    for (const std::string_view part : {std::string_view(head), input}) {
        if (part.size() > wire::limits::max_payload_bytes)
            throw std::length_error("push a job: its input is too large");
        wire::append_u32(body, static_cast<std::uint32_t>(part.size()));
        body += part;
    }
    line_->add(Line::push_type, FrameCodec::body, id_, body);
}

JobError::JobError(const std::string& type, const std::string& message)
    : Failure(type + ": " + message), type_(type), message_(message) {}
JobError::~JobError() = default;

JobError& JobError::retry(bool again) noexcept {
    retry_ = again;
    return *this;
}

JobError& JobError::after(std::chrono::microseconds delay) noexcept {
    after_ = delay;
    return *this;
}

JobWorker::JobWorker() : line_(std::make_unique<Job::Line>(take_socket())) {
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
}
JobWorker::~JobWorker() = default;

int JobWorker::run(const Handler& handler) {
    std::vector<char> buffer(read_size);
    wire::FrameReader frames(wire::limits::max_answer_bytes);
    bool there = true;
    const auto take = [&](const wire::FrameHeader& header, std::string_view payload) {
        if (header.type != Job::Line::job_type || header.codec == FrameCodec::body)
            throw Failure("job worker: the daemon sent a frame of type " + std::to_string(header.type) +
                          ", which is no job");
        Job job(*line_);
        job.id_ = header.id;
        job.attempt_ = header.flags;
        job.raw_ = header.codec == FrameCodec::raw;
        job.input_ = payload;
        if (header.remaining_ms != 0) job.remaining_ = std::chrono::milliseconds(header.remaining_ms);
        // One that was tried before may have killed its worker: it is to take no answer with it.
        if (job.attempt_ > 1) there = there && line_->flush();
        if (there) answer(job, handler);
    };
    while (there) {
        const ssize_t n = line_->read(buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n == 0 || (n < 0 && errno == ECONNRESET)) break;
        if (n < 0) throw_errno("job worker: read from the daemon");
        const auto fed = frames.feed({buffer.data(), static_cast<std::size_t>(n)}, take);
        if (!fed) throw Failure("job worker: " + fed.error().message);
        there = there && line_->flush();
    }
    return 0;
}

}  // namespace pinion::inline v0
