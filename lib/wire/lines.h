// SPDX-License-Identifier: Apache-2.0
// The protocol `lines`: a job is a line on the worker's standard input, its answer a line on its standard output.
//
//     daemon → worker   {"id":7,"input":…,"attempt":1,"deadline_ms":60000}
//     worker → daemon   {"id":7,"result":…}                        also with "push":[{"pool":"next","input":…}]
//                       {"id":7,"error":{"type":"…","message":"…","retry":true,"after":1.5}}
//                       {"id":7,"progress":0.4,"note":"…"}
//
// `deadline_ms` is what is left for the attempt when the line is written; it is absent without a timeout. `retry` false
// makes an error permanent, `after` (seconds) asks for that delay. Whatever else a worker writes is no answer, but text
// for the job's log: stray output is counted and never fatal. With `payload: raw` both lines are bare text; see
// RawOrder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "wire/limits.h"

namespace pinion::wire {

// A new job that a result brings; `input` is JSON as the worker wrote it.
struct LinePush {
    std::string pool;
    std::string input;
    std::optional<std::uint32_t> priority;
    Duration delay{};
    bool operator==(const LinePush&) const = default;
};
struct LineResult {
    std::uint64_t id = 0;
    std::string_view value;  // JSON, a part of the line
    std::vector<LinePush> pushes;
    bool operator==(const LineResult&) const = default;
};
struct LineError {
    std::uint64_t id = 0;
    std::string type;
    std::string message;
    std::optional<bool> retry;
    std::optional<Duration> after;
    bool operator==(const LineError&) const = default;
};
struct LineProgress {
    std::uint64_t id = 0;
    std::optional<double> fraction;  // as the worker gave it
    std::string note;
    bool operator==(const LineProgress&) const = default;
};
// No answer: a print, a traceback, half a line. Whether an id is known is the scheduler's to say, not the parser's.
struct LineStray {
    const char* reason = "";
    bool operator==(const LineStray&) const = default;
};
using WorkerLine = std::variant<LineResult, LineError, LineProgress, LineStray>;

// What a line of a worker says. Pure; the result refers to `line`. An object with an id and an answer that is malformed
// (a push without a pool, an error that is a number) is an error answer of type "protocol", which is permanent: the
// worker has answered, and would answer the same again.
[[nodiscard]] WorkerLine parse_worker_line(std::string_view line);

// A job for a worker.
struct JobLine {
    std::uint64_t id = 0;
    std::string_view input;  // JSON
    std::uint32_t attempt = 1;
    std::optional<Duration> remaining;
};
// Appends its line. White space in `input` that would end the line becomes spaces, which JSON allows.
void append_job_line(std::string& out, const JobLine& job);

// Whether a raw payload fits on a line of its own.
[[nodiscard]] bool fits_raw_line(std::string_view payload) noexcept;

// Cuts a stream into lines without holding more than `max_bytes` of one.
class LineReader {
public:
    explicit LineReader(std::size_t max_bytes) noexcept : max_bytes_(max_bytes) {}

    // Calls `on_line(std::string_view line, bool whole)` for each line that `bytes` end, without its newline; the text
    // is valid during the call. A line longer than `max_bytes` comes once, cut, with `whole` false; its rest is
    // skipped.
    template <class OnLine>
    void feed(std::string_view bytes, OnLine&& on_line) {
        while (!bytes.empty()) {
            const auto end = bytes.find('\n');
            const auto piece = bytes.substr(0, end);
            if (end == std::string_view::npos) return hold(piece, on_line);
            bytes.remove_prefix(end + 1);
            if (held_.empty() && !skipping_ && piece.size() <= max_bytes_) {
                on_line(piece, true);
                continue;
            }
            hold(piece, on_line);
            if (!skipping_) on_line(std::string_view(held_), true);
            forget();
        }
    }

    // The stream has ended: what is left of it, without a newline; empty where it ended with one.
    template <class OnLine>
    void finish(OnLine&& on_line) {
        if (!held_.empty() && !skipping_) on_line(std::string_view(held_), false);
        forget();
    }

    [[nodiscard]] std::size_t held_bytes() const noexcept { return held_.size(); }

private:
    template <class OnLine>
    void hold(std::string_view piece, OnLine&& on_line) {
        if (skipping_) return;
        const std::size_t room = max_bytes_ - held_.size();
        held_.append(piece.substr(0, room));
        if (piece.size() <= room) return;
        on_line(std::string_view(held_), false);
        std::string().swap(held_);
        skipping_ = true;
    }
    void forget() {
        skipping_ = false;
        held_.clear();
        if (held_.capacity() > kept_bytes) std::string().swap(held_);
    }

    static constexpr std::size_t kept_bytes = 64 << 10;
    std::size_t max_bytes_;
    std::string held_;
    bool skipping_ = false;
};

// With `payload: raw` an answer has no id: the n-th line out belongs to the n-th line in. A surplus line breaks that
// for good, since nothing after it could be trusted.
class RawOrder {
public:
    void sent(std::uint64_t id) { waiting_.push_back(id); }
    // Whose answer the next line is; nothing for a surplus one: end the worker.
    [[nodiscard]] std::optional<std::uint64_t> answered();
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }

private:
    std::deque<std::uint64_t> waiting_;
};

}  // namespace pinion::wire
